"""The rules of CreateHyperParameterTuningJob that the service model can't say, in SageMaker's words where known."""

from typing import Any

from local_sagemaker import coverage
from local_sagemaker.errors import LimitExceededError, UnsupportedError, ValidationError
from local_sagemaker.operations import checks, tuning_strategy
from local_sagemaker.service import Service
from local_sagemaker.tuning import warm_start
from local_sagemaker.tuning.definitions import (
    MOST_PARALLEL,
    Definition,
    most_trials,
    quota,
    read_definitions,
    resource_config,
)
from local_sagemaker.tuning.space import combinations

MOST_TUNABLE = 30
MOST_HYPERPARAMETERS = 100
_OWN_HYPERPARAMETERS = 1


def check(service: Service, request: dict[str, Any]) -> None:
    """Raise ValidationError or UnsupportedError for a request that SageMaker, or this service, does not take."""
    _check_supported(request)
    if ("TrainingJobDefinition" in request) == ("TrainingJobDefinitions" in request):
        raise ValidationError("Provide either TrainingJobDefinition or TrainingJobDefinitions, not both.")
    if "TrainingJobDefinition" in request:
        _check_single(request)
    else:
        _check_list(request)
    definitions = read_definitions(request)
    for definition in definitions:
        _check_definition(service, definition)
    tuning_strategy.check(request["HyperParameterTuningJobConfig"], definitions)
    _check_limits(request, definitions)
    warm_start.check(request, {name: service.store.tuning_job(name) for name in warm_start.parent_names(request)})


def _check_supported(request: dict[str, Any]) -> None:
    """What SageMaker takes and this service does not do, by the place where it stands in the request."""
    coverage.refuse_unsupported(coverage.TUNING, request)
    if "WarmStartConfig" in request and "TrainingJobDefinitions" in request:
        raise UnsupportedError("WarmStartConfig together with TrainingJobDefinitions")
    listed = request.get("TrainingJobDefinitions", [])
    if len({item["TuningObjective"]["Type"] for item in listed if "TuningObjective" in item}) > 1:
        raise UnsupportedError("TrainingJobDefinitions whose TuningObjectives differ in Type")


def _check_single(request: dict[str, Any]) -> None:
    for member in ("TuningObjective", "HyperParameterRanges"):
        if member in request["TrainingJobDefinition"]:
            raise ValidationError(f"{member} belongs to TrainingJobDefinitions; TrainingJobDefinition can't have it.")
    if "HyperParameterTuningJobObjective" not in request["HyperParameterTuningJobConfig"]:
        raise ValidationError("HyperParameterTuningJobObjective is required.")


def _check_list(request: dict[str, Any]) -> None:
    for member in ("HyperParameterTuningJobObjective", "ParameterRanges"):
        if member in request["HyperParameterTuningJobConfig"]:
            raise ValidationError(f"With TrainingJobDefinitions, each definition has its own {member}.")
    items = request["TrainingJobDefinitions"]
    for item in items:
        for member in ("DefinitionName", "TuningObjective", "HyperParameterRanges"):
            if member not in item:
                raise ValidationError(f"{member} is required in each of TrainingJobDefinitions.")
    if len({item["DefinitionName"] for item in items}) < len(items):
        raise ValidationError("Each of TrainingJobDefinitions must have a DefinitionName of its own.")


def _check_definition(service: Service, definition: Definition) -> None:
    request = definition.request
    _check_objective(definition)
    _check_hyperparameters(definition)
    _check_resources(request)
    checks.check_metrics(request["AlgorithmSpecification"])
    checks.check_training(request | {"ResourceConfig": resource_config(request)})
    checks.check_role(service, request["RoleArn"])


def _check_resources(request: dict[str, Any]) -> None:
    flexible = request.get("HyperParameterTuningResourceConfig")
    if ("ResourceConfig" in request) == (flexible is not None):
        raise ValidationError(
            "Provide either ResourceConfig or HyperParameterTuningResourceConfig in a training job definition."
        )
    if flexible is not None and ("InstanceConfigs" in flexible) == ("InstanceType" in flexible):
        raise ValidationError(
            "HyperParameterTuningResourceConfig needs either InstanceConfigs or InstanceType, InstanceCount and "
            "VolumeSizeInGB."
        )


def _check_objective(definition: Definition) -> None:
    defined = {item["Name"] for item in definition.request["AlgorithmSpecification"].get("MetricDefinitions", [])}
    if definition.objective["MetricName"] not in defined:
        raise ValidationError(
            "A metric is required for this hyperparameter tuning job objective. "
            "Provide a metric in the metric definitions."
        )


def _check_hyperparameters(definition: Definition) -> None:
    space, static = definition.space, definition.static
    if not space:
        raise ValidationError("At least one hyperparameter range is required.")
    if len(space) > MOST_TUNABLE:
        raise ValidationError(f"You can tune at most {MOST_TUNABLE} hyperparameters; the request tunes {len(space)}.")
    if len(space) + len(static) + _OWN_HYPERPARAMETERS > MOST_HYPERPARAMETERS:
        raise ValidationError(
            f"The static and tunable hyperparameters, {len(space) + len(static)} and SageMaker's own, "
            f"exceed {MOST_HYPERPARAMETERS}."
        )
    both = sorted({item.name for item in space} & set(static))
    if both:
        raise ValidationError(f"Hyperparameters can't be both static and tunable: {', '.join(both)}.")


def _check_limits(request: dict[str, Any], definitions: tuple[Definition, ...]) -> None:
    config = request["HyperParameterTuningJobConfig"]
    limits = config["ResourceLimits"]
    most, parallel = limits.get("MaxNumberOfTrainingJobs"), limits["MaxParallelTrainingJobs"]
    ends_otherwise = "MaxRuntimeInSeconds" in limits or config.get("TuningJobCompletionCriteria")
    if most is None and config["Strategy"] != "Grid" and not ends_otherwise:
        raise ValidationError(
            "Provide ResourceLimits.MaxNumberOfTrainingJobs, ResourceLimits.MaxRuntimeInSeconds or "
            "TuningJobCompletionCriteria, so that the tuning job ends."
        )
    _check_quotas(config["Strategy"], most_trials(request), parallel)
    if most is None:
        return
    if parallel > most:
        raise ValidationError(
            f"The value of MaxParallelTrainingJobs, [{parallel}], must be less than or equal "
            f"to the value of MaxNumberOfTrainingJobs, [{most}]."
        )
    total = float(sum(combinations(definition.space) for definition in definitions))
    if total < most:
        raise ValidationError(
            "You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter "
            f"combinations for the provided ranges [{total}] must be equal or greater than the value of "
            f"MaxNumberOfJobs, [{most}]. Provide additional ranges."
        )


def _check_quotas(strategy: str, trials: int, parallel: int) -> None:
    if parallel > MOST_PARALLEL:
        name = "Maximum number of parallel training jobs per hyperparameter tuning job"
        raise LimitExceededError(name, MOST_PARALLEL, parallel)
    if trials > quota(strategy):
        name = "Maximum number of training jobs per hyperparameter tuning job"
        raise LimitExceededError(name, quota(strategy), trials)
