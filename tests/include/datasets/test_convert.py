"""Conversion: named by its content, done once, with a manifest that tells all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from include.datasets.catalogue import TEST_IMAGES, TRAIN_IMAGES, TRAIN_LABELS, Dataset
from include.datasets.convert import convert
from include.datasets.idx import to_idx
from include.errors import DatasetMismatchError, IdxFormatError, SplitError, StagingError


@pytest.fixture
def raw(tmp_path: Path, raw_files: Callable[..., dict[str, bytes]]) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    for name, content in raw_files().items():
        (folder / name).write_bytes(content)
    return folder


def run(raw: Path, dataset: Dataset, **options: Any) -> dict[str, Any]:
    return convert(raw, raw.parent / "converted", dataset=dataset, **{"validation": 6, "shards": 2} | options)


def test_folder_has_three_splits_and_a_manifest(raw: Path, small_dataset: Dataset) -> None:
    result = run(raw, small_dataset)
    folder = Path(result["uri"])
    assert result["examples"] == {"train": 24, "validation": 6, "test": 10}
    assert folder.name == result["fingerprint"]
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "manifest.json",
        *(f"{split}/part-0000{i}-of-00002.tfrecord" for split in ("test", "train", "validation") for i in range(2)),
    ]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["image"] == {"height": 4, "width": 5, "depth": 1}
    histograms = [manifest["splits"][name]["labels"] for name in ("train", "validation")]
    assert np.sum(histograms, axis=0).tolist() == [10, 10, 10]
    assert manifest["splits"]["test"]["labels"] == [4, 3, 3]


def test_same_input_has_the_same_fingerprint_and_any_change_another(raw: Path, small_dataset: Dataset) -> None:
    first = run(raw, small_dataset)["fingerprint"]
    assert run(raw, small_dataset)["fingerprint"] == first
    others = [{"seed": 1}, {"validation": 7}, {"shards": 1}, {"stratify": True}]
    assert len({run(raw, small_dataset, **other)["fingerprint"] for other in others} | {first}) == 5
    images = np.zeros((30, 4, 5), np.uint8)
    (raw / TRAIN_IMAGES).write_bytes(to_idx(images))
    assert run(raw, small_dataset)["fingerprint"] != first


def test_what_is_whole_is_not_written_again(raw: Path, small_dataset: Dataset) -> None:
    folder = Path(run(raw, small_dataset)["uri"])
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    run(raw, small_dataset)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    (folder / "manifest.json").unlink()
    again = run(raw, small_dataset)
    assert (Path(again["uri"]) / "manifest.json").exists()


def test_validation_is_the_datasets_own_unless_given(raw: Path, small_dataset: Dataset) -> None:
    with pytest.raises(SplitError, match="validation=5000 of 30 training examples"):
        run(raw, small_dataset, validation=None)


def test_label_outside_the_classes(raw: Path, small_dataset: Dataset) -> None:
    (raw / TRAIN_LABELS).write_bytes(to_idx(np.full(30, 3, np.uint8)))
    with pytest.raises(DatasetMismatchError, match=r"\(train\): label 3 of example 0 is outside 0\.\.2"):
        run(raw, small_dataset)


def test_test_images_of_another_size(raw: Path, small_dataset: Dataset) -> None:
    (raw / TEST_IMAGES).write_bytes(to_idx(np.zeros((10, 4, 4), np.uint8)))
    with pytest.raises(DatasetMismatchError, match=r"training images are \(4, 5\) but test images are \(4, 4\)"):
        run(raw, small_dataset)


def test_damaged_raw_file_leaves_nothing_behind(raw: Path, small_dataset: Dataset) -> None:
    (raw / TRAIN_IMAGES).write_bytes((raw / TRAIN_IMAGES).read_bytes()[:-1])
    with pytest.raises(IdxFormatError, match=TRAIN_IMAGES):
        run(raw, small_dataset)
    assert not (raw.parent / "converted").exists()


def test_broken_manifest_says_what_to_do(raw: Path, small_dataset: Dataset) -> None:
    folder = Path(run(raw, small_dataset)["uri"])
    (folder / "manifest.json").write_text("{")
    with pytest.raises(StagingError, match=r"is not a manifest of format 1: remove .* and convert again"):
        run(raw, small_dataset)
