"""The hyperparameters of the job: types, bounds, defaults and help. Knows nothing of TensorFlow.

They arrive as `--name value`. SageMaker sends every value as text, the training toolkit may wrap it in JSON quotes,
and a tuner may write an integer as `100.0`: all of that is accepted.
"""

import argparse
import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NoReturn

from errors import HyperparameterError

# Put there by SageMaker and its toolkit, meant for themselves: accepted and ignored.
IGNORED_NAMES = ("model_dir", "_tuning_objective_metric")
IGNORED_PREFIX = "sagemaker_"


def _declare(default: Any, text: str, *, low: float | None = None, high: float | None = None, choices: Any = ()) -> Any:
    return dataclasses.field(
        default=default, metadata={"help": text, "low": low, "high": high, "choices": tuple(choices)}
    )


@dataclasses.dataclass(frozen=True)
class Hyperparameters:
    """Checked settings of one training job. To add one, add a line here."""

    learning_rate: float = _declare(
        0.05, "peak of the schedule; 0.01 to 0.2 suits sgd, 0.0005 to 0.005 adam", low=1e-8, high=10
    )
    momentum: float = _declare(0.9, "momentum of sgd and nesterov, beta_1 of adam", low=0, high=0.999)
    optimizer: str = _declare("sgd", "how gradients become steps", choices=("sgd", "nesterov", "adam"))
    batch_size: int = _declare(100, "examples in a step, over all hosts and devices together", low=1, high=65536)
    dense_units: int = _declare(1024, "width of the hidden dense layer", low=1, high=65536)
    dropout: float = _declare(0.4, "share of the hidden units dropped while training", low=0, high=0.95)
    training_steps: int = _declare(
        1000, "steps to train in all, those before an interruption included", low=1, high=10**8
    )
    evaluation_steps: int = _declare(
        100, "batches of 100 in an evaluation, at most one pass of the split", low=1, high=10**8
    )
    evaluate_every: int = _declare(
        250, "steps between evaluations, each of which saves a checkpoint", low=1, high=10**8
    )
    seed: int = _declare(0, "of the weights, the order of the examples and the dropout", low=0, high=2**31 - 1)


def parse(argv: Sequence[str]) -> Hyperparameters:
    """Hyperparameters from `--name value` pairs.

    Raises HyperparameterError naming the hyperparameter, its value and what is allowed.
    """
    parser = _Parser(prog="mnist.py", allow_abbrev=False, description="Trains a network on images in TFRecords.")
    fields = dataclasses.fields(Hyperparameters)
    for field in fields:
        parser.add_argument(f"--{field.name}", metavar=f"<{field.type.__name__}>", help=_help(field))  # type: ignore[union-attr]
    for name in IGNORED_NAMES:
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    known, rest = parser.parse_known_args(argv)
    _refuse_unknown(rest)
    given = {field: getattr(known, field.name) for field in fields}
    return Hyperparameters(**{field.name: _value(field, text) for field, text in given.items() if text is not None})


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise HyperparameterError(f"hyperparameters: {message}; write each as --name value")


def _refuse_unknown(rest: Sequence[str]) -> None:
    names = [word[2:].split("=")[0] for word in rest if word.startswith("--")]
    unknown = [name for name in names if not name.startswith(IGNORED_PREFIX)]
    stray = [word for word in rest if not word.startswith("--")]
    if unknown:
        known = ", ".join(field.name for field in dataclasses.fields(Hyperparameters))
        raise HyperparameterError(f"unknown hyperparameter {unknown[0]!r}; the known ones are: {known}")
    if len(stray) > len(names):
        raise HyperparameterError(f"hyperparameters: {stray[0]!r} belongs to no name; write each as --name value")


def _help(field: "dataclasses.Field[Any]") -> str:
    meta = field.metadata
    allowed = ", ".join(meta["choices"]) or f"{meta['low']:g} to {meta['high']:g}"
    return f"{meta['help']} ({allowed}; default {field.default})"


def _value(field: "dataclasses.Field[Any]", text: str) -> Any:
    value = _convert(field, text.strip().strip("\"'"))
    meta = field.metadata
    if meta["choices"]:
        if value not in meta["choices"]:
            raise HyperparameterError(f"{field.name}={value} is not one of: {', '.join(meta['choices'])}")
    elif not meta["low"] <= value <= meta["high"]:  # also refuses nan
        raise HyperparameterError(f"{field.name}={value} is out of bounds; give {meta['low']:g} to {meta['high']:g}")
    return value


def _convert(field: "dataclasses.Field[Any]", text: str) -> Any:
    if field.type is str:
        return text
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if field.type is float and not math.isnan(number):
        return number
    if field.type is int and number.is_integer():
        return int(number)
    kind = "an integer" if field.type is int else "a number"
    raise HyperparameterError(f"{field.name}={text!r} is not {kind}")
