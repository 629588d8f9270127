"""The objective: loss and accuracy on the validation split, while the job trains.

The held-out test of the exported model is `evaluate.py`, another process on another split.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf

import input_pipeline
from hyperparameters import Hyperparameters
from model import Mode, ModelParams, model_fn
from progress import Say, check_finite

BATCH = 100  # not batch_size: trials of different batch sizes are judged on the same examples


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Means over the examples evaluated, and the step at which they were taken."""

    loss: float
    accuracy: float
    examples: int
    step: int


def announce(evaluation: Evaluation, say: Say) -> None:
    """Prints the objective in the form that the tuning job's metric definitions match."""
    say(f"loss = {evaluation.loss:.8g}")
    say(f"accuracy = {evaluation.accuracy:.8g}")


def evaluator(
    params: ModelParams, split: input_pipeline.Split, hyperparameters: Hyperparameters
) -> Callable[[int], Evaluation]:
    """A function from a step to the Evaluation of the split: `evaluation_steps` batches, one pass at most.

    The function raises DivergedError if the loss is not a number.
    """
    batches = input_pipeline.evaluation_batches(split, batch_size=BATCH).take(hyperparameters.evaluation_steps)

    @tf.function(reduce_retracing=True, autograph=False)  # type: ignore[untyped-decorator]
    def means(features: Any, labels: Any) -> tuple[Any, Any]:
        spec = model_fn(features, labels, Mode.EVAL, params)
        return spec.loss, spec.accuracy

    def evaluate(step: int) -> Evaluation:
        loss = accuracy = 0.0
        examples = 0
        for features, labels in batches:
            batch_loss, batch_accuracy = means(features, labels)
            loss += float(batch_loss) * len(labels)
            accuracy += float(batch_accuracy) * len(labels)
            examples += len(labels)
        check_finite("validation", loss, step, hyperparameters)
        return Evaluation(loss / examples, accuracy / examples, examples, step)

    return evaluate
