"""A little training on the real images, where they are at hand."""

import gzip
from pathlib import Path

import numpy as np

import loop
from cluster import Cluster
from environment import Environment
from hyperparameters import Hyperparameters
from input_pipeline import open_split
from tests.conftest import MNIST_FILES
from tests.training.fake_records import write_shards


def digits(images: Path, labels: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.frombuffer(gzip.decompress(images.read_bytes()), np.uint8, offset=16, count=count * 784)
    classes = np.frombuffer(gzip.decompress(labels.read_bytes()), np.uint8, offset=8, count=count)
    return pixels.reshape(-1, 28, 28), classes


def test_a_few_steps_read_nine_digits_of_ten(
    mnist_archives: Path, tmp_path: Path, job: Environment, one_device: Cluster
) -> None:
    train_images, train_labels, test_images, test_labels = (mnist_archives / f"{name}.gz" for name in MNIST_FILES)
    train = write_shards(tmp_path / "train", *digits(train_images, train_labels, 3000))
    test = write_shards(tmp_path / "test", *digits(test_images, test_labels, 1000))
    settings = Hyperparameters(dense_units=256, training_steps=120, batch_size=50)
    outcome = loop.train(
        settings,
        train_split=open_split(train),
        validation_split=open_split(test),
        job=job,
        cluster=one_device,
        say=print,
    )
    assert outcome.evaluation is not None
    assert outcome.evaluation.examples == 1000
    assert outcome.evaluation.accuracy > 0.9
