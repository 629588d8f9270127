"""The trained model on disk: a SavedModel as TensorFlow Serving expects it, and a metrics.json beside it."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import tensorflow as tf

from errors import DataError
from hyperparameters import Hyperparameters
from model import Mode, ModelParams, model_fn

VERSION = 1  # one job exports one version; Serving wants an integer for the folder's name
SIGNATURE = "serving_default"


class _Served(tf.Module):  # type: ignore[misc]
    """Holds the variables that the signature uses, so that the SavedModel tracks them."""

    def __init__(self, params: ModelParams, image_shape: tuple[int, int]) -> None:
        super().__init__()
        self.weights = [variable.value for variable in params.network.variables]
        images = tf.TensorSpec((None, *image_shape), tf.uint8, name="images")
        self.predict = tf.function(
            lambda images: model_fn(images, None, Mode.PREDICT, params).predictions,
            input_signature=[images],
            autograph=False,
        )


def export(params: ModelParams, image_shape: tuple[int, int], directory: Path) -> Path:
    """Writes `<directory>/1/`: images uint8 (n, height, width) to classes int64 (n,) and probabilities (n, 10)."""
    target = directory / str(VERSION)
    module = _Served(params, image_shape)
    tf.saved_model.save(module, str(target), signatures={SIGNATURE: module.predict})
    return target


def write_metrics(directory: Path, *, step: int, evaluation: Any, hyperparameters: Hyperparameters) -> None:
    """Writes `<directory>/metrics.json`: the step reached, the last evaluation and the hyperparameters."""
    validation = dataclasses.asdict(evaluation) if evaluation else None
    report = {"step": step, "validation": validation, "hyperparameters": dataclasses.asdict(hyperparameters)}
    (directory / "metrics.json").write_text(json.dumps(report, indent=2) + "\n")


def load(directory: Path) -> Any:
    """The newest exported model's signature: call it with `images=uint8 (n, height, width)`.

    Raises DataError if the directory holds no version.
    """
    versions = [path.parent for path in directory.glob("*/saved_model.pb") if path.parent.name.isdigit()]
    if not versions:
        raise DataError(f"{directory} holds no <version>/saved_model.pb: unpack model.tar.gz there")
    loaded = tf.saved_model.load(str(max(versions, key=lambda path: int(path.name))))
    signature = loaded.signatures[SIGNATURE]
    signature.model = loaded  # a signature alone does not keep its variables alive
    return signature
