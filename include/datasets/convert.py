"""From four raw IDX files to a folder of TFRecord shards with a manifest, named by the fingerprint of its content."""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from include.datasets.catalogue import Dataset
from include.datasets.raw import read_raw
from include.datasets.records import image_shape
from include.datasets.splits import Subset, everything, split
from include.datasets.tfrecord import write_shards
from include.errors import StagingError
from include.storage.staging import StagingPath, read_bytes, writing

MANIFEST = "manifest.json"
FORMAT = 1  # raise it when the same input is written as other bytes
SPLITS = ("train", "validation", "test")

_logger = logging.getLogger(__name__)


def convert(
    raw: StagingPath,
    target: StagingPath,
    *,
    dataset: Dataset,
    validation: int | float | None = None,
    seed: int = 0,
    stratify: bool = False,
    shards: int = 4,
    log: Callable[..., None] = _logger.info,
) -> dict[str, Any]:
    """Writes `<target>/<fingerprint>/{train,validation,test}/part-*.tfrecord` and manifest.json, the manifest last.

    raw holds the four uncompressed IDX files; validation is a count or a fraction of the training images (None: the
    dataset's own); shards is per split. The same input gives the same fingerprint, and what is already whole is not
    written again. Returns {"dataset", "uri", "fingerprint" (hex), "examples": {split: count}}.
    Raises IdxFormatError, DatasetMismatchError, SplitError, StagingError.
    """
    wanted = dataset.validation if validation is None else validation
    digests, (images, labels, test_images, test_labels) = read_raw(raw, dataset)
    train, held_out = split(images, labels, validation=wanted, seed=seed, stratify=stratify)
    subsets = dict(zip(SPLITS, (train, held_out, everything(test_images, test_labels)), strict=True))
    fingerprint = _fingerprint(dataset, digests, subsets, shards)
    folder = target / fingerprint
    if (folder / MANIFEST).exists():
        log("%s is already converted: %s", dataset.title, folder)
        return _summary(read_manifest(folder), folder)
    manifest = {
        "format": FORMAT,
        "dataset": dataset.name,
        "title": dataset.title,
        "classes": list(dataset.classes),
        "fingerprint": fingerprint,
        "image": dict(zip(("height", "width", "depth"), image_shape(images), strict=True)),
        "split": {"validation": wanted, "seed": seed, "stratify": stratify},
        "raw_sha256": digests,
        "splits": {name: _write(folder / name, subset, shards, dataset, log) for name, subset in subsets.items()},
    }
    with writing(folder, MANIFEST) as file:
        file.write(json.dumps(manifest, indent=1).encode())
    return _summary(manifest, folder)


def read_manifest(folder: StagingPath) -> dict[str, Any]:
    """The manifest of a converted dataset. Raises StagingError if it is not there or is not a manifest."""
    content = read_bytes(folder / MANIFEST)
    try:
        manifest = json.loads(content)
        if manifest["format"] == FORMAT and set(manifest["splits"]) == set(SPLITS):
            return dict(manifest)
    except (ValueError, KeyError, TypeError):
        pass
    raise StagingError(f"{folder / MANIFEST} is not a manifest of format {FORMAT}: remove {folder} and convert again")


def _fingerprint(dataset: Dataset, digests: dict[str, str], subsets: dict[str, Subset], shards: int) -> str:
    """64 bits (16 hex digits) of the SHA-256 of all that decides the shards' bytes."""
    orders = {name: hashlib.sha256(subset.order.tobytes()).hexdigest() for name, subset in subsets.items()}
    content = {
        "format": FORMAT,
        "dataset": dataset.name,
        "classes": dataset.classes,
        "raw": digests,
        "orders": orders,
        "shards": shards,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _write(
    folder: StagingPath, subset: Subset, shards: int, dataset: Dataset, log: Callable[..., None]
) -> dict[str, Any]:
    written = write_shards(folder, subset, shards=shards)
    size = sum(shard.bytes for shard in written)
    log("%s: %d examples in %d shards, %.1f MB", folder, len(subset), len(written), size / 1e6)
    histogram = np.bincount(subset.labels[subset.order], minlength=len(dataset.classes))
    return {"examples": len(subset), "labels": histogram.tolist(), "shards": [asdict(shard) for shard in written]}


def _summary(manifest: dict[str, Any], folder: StagingPath) -> dict[str, Any]:
    return {
        "dataset": manifest["dataset"],
        "uri": str(folder),
        "fingerprint": manifest["fingerprint"],
        "examples": {name: manifest["splits"][name]["examples"] for name in SPLITS},
    }
