"""A study says what is tuned: the code, its image, its objective, and which Params become hyperparameters.

Another model is another study; the tuning half of the DAG stays as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Range:
    """A hyperparameter to search.

    Its bounds are the Params `<name>_min` and `<name>_max`; a categorical one reads a list from `<name>_values`.
    """

    name: str
    kind: Literal["continuous", "integer", "categorical"]
    scaling: str = "Auto"


@dataclass(frozen=True)
class Objective:
    """The number to optimise: group 1 of `pattern`, matched against each line that a training job prints."""

    metric: str
    pattern: str
    direction: Literal["Minimize", "Maximize"]


@dataclass(frozen=True)
class Study:
    """What is the same in every run; what differs between runs are the DAG's Params."""

    code: str
    """Folder of the training script, below the project's root."""
    entry_point: str
    framework: str
    framework_version: str
    objective: Objective
    watched: Mapping[str, str]
    """Further metrics, name -> pattern, recorded for every trial but not optimised."""
    ranges: tuple[Range, ...]
    fixed: tuple[str, ...]
    """Params handed to the script as they are, under their own names."""
    strategy: Literal["Random", "Bayesian"] = "Random"

    def space(self, params: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The bounds of each range: {name: {"kind", "scaling", "min", "max"}} or {name: {"kind", "values"}}."""
        return {range_.name: _bounds(range_, params) for range_ in self.ranges}

    def static(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The hyperparameters that every trial gets alike."""
        return {name: params[name] for name in self.fixed}


def _bounds(range_: Range, params: Mapping[str, Any]) -> dict[str, Any]:
    if range_.kind == "categorical":
        return {"kind": range_.kind, "values": params[f"{range_.name}_values"]}
    low, high = params[f"{range_.name}_min"], params[f"{range_.name}_max"]
    return {"kind": range_.kind, "scaling": range_.scaling, "min": low, "max": high}
