"""Which earlier tuning jobs a new one may learn from, by SageMaker's own rules for parents.

Source: SageMaker developer guide, "Run a Warm Start Hyperparameter Tuning Job".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from include.storage.s3_layout import dataset_of
from include.tuning.jobs import DAG_TAG, tags_of

MOST_PARENTS = 5
MOST_CHANGES = 10
STRATEGIES = ("Bayesian", "Random")
_LOOKED_AT = 30
_FOUND = 60  # those of DAGs whose names begin alike included
_FINISHED = ("Completed", "Stopped")


@dataclass(frozen=True)
class WarmStart:
    """A WarmStartConfig, None for a cold start, and why it is so."""

    config: dict[str, Any] | None
    reason: str

    @property
    def parents(self) -> list[str]:
        """The parents' names."""
        listed = (self.config or {}).get("ParentHyperParameterTuningJobs", [])
        return [parent["HyperParameterTuningJobName"] for parent in listed]

    def as_row(self) -> dict[str, Any]:
        """For best_model.json."""
        return {"parents": self.parents, "reason": self.reason}


def choose(sagemaker: Any, request: Mapping[str, Any], beginning: str, before: datetime) -> WarmStart:
    """Up to five finished tuning jobs that fit `request` as parents, newest first.

    Looks at jobs whose names start with `beginning` and whose tag names the same DAG, as a name has room for the DAG's
    first letters only; and at those that were created before the run was, so that a run that is cleared chooses the
    same ones again.
    """
    strategy = request["HyperParameterTuningJobConfig"]["Strategy"]
    if strategy not in STRATEGIES:
        return WarmStart(None, f"cold start: SageMaker warm-starts no {strategy} search")
    fitting: list[Mapping[str, Any]] = []
    misfits: list[str] = []
    found = islice(_finished(sagemaker, beginning, before), _FOUND)
    own = (job for job in found if tags_of(sagemaker, job).get(DAG_TAG) == _dag(request))
    for job in islice(own, _LOOKED_AT):
        reason = misfit(request, job)
        if reason:
            misfits.append(f"{job['HyperParameterTuningJobName']}: {reason}")
        else:
            fitting.append(job)
        if len(fitting) == MOST_PARENTS:
            break
    if fitting:
        return _warm(request, fitting)
    if misfits:
        return WarmStart(None, f"cold start: none of {len(misfits)} earlier tuning jobs fits; {misfits[0]}")
    return WarmStart(None, "cold start: there is no finished tuning job of this DAG yet")


def misfit(request: Mapping[str, Any], parent: Mapping[str, Any]) -> str | None:
    """Why a described tuning job can't be a parent of the request; None where it can."""
    definition = parent.get("TrainingJobDefinition")
    if definition is None:
        return "it has several training job definitions"
    if _dataset(request["TrainingJobDefinition"]) != _dataset(definition):
        return "it tuned on another dataset"
    config, other = request["HyperParameterTuningJobConfig"], parent["HyperParameterTuningJobConfig"]
    if config["HyperParameterTuningJobObjective"] != other["HyperParameterTuningJobObjective"]:
        return "its objective is another one"
    ranges, before = _kinds(config), _kinds(other)
    names = {*ranges, *_static(request["TrainingJobDefinition"])}
    names_before = {*before, *_static(definition)}
    if names != names_before:
        return f"its hyperparameters differ by {', '.join(sorted(names ^ names_before))}"
    if retyped := sorted(name for name in ranges if before.get(name, ranges[name]) != ranges[name]):
        return f"the kind of range of {', '.join(retyped)} has changed"
    if len(changed := set(ranges) ^ set(before)) > MOST_CHANGES:
        return f"{len(changed)} hyperparameters were tuned there and are fixed here, or the reverse"
    return None


def _dag(request: Mapping[str, Any]) -> str | None:
    return next((tag["Value"] for tag in request.get("Tags", []) if tag["Key"] == DAG_TAG), None)


def _warm(request: Mapping[str, Any], parents: list[Mapping[str, Any]]) -> WarmStart:
    same = all(_is_identical(request, parent) for parent in parents)
    kind = "IdenticalDataAndAlgorithm" if same else "TransferLearning"
    names = [{"HyperParameterTuningJobName": parent["HyperParameterTuningJobName"]} for parent in parents]
    config = {"ParentHyperParameterTuningJobs": names, "WarmStartType": kind}
    return WarmStart(
        config, f"warm start ({kind}) from {', '.join(name['HyperParameterTuningJobName'] for name in names)}"
    )


def _is_identical(request: Mapping[str, Any], parent: Mapping[str, Any]) -> bool:
    """Whether data, image and code are those of the parent."""
    own, other = request["TrainingJobDefinition"], parent["TrainingJobDefinition"]
    return all(
        (
            _inputs(own) == _inputs(other),
            own["AlgorithmSpecification"]["TrainingImage"] == other["AlgorithmSpecification"].get("TrainingImage"),
            _code(own) == _code(other),
        )
    )


def _finished(sagemaker: Any, beginning: str, before: datetime) -> Iterator[Mapping[str, Any]]:
    pages = sagemaker.get_paginator("list_hyper_parameter_tuning_jobs").paginate(
        NameContains=beginning, CreationTimeBefore=before, SortBy="CreationTime", SortOrder="Descending"
    )
    for page in pages:
        for summary in page["HyperParameterTuningJobSummaries"]:
            name, status = summary["HyperParameterTuningJobName"], summary["HyperParameterTuningJobStatus"]
            evaluated = summary.get("ObjectiveStatusCounters", {}).get("Succeeded", 0)
            if name.startswith(beginning) and status in _FINISHED and evaluated:
                yield sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


def _kinds(config: Mapping[str, Any]) -> dict[str, str]:
    """{tuned hyperparameter: kind of its range}."""
    return {item["Name"]: kind for kind, ranges in config.get("ParameterRanges", {}).items() for item in ranges}


def _static(definition: Mapping[str, Any]) -> set[str]:
    return {name for name in definition.get("StaticHyperParameters", {}) if not name.startswith("_")}


def _inputs(definition: Mapping[str, Any]) -> dict[str, str]:
    channels = definition.get("InputDataConfig", [])
    return {channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in channels}


def _dataset(definition: Mapping[str, Any]) -> str:
    return dataset_of(_inputs(definition).get("train", ""))


def _code(definition: Mapping[str, Any]) -> str:
    return str(definition.get("StaticHyperParameters", {}).get("sagemaker_submit_directory", ""))
