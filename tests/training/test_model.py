"""In the manner of flax's MNIST example: shapes of each mode, one step lowers the loss."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from hyperparameters import Hyperparameters
from model import CLASSES, Dropout, Mode, ModelParams, build, build_optimizer, model_fn
from tests.training.fake_records import fake_images

IMAGES, LABELS = fake_images(8)


@pytest.fixture
def params(tiny: Hyperparameters) -> ModelParams:
    tf.keras.utils.set_random_seed(0)
    return build(dataclasses.replace(tiny, batch_size=8), (28, 28))


def test_the_network_is_the_tutorials() -> None:
    network = build(Hyperparameters(), (28, 28)).network
    shapes = [tuple(variable.shape) for variable in network.trainable_variables]
    kernels = [(5, 5, 1, 32), (5, 5, 32, 64), (7 * 7 * 64, 1024), (1024, CLASSES)]
    assert shapes == [shape for kernel in kernels for shape in (kernel, kernel[-1:])]


def test_predict_gives_classes_and_probabilities(params: ModelParams) -> None:
    spec = model_fn(IMAGES, None, Mode.PREDICT, params)
    assert spec.predictions is not None
    probabilities = spec.predictions["probabilities"].numpy()
    assert probabilities.shape == (8, CLASSES)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(spec.predictions["classes"].numpy(), probabilities.argmax(axis=1))
    assert spec.train_op is None
    assert spec.loss is None


def test_eval_gives_loss_and_accuracy_and_changes_nothing(params: ModelParams) -> None:
    before = [variable.numpy() for variable in params.network.variables]
    spec = model_fn(IMAGES, LABELS, Mode.EVAL, params)
    predictions = model_fn(IMAGES, None, Mode.PREDICT, params).predictions
    assert predictions is not None
    chosen = predictions["probabilities"].numpy()[np.arange(8), LABELS]
    assert spec.loss.shape == spec.accuracy.shape == ()
    assert float(spec.loss) == pytest.approx(-np.log(chosen).mean(), rel=1e-5)
    assert float(spec.accuracy) == pytest.approx((predictions["classes"].numpy() == LABELS).mean())
    assert all(np.array_equal(old, new) for old, new in zip(before, params.network.variables, strict=True))


def test_train_gives_a_scalar_loss_and_waits_for_its_step(params: ModelParams) -> None:
    spec = model_fn(IMAGES, LABELS, Mode.TRAIN, params)
    assert spec.loss.shape == ()
    assert int(params.optimizer.iterations) == 0
    assert spec.train_op is not None
    spec.train_op()
    assert int(params.optimizer.iterations) == 1


@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "adam"])
def test_one_step_lowers_the_loss(tiny: Hyperparameters, optimizer: str) -> None:
    tf.keras.utils.set_random_seed(0)
    params = build(dataclasses.replace(tiny, optimizer=optimizer, learning_rate=0.002, batch_size=8), (28, 28))
    before = model_fn(IMAGES, LABELS, Mode.EVAL, params).loss
    spec = model_fn(IMAGES, LABELS, Mode.TRAIN, params)
    assert spec.train_op is not None
    spec.train_op()
    assert model_fn(IMAGES, LABELS, Mode.EVAL, params).loss < before


def test_devices_that_share_a_batch_drop_other_units_and_one_alone_those_of_keras() -> None:
    def dropped(layer: tf.keras.layers.Layer) -> list[list[float]]:
        parts = tf.distribute.get_strategy().run(lambda: layer(tf.ones(40), training=True))
        return [part.numpy().tolist() for part in tf.distribute.get_strategy().experimental_local_results(parts)]

    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        first, second = dropped(Dropout(0.5, seed=3))
    assert first != second
    assert [first] == dropped(Dropout(0.5, seed=3)) == dropped(tf.keras.layers.Dropout(0.5, seed=3))


def test_the_learning_rate_climbs_to_its_peak_and_falls_to_nothing() -> None:
    rate = build_optimizer(Hyperparameters(learning_rate=0.2, training_steps=100))._learning_rate
    rates = [float(rate(step)) for step in range(101)]
    assert 0 < rates[0] < rates[5] < rates[10]
    assert max(rates) == rates[10] == pytest.approx(0.2)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0, abs=1e-6)


def test_a_single_training_step_has_a_learning_rate() -> None:
    rate = build_optimizer(Hyperparameters(learning_rate=0.2, training_steps=1))._learning_rate
    assert float(rate(0)) == pytest.approx(0.2)
