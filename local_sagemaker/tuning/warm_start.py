"""Warm start: what a tuning job may take over from its parents, and what it learns from their trials.

Rules and words from SageMaker's developer guide, "Run a Warm Start Hyperparameter Tuning Job", and from its errors.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from local_sagemaker.errors import ValidationError
from local_sagemaker.records import TrainingJob, TuningJob
from local_sagemaker.tuning.definitions import Definition, read_definitions
from local_sagemaker.tuning.history import Evaluation, sign

IDENTICAL = "IdenticalDataAndAlgorithm"
MOST_CHANGES = 10
STRATEGIES = ("Bayesian", "Random")
_CHANGEABLE = (
    "algorithmSpecification",
    "inputDataConfig",
    "outputDataConfig",
    "staticHyperParameters",
    "roleArn",
    "resourceConfig",
    "stoppingCondition",
    "vpcConfig",
    "enableManagedSpotTraining",
    "checkpointConfig",
)


def parent_names(request: dict[str, Any]) -> list[str]:
    """The parents that a request names, in its order; none without a WarmStartConfig."""
    parents = request.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", [])
    return [parent["HyperParameterTuningJobName"] for parent in parents if "HyperParameterTuningJobName" in parent]


def check(request: dict[str, Any], parents: Mapping[str, TuningJob | None]) -> None:
    """Raise ValidationError for a warm start that SageMaker does not take; `parents` are found by the names given."""
    if "WarmStartConfig" not in request:
        return
    strategy = request["HyperParameterTuningJobConfig"]["Strategy"]
    if strategy not in STRATEGIES:
        raise ValidationError(f"Warm start needs the strategy Bayesian or Random, not {strategy}.")
    names = [name.lower() for name in parent_names(request)]
    if not names or len(set(names)) < len(names):
        raise ValidationError("WarmStartConfig must name its parent tuning jobs, and each of them once.")
    for name, parent in parents.items():
        if parent is None:
            raise ValidationError(f"Amazon SageMaker can't find a tuning job called {name}. Type another name.")
        _check_parent(request, parent)


def evaluations(
    definition: Definition, parent: Definition, trials: Iterable[TrainingJob], task: int
) -> list[Evaluation]:
    """A parent's evaluated trials as configurations of `definition`, those that lie within its ranges.

    A hyperparameter that the parent kept has its value there; of one that is kept now, only trials with the value
    that it is kept at tell something.
    """
    found = []
    tuned = {item.name for item in definition.space}
    for trial in trials:
        values = {**parent.static, **trial.tuned}
        kept = (name for name in trial.tuned if name not in tuned)
        same = all(_plain(values[name]) == _plain(definition.static.get(name, "")) for name in kept)
        configuration = {item.name: _plain(values.get(item.name, "")) for item in definition.space}
        inside = all(item.unit(configuration[item.name]) is not None for item in definition.space)
        if trial.objective is not None and same and inside:
            found.append(Evaluation(configuration, sign(parent.objective) * trial.objective, task=task))
    return found


def _check_parent(request: dict[str, Any], parent: TuningJob) -> None:
    if parent.active:
        raise ValidationError(
            f"The parent tuning job {parent.name} is in status {parent.status}; a parent must be in a terminal status."
        )
    if "TrainingJobDefinition" not in parent.request:
        raise ValidationError(f"The parent tuning job {parent.name} has TrainingJobDefinitions; it can't be a parent.")
    (own,), (other,) = read_definitions(request), read_definitions(parent.request)
    if own.objective != other.objective:
        raise ValidationError(
            f"The objective metric must be the same as that of the parent tuning job {parent.name}, "
            f"{other.objective['Type']} {other.objective['MetricName']}."
        )
    _check_names(own, other, parent.name)
    _check_definitions(own.request, other.request)
    if request["WarmStartConfig"].get("WarmStartType") == IDENTICAL:
        _check_identical(own.request, other.request, parent.name)


def _check_names(own: Definition, other: Definition, parent: str) -> None:
    ranges, before = ({item.name: item for item in given.space} for given in (own, other))
    if {*ranges, *own.static} != {*before, *other.static}:
        raise ValidationError(
            "The set of tunable plus static HyperParameter names is not the same across current and parent tuning "
            "jobs. Please ensure this set is constant when warm starting. Note that previously static "
            "HyperParameters can be tuned in warm start jobs and vice versa."
        )
    retyped = sorted(name for name in ranges if name in before and type(ranges[name]) is not type(before[name]))
    if retyped:
        raise ValidationError(
            f"The type of a hyperparameter's range can't change in a warm start; {', '.join(retyped)} had another "
            f"type in the parent tuning job {parent}."
        )
    changed = set(ranges) ^ set(before)
    if len(changed) > MOST_CHANGES:
        raise ValidationError(
            f"At most {MOST_CHANGES} hyperparameters can change between tunable and static in a warm start; "
            f"{len(changed)} do against the parent tuning job {parent}."
        )


def _check_definitions(own: dict[str, Any], other: dict[str, Any]) -> None:
    members = {*own, *other}
    changed = (name for name in members if own.get(name) != other.get(name))
    if any(name[:1].lower() + name[1:] not in _CHANGEABLE for name in changed):
        raise ValidationError(
            f"Only the following fields in TrainingJobDefinition are allowed to change: [{', '.join(_CHANGEABLE)}]."
        )


def _check_identical(own: dict[str, Any], other: dict[str, Any], parent: str) -> None:
    """IdenticalDataAndAlgorithm is for the same input data and training image, as the service model has it."""
    differing = []
    image, before = (given["AlgorithmSpecification"].get("TrainingImage") for given in (own, other))
    if image != before:
        differing.append(f"the training image is {image}, there {before}")
    data, earlier = (_sources(given) for given in (own, other))
    differing += [
        f"the data of the channel {name} is {data.get(name)}, there {earlier.get(name)}"
        for name in sorted({*data, *earlier})
        if data.get(name) != earlier.get(name)
    ]
    if differing:
        raise ValidationError(
            f"The warm start type {IDENTICAL} needs the input data and the training image of the parent tuning job "
            f"{parent}, but {'; '.join(differing)}. Use TransferLearning instead."
        )


def _sources(definition: dict[str, Any]) -> dict[str, str]:
    """Where the data of each channel lies."""
    channels = definition.get("InputDataConfig", [])
    return {channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in channels}


def _plain(value: str) -> str:
    """A static value without the quotes that the SDK's JSON encoding puts around a string."""
    quoted = len(value) >= 2 and value[0] == value[-1] == '"'
    return value[1:-1] if quoted else value
