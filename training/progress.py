"""What the job says while it trains, and the end of a trial that has no hope. Knows nothing of TensorFlow."""

import math
from collections.abc import Callable

from errors import DivergedError
from hyperparameters import Hyperparameters

PROGRESS_STEPS = 50
HOPELESS = 5  # times the loss of guessing, as a mean over PROGRESS_STEPS; gradients are clipped, so no spike gets there

Say = Callable[[str], None]


def say(line: str) -> None:
    """Prints at once: SageMaker reads the metrics while the job runs."""
    print(line, flush=True)


class Progress:
    """Prints the mean training loss since the last line, every PROGRESS_STEPS, after the first step and at the end."""

    def __init__(self, hyperparameters: Hyperparameters, classes: int, tell: Say) -> None:
        self._hyperparameters = hyperparameters
        self._limit = HOPELESS * math.log(classes)
        self._tell = tell
        self._sum = 0.0
        self._steps = 0

    def add(self, step: int, count: int, loss: float) -> None:
        """Takes the mean loss of the `count` steps up to `step`. Raises DivergedError, see `check_finite`."""
        check_finite("training", loss, step, self._hyperparameters)
        self._sum += loss * count
        self._steps += count
        last = self._hyperparameters.training_steps
        if step != 1 and step % PROGRESS_STEPS and step < last:
            return
        mean = self._sum / self._steps
        self._sum, self._steps = 0.0, 0
        self._tell(f"step {step}/{last} training_loss={mean:.6g}")  # a name that the objective's pattern does not match
        if mean > self._limit:
            raise DivergedError(f"the training loss has grown to {mean:.4g} {_where(step, self._hyperparameters)}")


def check_finite(name: str, loss: float, step: int, hyperparameters: Hyperparameters) -> None:
    """Raises DivergedError with the step and the settings to lower if the loss is not a number."""
    if not math.isfinite(loss):
        raise DivergedError(f"the {name} loss is {loss} {_where(step, hyperparameters)}")


def _where(step: int, hyperparameters: Hyperparameters) -> str:
    settings = f"learning_rate={hyperparameters.learning_rate:g} and momentum={hyperparameters.momentum:g}"
    return f"at step {step}: training diverged with {settings}; lower one of them"
