"""scikit-learn's bundled handwritten digits as an MNIST-shaped dataset: no network needed."""

import numpy as np

from include.datasets.catalogue import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from include.datasets.idx import Bytes, to_idx
from include.datasets.splits import Subset, split

_SIZE = 28
_TEST_EXAMPLES = 360  # a fifth
_SEED = 0


def bundled_files() -> dict[str, bytes]:
    """The four IDX files by name: 1,437 train and 360 test images, 28x28, stratified, always the same.

    Source: sklearn.datasets.load_digits, 1,797 images of 8x8 with values 0..16 (UCI optical recognition of digits).
    """
    from sklearn.datasets import load_digits

    bundle = load_digits()
    images, labels = _enlarge(bundle.images), bundle.target.astype(np.uint8)
    train, test = split(images, labels, validation=_TEST_EXAMPLES, seed=_SEED, stratify=True)
    return {
        TRAIN_IMAGES: to_idx(_all(train)[0]),
        TRAIN_LABELS: to_idx(_all(train)[1]),
        TEST_IMAGES: to_idx(_all(test)[0]),
        TEST_LABELS: to_idx(_all(test)[1]),
    }


def _all(subset: Subset) -> tuple[Bytes, Bytes]:
    return subset.take(0, len(subset))


def _enlarge(images: np.ndarray) -> Bytes:  # type: ignore[type-arg]
    """(n, 8, 8) floats in 0..16 to (n, 28, 28) uint8 in 0..255, by linear interpolation."""
    from scipy.ndimage import zoom

    factor = _SIZE / images.shape[1]
    enlarged = zoom(images * (255 / 16), (1, factor, factor), order=1)
    return np.asarray(np.rint(enlarged).clip(0, 255), dtype=np.uint8)
