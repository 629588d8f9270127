"""What the tests of the training script share: its folder on sys.path, as SageMaker puts it there, and fake shards."""

import sys
from pathlib import Path

import pytest

TRAINING = Path(__file__).parents[2] / "training"
sys.path.insert(0, str(TRAINING))

import quiet  # noqa: E402

quiet.import_tensorflow()

import tensorflow as tf  # noqa: E402

from cluster import Cluster  # noqa: E402
from environment import Environment, read  # noqa: E402
from hyperparameters import Hyperparameters  # noqa: E402
from input_pipeline import Split, open_split  # noqa: E402
from tests.training.fake_records import fake_images, write_shards  # noqa: E402

# Two devices of one CPU, so that MirroredStrategy has something to mirror. Must precede the first operation.
_CPU = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(_CPU, [tf.config.LogicalDeviceConfiguration()] * 2)


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the channels train (40 images) and validation (20 images)."""
    folder = tmp_path_factory.mktemp("data")
    write_shards(folder / "train", *fake_images(40))
    write_shards(folder / "validation", *fake_images(20))
    return folder


@pytest.fixture(scope="session")
def splits(shards: Path) -> tuple[Split, Split]:
    return open_split(shards / "train"), open_split(shards / "validation")


@pytest.fixture
def tiny() -> Hyperparameters:
    """Enough to learn the fake images in a second."""
    return Hyperparameters(batch_size=10, dense_units=16, training_steps=12, evaluate_every=5, seed=3)


@pytest.fixture
def variables(shards: Path, tmp_path: Path) -> dict[str, str]:
    """The environment variables of a job, every directory in a folder of its own."""
    return {
        "SAGEMAKER_BASE_DIR": str(tmp_path),
        "SM_MODEL_DIR": str(tmp_path / "model"),
        "SM_CHANNEL_TRAIN": str(shards / "train"),
        "SM_CHANNEL_VALIDATION": str(shards / "validation"),
    }


@pytest.fixture
def job(variables: dict[str, str]) -> Environment:
    return read(variables)


@pytest.fixture
def one_device() -> Cluster:
    return Cluster(tf.distribute.get_strategy())
