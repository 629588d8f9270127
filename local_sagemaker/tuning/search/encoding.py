"""Configurations as points of the scaled unit cube, one coordinate in [0, 1] a range."""

import numpy as np
from numpy.typing import NDArray

from local_sagemaker.tuning.space import Categorical, Integer, Range, Space

Array = NDArray[np.float64]


def to_point(space: Space, configuration: dict[str, str]) -> Array | None:
    """Float64 (ranges,); None where a value lies outside its range or is missing."""
    units = [item.unit(configuration.get(item.name, "")) for item in space]
    return None if None in units else np.array(units, dtype=float)


def to_configuration(space: Space, point: Array) -> dict[str, str]:
    """The configuration that a point stands for."""
    return {item.name: item.value(float(unit)) for item, unit in zip(space, point, strict=True)}


def snap(space: Space, points: Array) -> Array:
    """Points (n, ranges) moved to what the trial really gets: an integer or a category to the middle of its share.

    So a model sees no difference where a trial sees none (Garrido-Merchan and Hernandez-Lobato, 2020).
    """
    return np.column_stack([_snapped(item, points[:, column]) for column, item in enumerate(space)])


def _snapped(item: Range, units: Array) -> Array:
    if isinstance(item, Categorical):
        count = len(item.values)
        return np.asarray((np.minimum(np.floor(units * count), count - 1) + 0.5) / count)
    if isinstance(item, Integer) and item.scaling == "Logarithmic":
        bottom, top = np.log(item.low - 0.5), np.log(item.high + 0.5)
        numbers = np.clip(np.round(np.exp(bottom + units * (top - bottom))), item.low, item.high)
        return np.asarray((np.log(numbers) - bottom) / (top - bottom))
    if isinstance(item, Integer):
        numbers = np.clip(item.low + np.floor(units * item.size), item.low, item.high)
        return np.asarray((numbers - item.low + 0.5) / item.size)
    return units
