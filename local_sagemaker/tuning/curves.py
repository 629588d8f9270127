"""What a trial has printed of its objective, one value an epoch, as losses."""

from collections.abc import Sequence
from dataclasses import dataclass


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
        return sum(self.losses[:epochs]) / epochs

    def shown(self, loss: float) -> str:
        """A loss as the value of the metric, for people."""
        return f"{self.sign * loss:g}"


@dataclass(frozen=True)
class Stop:
    """A trial that should stop, and the sentence with the numbers that say why."""

    trial: int
    reason: str


Curves = Sequence[Curve]
