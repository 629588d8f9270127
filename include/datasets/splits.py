"""Train and validation as positions in the training images, by a seed; the test split is a file of its own."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from include.datasets.idx import Bytes
from include.errors import DatasetMismatchError, SplitError

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Subset:
    """Examples of a split: all images, uint8 (n, h, w) or (n, h, w, d), all labels, uint8 (n,), and an order of some.

    Nothing is copied until a shard is written, so that a split costs 8 bytes an example.
    """

    images: Bytes
    labels: Bytes
    order: Positions

    def __len__(self) -> int:
        return len(self.order)

    def take(self, start: int, stop: int) -> tuple[Bytes, Bytes]:
        """Copies of the images and labels from position `start` to before `stop` of this split."""
        chosen = self.order[start:stop]
        return self.images[chosen], self.labels[chosen]


def everything(images: Bytes, labels: Bytes) -> Subset:
    """All examples in the order of the file."""
    return Subset(images, labels, np.arange(len(labels), dtype=np.int64))


def split(
    images: Bytes, labels: Bytes, *, validation: int | float, seed: int, stratify: bool = False
) -> tuple[Subset, Subset]:
    """Train and validation, both shuffled by `seed`, without overlap and without loss.

    validation: a number of examples, or a fraction in (0, 1) rounded to the nearest count.
    stratify: each class keeps its share (largest remainder), to within one example.
    Raises SplitError if either side would be empty, DatasetMismatchError if images and labels differ in number.
    """
    if len(images) != len(labels):
        raise DatasetMismatchError(f"{len(images)} images but {len(labels)} labels: take both from the same source")
    count = validation_count(validation, len(labels))
    order = np.random.default_rng(seed).permutation(len(labels))
    if not stratify:
        return Subset(images, labels, order[count:]), Subset(images, labels, order[:count])
    held_out = np.zeros(len(labels), dtype=bool)
    quotas = _quotas(np.bincount(labels), count)
    shuffled = labels[order]
    for label, quota in enumerate(quotas):
        held_out[np.flatnonzero(shuffled == label)[:quota]] = True
    return Subset(images, labels, order[~held_out]), Subset(images, labels, order[held_out])


def validation_count(validation: int | float, examples: int) -> int:
    """How many of `examples` a count, or a fraction in (0, 1), holds out. Raises SplitError outside 1..examples-1."""
    count = round(validation * examples) if 0 < validation < 1 else int(validation)
    if not 1 <= count < examples or (validation >= 1 and count != validation):
        raise SplitError(
            f"validation={validation} of {examples} training examples: give a count from 1 to {examples - 1}, "
            "or a fraction between 0 and 1 that leaves an example on both sides"
        )
    return count


def _quotas(per_class: npt.NDArray[np.int64], count: int) -> list[int]:
    """`count` shared among classes in proportion, by the largest remainder (Hamilton's method)."""
    exact = per_class * count
    total = int(per_class.sum())
    quotas = exact // total
    largest = np.argsort(-(exact % total), kind="stable")[: count - int(quotas.sum())]
    quotas[largest] += 1
    return [int(quota) for quota in quotas]
