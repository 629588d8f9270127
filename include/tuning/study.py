"""A study says what is tuned: the code, its image, its objective, and which hyperparameters there are to search or fix.

Another model is another study; the tuning half of the DAG, and its form, follow it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

TUNE = "tune"
"""The Param that lists the hyperparameters to search; every other one has the value of the Param of its name."""


@dataclass(frozen=True)
class Range:
    """A number that can be searched between the Params `<name>_min` and `<name>_max`, or fixed by the Param `<name>`.

    `value`, `low` and `high` are what the form begins with; `least` and `most` are what the script takes.
    """

    name: str
    kind: Literal["continuous", "integer"]
    value: float
    low: float
    high: float
    least: float
    most: float
    title: str = ""
    help: str = ""
    scaling: str = "Auto"


@dataclass(frozen=True)
class Choice:
    """One of a few words, to be searched among the Param `<name>_values`, or fixed by the Param `<name>`."""

    name: str
    value: str
    values: tuple[str, ...]
    title: str = ""
    help: str = ""
    kind: Literal["categorical"] = "categorical"


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
    hyperparameters: tuple[Range | Choice, ...]
    """Those that can be searched."""
    tuned: tuple[str, ...]
    """Those that the form begins with searching."""
    fixed: tuple[str, ...]
    """Params handed to the script as they are, under their own names."""
    emissions: tuple[str, str] | None = None
    """The Params whose quotient is how often a trial prints the objective, which is what Hyperband counts."""
    shared: str | None = None
    """The hyperparameter that the instances of a trial share evenly, such as a batch size."""

    def space(self, params: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The bounds of each tuned one: {name: {"kind", "scaling", "min", "max"}} or {name: {"kind", "values"}}."""
        return {known.name: _bounds(known, params) for known in self.hyperparameters if known.name in params[TUNE]}

    def static(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The hyperparameters that every trial gets alike."""
        kept = [known.name for known in self.hyperparameters if known.name not in params[TUNE]]
        return {name: params[name] for name in (*kept, *self.fixed)}

    def most_emissions(self, params: Mapping[str, Any]) -> int | None:
        """How often a trial that runs to its end prints the objective; None where the study does not say."""
        if self.emissions is None:
            return None
        total, every = (int(params[name]) for name in self.emissions)
        return -(-total // every)


def _bounds(known: Range | Choice, params: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(known, Choice):
        return {"kind": known.kind, "values": params[f"{known.name}_values"]}
    low, high = params[f"{known.name}_min"], params[f"{known.name}_max"]
    return {"kind": known.kind, "scaling": known.scaling, "min": low, "max": high}
