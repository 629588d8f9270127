"""A tuning request's ParameterRanges as typed ranges. Bounds arrive as strings; values leave as strings.

Scaling as the developer guide has it: Logarithmic needs bounds above 0, ReverseLogarithmic bounds in [0, 1) and a
continuous range; Auto is Logarithmic where the bounds allow it and span at least three decades, else Linear.
"""

import math
from dataclasses import dataclass
from typing import Any

from local_sagemaker.errors import ValidationError

_AUTO_LOG_RATIO = 1000.0


@dataclass(frozen=True)
class Continuous:
    """Floats in [low, high]."""

    name: str
    low: float
    high: float
    scaling: str = "Linear"

    @property
    def size(self) -> float:
        """How many values it has."""
        return math.inf if self.high > self.low else 1.0

    def value(self, unit: float) -> str:
        """The value at `unit` in [0, 1) of the scaled range, as SageMaker writes it."""
        return repr(min(max(unscale(unit, self.low, self.high, self.scaling), self.low), self.high))

    def unit(self, value: str) -> float | None:
        """Where `value` stands in the scaled range, in [0, 1]; None outside it."""
        number = _parsed(value)
        if number is None or not self.low <= number <= self.high:
            return None
        return scale(number, self.low, self.high, self.scaling)


@dataclass(frozen=True)
class Integer:
    """Integers in [low, high], both included."""

    name: str
    low: int
    high: int
    scaling: str = "Linear"

    @property
    def size(self) -> float:
        """How many values it has."""
        return self.high - self.low + 1

    def value(self, unit: float) -> str:
        """The value at `unit` in [0, 1) of the scaled range; each integer's share is its width there."""
        if self.scaling == "Logarithmic":
            number = round(unscale(unit, self.low - 0.5, self.high + 0.5, self.scaling))
        else:
            number = self.low + math.floor(unit * self.size)
        return str(min(max(number, self.low), self.high))

    def unit(self, value: str) -> float | None:
        """The middle of the share of `value`, in (0, 1); None where it is no integer of the range."""
        number = _parsed(value)
        if number is None or number != int(number) or not self.low <= number <= self.high:
            return None
        return scale(number, self.low - 0.5, self.high + 0.5, self.scaling)


@dataclass(frozen=True)
class Categorical:
    """One of some strings."""

    name: str
    values: tuple[str, ...]

    @property
    def size(self) -> float:
        """How many values it has."""
        return len(self.values)

    def value(self, unit: float) -> str:
        """The value at `unit` in [0, 1), all equally wide."""
        return self.values[min(int(unit * len(self.values)), len(self.values) - 1)]

    def unit(self, value: str) -> float | None:
        """The middle of the share of `value`, in (0, 1); None where it is none of the values."""
        return (self.values.index(value) + 0.5) / len(self.values) if value in self.values else None


Range = Continuous | Integer | Categorical
Space = tuple[Range, ...]


def read_space(ranges: dict[str, Any]) -> Space:
    """The ranges of a request, in its order. Raises ValidationError naming the range and the bound."""
    space: list[Range] = [_continuous(item) for item in ranges.get("ContinuousParameterRanges", [])]
    space += [_integer(item) for item in ranges.get("IntegerParameterRanges", [])]
    space += [Categorical(item["Name"], tuple(item["Values"])) for item in ranges.get("CategoricalParameterRanges", [])]
    names = [item.name for item in space]
    for name in names:
        if names.count(name) > 1:
            raise ValidationError(f"The hyperparameter {name} has more than one range.")
    return tuple(space)


def combinations(space: Space) -> float:
    """How many different configurations a space has; infinity with a continuous range."""
    return math.prod((item.size for item in space), start=1.0)


def unscale(unit: float, low: float, high: float, scaling: str) -> float:
    """The number at `unit` in [0, 1] of [low, high] under a scaling."""
    if scaling == "Logarithmic":
        return math.exp(math.log(low) + unit * (math.log(high) - math.log(low)))
    if scaling == "ReverseLogarithmic":
        first, last = -math.log1p(-low), -math.log1p(-high)
        return -math.expm1(-(first + unit * (last - first)))
    return low + unit * (high - low)


def scale(number: float, low: float, high: float, scaling: str) -> float:
    """The inverse of `unscale`: where `number` stands in [low, high]; 0.5 in a range of one number."""
    if low == high:
        return 0.5
    if scaling == "Logarithmic":
        return (math.log(number) - math.log(low)) / (math.log(high) - math.log(low))
    if scaling == "ReverseLogarithmic":
        first, last = -math.log1p(-low), -math.log1p(-high)
        return (-math.log1p(-number) - first) / (last - first)
    return (number - low) / (high - low)


def _parsed(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _continuous(item: dict[str, str]) -> Continuous:
    low, high = (_number(item, key, float) for key in ("MinValue", "MaxValue"))
    return Continuous(item["Name"], low, high, _scaling(item, low, high, "ContinuousParameterRange"))


def _integer(item: dict[str, str]) -> Integer:
    low, high = (_number(item, key, int) for key in ("MinValue", "MaxValue"))
    return Integer(item["Name"], int(low), int(high), _scaling(item, low, high, "IntegerParameterRange"))


def _number(item: dict[str, str], key: str, kind: type[int] | type[float]) -> float:
    try:
        number = kind(item[key])
        finite = math.isfinite(number)
    except (ValueError, OverflowError):
        finite = False
    if not finite:
        noun = "an integer" if kind is int else "a finite number"
        raise ValidationError(f"The {key} of the hyperparameter {item['Name']}, [{item[key]}], is not {noun}.")
    return number


def _scaling(item: dict[str, str], low: float, high: float, kind: str) -> str:
    name, scaling = item["Name"], item.get("ScalingType", "Auto")
    if low > high:
        raise ValidationError(
            f"The MinValue of the hyperparameter {name}, [{item['MinValue']}], must be less than or equal to "
            f"its MaxValue, [{item['MaxValue']}]."
        )
    if not math.isfinite(float(high) - float(low)):
        raise ValidationError(
            f"The range of the hyperparameter {name}, [{item['MinValue']}, {item['MaxValue']}], is too wide: its width "
            "is not a finite number."
        )
    if scaling == "Auto":
        return "Logarithmic" if low > 0 and high / low >= _AUTO_LOG_RATIO else "Linear"
    if scaling == "Logarithmic" and low <= 0:
        raise ValidationError(f"Logarithmic scaling of {name} needs a MinValue above 0, not [{item['MinValue']}].")
    if scaling == "ReverseLogarithmic":
        if kind == "IntegerParameterRange":
            raise ValidationError(f"ReverseLogarithmic scaling is for continuous ranges; {name} is an integer range.")
        if low < 0 or high >= 1:
            raise ValidationError(
                f"ReverseLogarithmic scaling of {name} needs 0 <= MinValue and MaxValue < 1, "
                f"not [{item['MinValue']}, {item['MaxValue']}]."
            )
    return scaling
