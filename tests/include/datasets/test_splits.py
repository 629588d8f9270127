"""Train and validation: a partition, by seed, in the size that was asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.datasets.splits import split
from include.errors import DatasetMismatchError, SplitError


def positions(labels: np.ndarray, **options: object) -> tuple[list[int], list[int]]:
    images = np.zeros((len(labels), 1, 1), np.uint8)
    train, validation = split(images, labels, **options)  # type: ignore[arg-type]
    return train.order.tolist(), validation.order.tolist()


@given(
    labels=st.lists(st.integers(0, 9), min_size=2, max_size=80),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 5),
    stratify=st.booleans(),
)
def test_nothing_is_lost_or_in_both(labels: list[int], share: float, seed: int, stratify: bool) -> None:
    count = min(max(1, round(share * len(labels))), len(labels) - 1)
    train, validation = positions(np.array(labels, np.uint8), validation=count, seed=seed, stratify=stratify)
    assert len(validation) == count
    assert sorted(train + validation) == list(range(len(labels)))


@given(labels=st.lists(st.integers(0, 4), min_size=10, max_size=200), count=st.integers(1, 9))
def test_stratified_classes_keep_their_share_to_within_one(labels: list[int], count: int) -> None:
    array = np.array(labels, np.uint8)
    _, validation = positions(array, validation=count, seed=1, stratify=True)
    for label in range(5):
        exact = (array == label).sum() * count / len(array)
        assert abs((array[validation] == label).sum() - exact) < 1


def test_seed_decides() -> None:
    labels = np.zeros(100, np.uint8)
    assert positions(labels, validation=10, seed=3) == positions(labels, validation=10, seed=3)
    assert positions(labels, validation=10, seed=3) != positions(labels, validation=10, seed=4)


def test_fraction_is_of_the_training_images() -> None:
    assert len(positions(np.zeros(60, np.uint8), validation=0.25, seed=0)[1]) == 15


@pytest.mark.parametrize("validation", [0, -1, 10, 11, 1.5, 0.01, 0.99])
def test_size_that_leaves_a_side_empty_is_refused(validation: float) -> None:
    with pytest.raises(SplitError, match=rf"validation={validation} of 10 training examples: give a count from 1 to 9"):
        positions(np.zeros(10, np.uint8), validation=validation, seed=0)


def test_images_and_labels_must_belong_together() -> None:
    with pytest.raises(DatasetMismatchError, match="3 images but 2 labels"):
        split(np.zeros((3, 1, 1), np.uint8), np.zeros(2, np.uint8), validation=1, seed=0)
