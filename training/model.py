"""The network, and the one function that says what it means to train, to evaluate and to ask it.

`model_fn` has the manners of TensorFlow's old Estimator: features, labels, mode and params in, and out comes a
ModelSpec with what the mode needs. The loop, the evaluation and the exported model all go through it.
"""

import dataclasses
import enum
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from hyperparameters import Hyperparameters

CLASSES = 10
WARMUP_SHARE = 0.1
CLIP_NORM = 1.0
"""Longest gradient: at the upper end of the learning rates one large step can otherwise kill every unit for good."""

keras = tf.keras


class Mode(enum.Enum):
    """What the model is asked for."""

    TRAIN = "train"
    EVAL = "eval"
    PREDICT = "predict"


@dataclasses.dataclass(frozen=True)
class ModelParams:
    """The variables that `model_fn` works on. `optimizer.iterations` is the global step."""

    network: Any
    optimizer: Any
    batch_size: int


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """What a mode has to say.

    TRAIN: `loss`, this replica's part of the mean over the whole batch, and `train_op`, which applies the gradients
    and advances the global step. EVAL: `loss` and `accuracy`, means over the batch. PREDICT: `predictions`, with
    `classes` int64 (n,) and `probabilities` float32 (n, 10).
    """

    loss: Any = None
    accuracy: Any = None
    train_op: Callable[[], None] | None = None
    predictions: dict[str, Any] | None = None


def model_fn(features: Any, labels: Any, mode: Mode, params: ModelParams) -> ModelSpec:
    """The model's answer in a mode, for images uint8 (n, height, width) and labels int (n,), unused by PREDICT."""
    images = tf.cast(features, tf.float32)[..., tf.newaxis] / 255.0
    if mode is Mode.TRAIN:
        return _train(images, labels, params)
    logits = params.network(images, training=False)
    classes = tf.argmax(logits, axis=-1)
    if mode is Mode.PREDICT:
        return ModelSpec(predictions={"classes": classes, "probabilities": tf.nn.softmax(logits)})
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    hits = tf.equal(classes, tf.cast(labels, classes.dtype))
    return ModelSpec(loss=tf.reduce_mean(losses), accuracy=tf.reduce_mean(tf.cast(hits, tf.float32)))


def _train(images: Any, labels: Any, params: ModelParams) -> ModelSpec:
    variables = params.network.trainable_variables
    with tf.GradientTape() as tape:
        logits = params.network(images, training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        # The sum over the replicas is then the mean over the whole batch, however many replicas share it.
        loss = tf.reduce_sum(losses) / params.batch_size

    def train_op() -> None:
        gradients, _ = tf.clip_by_global_norm(_summed(tape.gradient(loss, variables)), CLIP_NORM)
        # Keras sums over the replicas once more, so each gives its share of what is the same everywhere by now.
        shares = [gradient / tf.distribute.get_strategy().num_replicas_in_sync for gradient in gradients]
        params.optimizer.apply_gradients(zip(shares, variables, strict=True))

    return ModelSpec(loss=loss, train_op=train_op)


def _summed(gradients: list[Any]) -> list[Any]:
    """The gradients of the whole batch: those of all replicas together, since only their sum has a meaningful norm."""
    replica = tf.distribute.get_replica_context()
    if replica.num_replicas_in_sync == 1:
        return gradients
    summed: list[Any] = replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    return summed


def build(hyperparameters: Hyperparameters, image_shape: tuple[int, int]) -> ModelParams:
    """Fresh variables for images of (height, width): weights from the global seed, an optimizer at step 0."""
    network = build_network(hyperparameters, image_shape)
    optimizer = build_optimizer(hyperparameters)
    optimizer.build(network.trainable_variables)
    return ModelParams(network, optimizer, hyperparameters.batch_size)


def build_network(hyperparameters: Hyperparameters, image_shape: tuple[int, int]) -> Any:
    """Float images (n, height, width, 1) to logits (n, 10)."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((*image_shape, 1)),
            layers.Conv2D(32, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            Dense(hyperparameters.dense_units, activation="relu"),
            Dropout(hyperparameters.dropout, seed=hyperparameters.seed),
            layers.Dense(CLASSES),
        ]
    )


class Dense(keras.layers.Dense):  # type: ignore[misc]
    """Keras's, but for the order in which it multiplies backwards: a sixth of a step's time on two CPUs."""

    def call(self, inputs: Any) -> Any:
        """float (n, features) to float (n, units)."""
        product = _multiply(inputs, tf.convert_to_tensor(self.kernel))
        return self.activation(tf.nn.bias_add(product, self.bias))


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _multiply(inputs: Any, kernel: Any) -> Any:
    """Their matrix product. Its own gradient would multiply by the transposed kernel, four times slower in oneDNN."""

    def gradients(upstream: Any) -> tuple[Any, Any]:
        by_inputs = tf.transpose(tf.matmul(kernel, upstream, transpose_b=True))
        return by_inputs, tf.matmul(inputs, upstream, transpose_a=True)

    return tf.matmul(inputs, kernel), gradients


class Dropout(keras.layers.Dropout):  # type: ignore[misc]
    """Keras's, but for the seed: with Keras's own, every device that shares a batch would drop the same units."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """`inputs`, of which a share is 0 while training. One device alone gets the numbers of Keras's own layer."""
        if not training or self.rate == 0:
            return inputs
        replica = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int64)
        own = tf.stack([replica * 2**32, 0])  # far from every other seed: those are below 2**31
        seed = self.seed_generator.next() + own
        return tf.nn.experimental.stateless_dropout(inputs, rate=self.rate, seed=seed)


def build_optimizer(hyperparameters: Hyperparameters) -> Any:
    """The optimizer, on a learning rate that climbs for a tenth of the steps and then falls to 0 along a cosine."""
    peak, steps = hyperparameters.learning_rate, hyperparameters.training_steps
    warmup = int(steps * WARMUP_SHARE)
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=peak / (warmup + 1),
        decay_steps=steps - warmup,
        warmup_target=peak,
        warmup_steps=warmup,
    )
    if hyperparameters.optimizer == "adam":
        return keras.optimizers.Adam(rate, beta_1=hyperparameters.momentum)
    return keras.optimizers.SGD(
        rate, momentum=hyperparameters.momentum, nesterov=hyperparameters.optimizer == "nesterov"
    )
