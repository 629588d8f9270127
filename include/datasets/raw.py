"""The four raw IDX files of a dataset, read and checked against each other."""

import hashlib

from include.datasets.catalogue import Dataset
from include.datasets.idx import Bytes, check_pair, parse_images, parse_labels
from include.errors import DatasetMismatchError
from include.storage.staging import StagingPath, read_bytes


def read_raw(raw: StagingPath, dataset: Dataset) -> tuple[dict[str, str], tuple[Bytes, Bytes, Bytes, Bytes]]:
    """SHA-256 (hex) by file name, and the arrays as `parse_raw`. Raises StagingError if a file is missing."""
    contents = {file.name: read_bytes(raw / file.name) for file in dataset.files}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return digests, parse_raw(contents, dataset, str(raw))


def parse_raw(contents: dict[str, bytes], dataset: Dataset, where: str) -> tuple[Bytes, Bytes, Bytes, Bytes]:
    """Train images and labels, test images and labels, of the four files' bytes by name, checked against each other.

    Images are uint8 (n, h, w) or (n, h, w, d), labels uint8 (n,). Raises IdxFormatError, DatasetMismatchError.
    """
    names = [file.name for file in dataset.files]
    images, test_images = (parse_images(contents[name], f"{where}/{name}") for name in names[::2])
    labels, test_labels = (parse_labels(contents[name], f"{where}/{name}") for name in names[1::2])
    check_pair(images, labels, classes=len(dataset.classes), where=f"{where} (train)")
    check_pair(test_images, test_labels, classes=len(dataset.classes), where=f"{where} (test)")
    if images.shape[1:] != test_images.shape[1:]:
        raise DatasetMismatchError(
            f"{where}: training images are {images.shape[1:]} but test images are {test_images.shape[1:]}: "
            "take all four files from the same source"
        )
    return images, labels, test_images, test_labels
