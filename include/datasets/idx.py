"""IDX files of uint8, the format of MNIST, to NumPy arrays and back.

The format (yann.lecun.com/exdb/mnist): two zero bytes, a type code (0x08 is unsigned byte), the number of dimensions,
each dimension as a big-endian uint32, then the values in C order.
"""

import math
import struct

import numpy as np
import numpy.typing as npt

from include.errors import DatasetMismatchError, IdxFormatError
from include.storage.staging import StagingPath, read_bytes, writing

Bytes = npt.NDArray[np.uint8]

_UNSIGNED_BYTE = 0x08


def parse_images(content: bytes, name: str) -> Bytes:
    """Images as read-only uint8 (n, height, width), or (n, height, width, depth) of a four-dimensional file.

    `name` is for the error. Raises IdxFormatError naming the file and the byte.
    """
    return _parse(content, name, "images", allowed=(3, 4))


def parse_labels(content: bytes, name: str) -> Bytes:
    """Labels as read-only uint8 (n,). Raises IdxFormatError naming the file and the byte."""
    return _parse(content, name, "labels", allowed=(1,))


def read_images(path: StagingPath) -> Bytes:
    """Images of an uncompressed IDX file, as `parse_images`. Raises IdxFormatError, StagingError."""
    return parse_images(read_bytes(path), str(path))


def read_labels(path: StagingPath) -> Bytes:
    """Labels of an uncompressed IDX file, uint8 (n,). Raises IdxFormatError, StagingError."""
    return parse_labels(read_bytes(path), str(path))


def to_idx(array: Bytes) -> bytes:
    """The IDX file of a uint8 array of 1 to 255 dimensions."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, _UNSIGNED_BYTE, array.ndim, *array.shape)
    return header + np.ascontiguousarray(array, dtype=np.uint8).tobytes()


def write_idx(directory: StagingPath, name: str, array: Bytes) -> None:
    """Writes a uint8 array as directory/name, whole or not at all. Raises StagingError."""
    with writing(directory, name) as file:
        file.write(to_idx(array))


def check_pair(images: Bytes, labels: Bytes, *, classes: int, where: str) -> None:
    """Checks that there is a label in [0, classes) for each image. Raises DatasetMismatchError."""
    if len(images) != len(labels):
        raise DatasetMismatchError(
            f"{where}: {len(images)} images but {len(labels)} labels: take both files from the same source"
        )
    if len(labels) and int(labels.max()) >= classes:
        position = int(np.argmax(labels >= classes))
        raise DatasetMismatchError(
            f"{where}: label {labels[position]} of example {position} is outside 0..{classes - 1}: "
            "check the labels file, or declare more classes"
        )


def _parse(content: bytes, name: str, what: str, *, allowed: tuple[int, ...]) -> Bytes:
    if len(content) < 4:
        raise IdxFormatError(f"{name}: {len(content)} bytes is too short for an IDX file of {what}")
    dimensions = content[3]
    if content[:3] != bytes((0, 0, _UNSIGNED_BYTE)) or dimensions not in allowed:
        expected = " or ".join(f"0x{_UNSIGNED_BYTE << 8 | count:08x}" for count in allowed)
        raise IdxFormatError(
            f"{name}: byte 0 starts magic number 0x{content[:4].hex()}, an IDX file of {what} has {expected}"
        )
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise IdxFormatError(f"{name}: the header ends at byte {len(content)}, it needs {start} bytes")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    if len(content) != start + math.prod(shape):
        raise IdxFormatError(
            f"{name}: the header says {' x '.join(map(str, shape))} values from byte {start}, "
            f"which is {math.prod(shape)} bytes, but {len(content) - start} follow: the file is damaged"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
