"""The training definitions of a tuning job, one or several, and which of them each trial follows.

SageMaker takes either TrainingJobDefinition, with objective and ranges in the job's configuration, or
TrainingJobDefinitions, each with its own. Here both become the same thing.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from local_sagemaker.records import TrainingJob
from local_sagemaker.tuning.space import Space, combinations, read_space

MOST_TRIALS = {"Random": 10_000}
MOST_TRIALS_OF_OTHERS = 750
MOST_PARALLEL = 100
"""SageMaker's quotas; the number of trials ends a job that gives no MaxNumberOfTrainingJobs and meets no criterion."""


@dataclass(frozen=True)
class Definition:
    """One training definition: its request, objective ({"Type", "MetricName"}) and ranges; `name` in a list only."""

    request: dict[str, Any]
    objective: dict[str, str]
    ranges: dict[str, Any]
    name: str | None = None

    @cached_property
    def space(self) -> Space:
        """The ranges, typed."""
        return read_space(self.ranges)

    @property
    def static(self) -> dict[str, str]:
        """The hyperparameters that stay."""
        static: dict[str, str] = self.request.get("StaticHyperParameters", {})
        return static


def read_definitions(request: dict[str, Any]) -> tuple[Definition, ...]:
    """The definitions of a CreateHyperParameterTuningJob that has been checked."""
    if "TrainingJobDefinition" in request:
        config = request["HyperParameterTuningJobConfig"]
        objective, ranges = config["HyperParameterTuningJobObjective"], config.get("ParameterRanges", {})
        return (Definition(request["TrainingJobDefinition"], objective, ranges),)
    return tuple(
        Definition(item, item["TuningObjective"], item["HyperParameterRanges"], item["DefinitionName"])
        for item in request["TrainingJobDefinitions"]
    )


def quota(strategy: str) -> int:
    """How many trials SageMaker allows a tuning job of a strategy."""
    return MOST_TRIALS.get(strategy, MOST_TRIALS_OF_OTHERS)


def position(request: dict[str, Any], trial: int) -> tuple[int, int]:
    """Which definition trial number `trial` follows, from 0, and which trial of that definition it is, from 1.

    Definitions take turns; a grid goes through one definition after the other.
    """
    definitions = read_definitions(request)
    if request["HyperParameterTuningJobConfig"]["Strategy"] != "Grid":
        before, index = divmod(trial - 1, len(definitions))
        return index, before + 1
    for index, definition in enumerate(definitions):
        size = int(combinations(definition.space))
        if trial <= size:
            return index, trial
        trial -= size
    raise ValueError(f"The grid has no combination number {trial} beyond its last.")


def most_trials(request: dict[str, Any]) -> int:
    """How many trials a job may create: MaxNumberOfTrainingJobs, else what its space or the quota allows."""
    config = request["HyperParameterTuningJobConfig"]
    given = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    if given is not None:
        return int(given)
    sizes = [combinations(definition.space) for definition in read_definitions(request)]
    if config["Strategy"] == "Grid":
        return int(sum(sizes))
    # Definitions take turns, so the smallest space is used up first.
    most = quota(config["Strategy"])
    return int(min(most, min(sizes) * len(sizes) if math.isfinite(min(sizes)) else most))


def last_number(trials: Iterable[TrainingJob]) -> int:
    """The highest trial number given so far; a trial that was deleted since still counts where others follow it."""
    return max((trial.trial for trial in trials), default=0)


def resource_config(definition: dict[str, Any]) -> dict[str, Any]:
    """The ResourceConfig that the trials of a definition get: the first of InstanceConfigs where a list is given."""
    if "ResourceConfig" in definition:
        plain: dict[str, Any] = definition["ResourceConfig"]
        return plain
    flexible: dict[str, Any] = definition["HyperParameterTuningResourceConfig"]
    chosen = flexible.get("InstanceConfigs", [flexible])[0]
    keys = ("InstanceType", "InstanceCount", "VolumeSizeInGB")
    config = {key: chosen[key] for key in keys if key in chosen}
    if "VolumeKmsKeyId" in flexible:
        config["VolumeKmsKeyId"] = flexible["VolumeKmsKeyId"]
    return config
