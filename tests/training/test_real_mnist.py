"""A little training on the real images, where they are at hand: MNIST_DIR, or shared/data/mnist beside the checkout."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

import loop
from cluster import Cluster
from environment import Environment
from hyperparameters import Hyperparameters
from input_pipeline import open_split
from tests.training.fake_records import write_shards

BESIDE = Path(__file__).parents[3] / "shared" / "data" / "mnist"
MNIST = Path(os.environ.get("MNIST_DIR", BESIDE))

pytestmark = pytest.mark.skipif(
    not (MNIST / "train-images-idx3-ubyte.gz").is_file(), reason=f"no MNIST files in {MNIST}; set MNIST_DIR"
)


def digits(images: str, labels: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.frombuffer(gzip.decompress((MNIST / images).read_bytes()), np.uint8, offset=16, count=count * 784)
    classes = np.frombuffer(gzip.decompress((MNIST / labels).read_bytes()), np.uint8, offset=8, count=count)
    return pixels.reshape(-1, 28, 28), classes


def test_a_few_steps_read_nine_digits_of_ten(tmp_path: Path, job: Environment, one_device: Cluster) -> None:
    train = write_shards(tmp_path / "train", *digits("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", 3000))
    test = write_shards(tmp_path / "test", *digits("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", 1000))
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
