"""TFRecords of images and labels, with NumPy and a CRC32C library; no TensorFlow.

A record (tensorflow/core/lib/io/record_writer.h): length, uint64; masked CRC32C of the length, uint32; the payload;
masked CRC32C of the payload, uint32; all little-endian. Images of one size differ only in label, pixels and CRC, so
all else is written once into a buffer that is used again and again and is small enough for the processor's cache.
"""

import struct
from itertools import chain

import google_crc32c
import numpy as np
import numpy.typing as npt

from include.datasets.example_proto import template
from include.datasets.idx import Bytes

_HEADER_BYTES = 12
_FOOTER_BYTES = 4
_MASK_DELTA = 0xA282EAD8
_FIRST_WIDE_LABEL = 128


def image_shape(images: Bytes) -> tuple[int, int, int]:
    """(height, width, depth) of one image of an array (n, h, w), which has depth 1, or (n, h, w, d)."""
    height, width, *depth = images.shape[1:]
    return int(height), int(width), int(depth[0]) if depth else 1


def encode(images: Bytes, labels: Bytes) -> bytes:
    """Records of images, uint8 (n, h, w) or (n, h, w, d), and labels, uint8 (n,), in order."""
    return Encoder(image_shape(images), max(1, len(images))).encode(images, labels).tobytes()


class Encoder:
    """Encodes blocks of up to `rows` images of (height, width, depth)."""

    def __init__(self, shape: tuple[int, int, int], rows: int) -> None:
        self._shape, self._rows = shape, rows
        self._narrow = _Buffer(shape, rows, wide_label=False)
        self._wide: _Buffer | None = None

    def encode(self, images: Bytes, labels: Bytes) -> Bytes:
        """The records' bytes, uint8 (any,), valid until the next call."""
        pixels = images.reshape(len(images), -1)
        wide = labels >= _FIRST_WIDE_LABEL
        if not wide.any():
            return self._narrow.fill(pixels, labels).reshape(-1)
        if self._wide is None:
            self._wide = _Buffer(self._shape, self._rows, wide_label=True)
        # A label of 128 or more takes two bytes as a varint, so its records are longer: the block is put together.
        rows: list[bytes] = [b""] * len(labels)
        for buffer, group in ((self._narrow, np.flatnonzero(~wide)), (self._wide, np.flatnonzero(wide))):
            for position, row in zip(group.tolist(), buffer.fill(pixels[group], labels[group]), strict=True):
                rows[position] = row.tobytes()
        return np.frombuffer(b"".join(rows), dtype=np.uint8)


class _Buffer:
    """Rows of records of one length, everything but label, pixels and payload CRC already in place."""

    def __init__(self, shape: tuple[int, int, int], rows: int, *, wide_label: bool) -> None:
        form = template(shape, wide_label=wide_label)
        self._label_at, self._pixels_at = _HEADER_BYTES + form.label_at, _HEADER_BYTES + form.pixels_at
        self._record = np.frombuffer(_header(len(form.message)) + form.message + bytes(_FOOTER_BYTES), dtype=np.uint8)
        self._records = np.tile(self._record, (rows, 1))

    def fill(self, pixels: Bytes, labels: Bytes) -> Bytes:
        """Records, uint8 (n, record size), of pixels (n, h * w * d) and labels (n,): a view of this buffer."""
        records = self._records[: len(labels)]
        # A varint's byte is the low seven bits, its top bit set if an eighth follows, which the template has.
        records[:, self._label_at] = labels
        records[:, self._pixels_at : -_FOOTER_BYTES] = pixels
        records[:, -_FOOTER_BYTES:] = _payload_checksums(records)
        return records


def _payload_checksums(records: Bytes) -> Bytes:
    """The footers of records, uint8 (n, 4). The library takes bytes objects: each payload is one for a moment."""
    payload = f"{_HEADER_BYTES}x{records.shape[1] - _HEADER_BYTES - _FOOTER_BYTES}s{_FOOTER_BYTES}x"
    payloads = chain.from_iterable(struct.iter_unpack(payload, records.data))
    checksums = np.fromiter(map(google_crc32c.value, payloads), dtype=np.uint32, count=len(records))
    return _masked(checksums).astype("<u4").view(np.uint8).reshape(-1, _FOOTER_BYTES)


def _masked(checksums: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """A rotation by 15 bits and a constant, since a CRC of data that holds its own CRC is weak."""
    return ((checksums >> np.uint32(15)) | (checksums << np.uint32(17))) + np.uint32(_MASK_DELTA)


def _header(size: int) -> bytes:
    length = struct.pack("<Q", size)
    checksum = _masked(np.array([google_crc32c.value(length)], dtype=np.uint32))
    return length + checksum.astype("<u4").tobytes()
