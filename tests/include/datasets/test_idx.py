"""IDX files: what is read is what was written, and a damaged file says where."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from include.datasets.idx import check_pair, parse_images, parse_labels, read_images, read_labels, to_idx, write_idx
from include.errors import DatasetMismatchError, IdxFormatError, StagingError


@given(hnp.arrays(np.uint8, st.tuples(*[st.integers(0, 6)] * 3) | st.tuples(*[st.integers(0, 5)] * 4)))
def test_any_images_survive_the_file(images: np.ndarray) -> None:
    again = parse_images(to_idx(images), "images")
    assert again.shape == images.shape
    assert np.array_equal(again, images)


def test_written_file_has_the_header_of_mnist(tmp_path: Path) -> None:
    write_idx(tmp_path, "images", np.zeros((3, 28, 28), np.uint8))
    assert (tmp_path / "images").read_bytes()[:16] == struct.pack(">IIII", 0x00000803, 3, 28, 28)
    assert read_images(tmp_path / "images").shape == (3, 28, 28)
    write_idx(tmp_path, "labels", np.arange(3, dtype=np.uint8))
    assert read_labels(tmp_path / "labels").tolist() == [0, 1, 2]


def test_wrong_magic_names_file_byte_and_expected_number() -> None:
    labels = to_idx(np.arange(3, dtype=np.uint8))
    with pytest.raises(IdxFormatError, match=r"^train: byte 0 .*0x00000801.*images has 0x00000803 or 0x00000804$"):
        parse_images(labels, "train")


@pytest.mark.parametrize("content", [b"", b"\x00\x00\x08", b"\x00\x00\x08\x01\x00", b"<html>not found</html>"])
def test_what_is_too_short_or_no_idx_is_one_line(content: bytes) -> None:
    with pytest.raises(IdxFormatError, match=r"^labels: [^\n]+$"):
        parse_labels(content, "labels")


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: c + b"x"])
def test_size_that_disagrees_with_the_header_says_both(damage: object) -> None:
    content = to_idx(np.zeros((2, 3, 4), np.uint8))
    with pytest.raises(IdxFormatError, match=r"says 2 x 3 x 4 values from byte 16.* 24 bytes, but (23|25) follow"):
        parse_images(damage(content), "images")  # type: ignore[operator]


def test_images_and_labels_that_differ_in_number() -> None:
    with pytest.raises(DatasetMismatchError, match="train: 3 images but 2 labels"):
        check_pair(np.zeros((3, 2, 2), np.uint8), np.zeros(2, np.uint8), classes=10, where="train")


def test_label_out_of_range_names_the_example() -> None:
    labels = np.array([0, 9, 10], np.uint8)
    with pytest.raises(DatasetMismatchError, match=r"label 10 of example 2 is outside 0\.\.9"):
        check_pair(np.zeros((3, 2, 2), np.uint8), labels, classes=10, where="train")


def test_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StagingError, match="labels is not there: run the task that writes it again"):
        read_labels(tmp_path / "labels")
