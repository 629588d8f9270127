"""The four raw MNIST files for a benchmark: the real ones where they are at hand, else random images of their size."""

from pathlib import Path

import numpy as np

from include.datasets.catalogue import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, find_dataset
from include.datasets.idx import write_idx
from include.datasets.sources import download
from include.errors import ProjectError

BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"
TRAIN, TEST = 60_000, 10_000


def make_raw(raw: Path, source: str) -> str:
    """Fills the folder `raw` and returns a line that says with what.

    source: a folder, URL or S3 prefix; "" means the folder ../shared/data/mnist beside the checkout, else random.
    """
    if not source and BESIDE_THE_CHECKOUT.is_dir():
        source = str(BESIDE_THE_CHECKOUT)
    if not source:
        random_split(raw, TRAIN_IMAGES, TRAIN_LABELS, TRAIN)
        random_split(raw, TEST_IMAGES, TEST_LABELS, TEST)
        return f"{TRAIN + TEST:,} random images of 28x28; --raw names a folder or URL with MNIST"
    try:
        download(find_dataset("mnist"), raw, source=source)
    except ProjectError as error:
        raise SystemExit(str(error)) from None
    return "MNIST"


def random_split(raw: Path, images: str, labels: str, count: int) -> None:
    """`count` images of 28x28 and labels of 10 classes as two IDX files of these names."""
    raw.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    write_idx(raw, images, rng.integers(0, 256, (count, 28, 28), np.uint8))
    write_idx(raw, labels, rng.integers(0, 10, count, np.uint8))
