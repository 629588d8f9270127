"""What a trial has printed of its objective, one value an epoch, as losses."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from local_sagemaker.records import Metric
from local_sagemaker.tuning.history import sign


@dataclass(frozen=True)
class Curve:
    """One trial's objective so far. `losses` are lower for better; `times`, seconds since the epoch, are as many.

    `sign` times a loss is the value that the trial printed.
    """

    trial: int
    losses: tuple[float, ...]
    times: tuple[float, ...] = ()
    sign: float = 1.0

    @property
    def epochs(self) -> int:
        """How many values it has."""
        return len(self.losses)

    def running_average(self, epochs: int) -> float:
        """The mean of the first `epochs` losses."""
        return self._sums[epochs - 1] / epochs

    @cached_property
    def _sums(self) -> tuple[float, ...]:
        return tuple(accumulate(self.losses))

    def shown(self, loss: float) -> str:
        """A loss as the value of the metric, for people."""
        return f"{self.sign * loss:g}"


@dataclass(frozen=True)
class Stop:
    """A trial that should stop, and the sentence with the numbers that say why."""

    trial: int
    reason: str


Curves = Sequence[Curve]


def read_curve(trial: int, metrics: Sequence[Metric], objective: dict[str, str]) -> Curve:
    """The curve of a trial that printed these values of its objective."""
    factor = sign(objective)
    losses = tuple(factor * metric.value for metric in metrics)
    return Curve(trial, losses, tuple(metric.time for metric in metrics), factor)
