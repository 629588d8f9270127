"""The rules of CreateHyperParameterTuningJob that the service model can't say, in SageMaker's words where known."""

from typing import Any

from local_sagemaker.errors import UnsupportedError, ValidationError
from local_sagemaker.operations import checks
from local_sagemaker.service import Service
from local_sagemaker.tuning.space import combinations, read_space

MOST_TUNABLE = 30
MOST_HYPERPARAMETERS = 100
_OWN_HYPERPARAMETERS = 1


def check(service: Service, request: dict[str, Any]) -> None:
    """Raise ValidationError or UnsupportedError for a request that SageMaker, or this service, does not take."""
    _check_supported(request)
    config, definition = request["HyperParameterTuningJobConfig"], request["TrainingJobDefinition"]
    _check_objective(config, definition)
    _check_hyperparameters(config, definition)
    _check_limits(config)
    checks.check_metrics(definition["AlgorithmSpecification"])
    checks.check_training(definition)
    checks.check_role(service, definition["RoleArn"])


def _check_supported(request: dict[str, Any]) -> None:
    """What SageMaker takes and this service does not do yet, by the place where it stands in the request."""
    _refuse_members(request, "CreateHyperParameterTuningJob", ("Autotune", "WarmStartConfig", "TrainingJobDefinitions"))
    if "TrainingJobDefinition" not in request:
        raise ValidationError("TrainingJobDefinition is required.")
    config, definition = request["HyperParameterTuningJobConfig"], request["TrainingJobDefinition"]
    if config["Strategy"] != "Random":
        raise UnsupportedError(f"The strategy {config['Strategy']} (only Random)")
    if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        raise UnsupportedError("TrainingJobEarlyStoppingType Auto")
    _refuse_members(config, "HyperParameterTuningJobConfig", ("TuningJobCompletionCriteria", "StrategyConfig"))
    _refuse_members(config["ResourceLimits"], "ResourceLimits", ("MaxRuntimeInSeconds",))
    _refuse_members(
        definition,
        "TrainingJobDefinition",
        ("TuningObjective", "HyperParameterRanges", "HyperParameterTuningResourceConfig", "RetryStrategy"),
    )
    if "ResourceConfig" not in definition:
        raise ValidationError("TrainingJobDefinition.ResourceConfig is required.")


def _refuse_members(given: dict[str, Any], where: str, members: tuple[str, ...]) -> None:
    for member in members:
        if member in given:
            raise UnsupportedError(f"{where}.{member}")


def _check_objective(config: dict[str, Any], definition: dict[str, Any]) -> None:
    objective = config.get("HyperParameterTuningJobObjective")
    if objective is None:
        raise ValidationError("HyperParameterTuningJobObjective is required.")
    defined = {item["Name"] for item in definition["AlgorithmSpecification"].get("MetricDefinitions", [])}
    if objective["MetricName"] not in defined:
        raise ValidationError(
            "A metric is required for this hyperparameter tuning job objective. "
            "Provide a metric in the metric definitions."
        )


def _check_hyperparameters(config: dict[str, Any], definition: dict[str, Any]) -> None:
    space = read_space(config.get("ParameterRanges", {}))
    static = definition.get("StaticHyperParameters", {})
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
    wanted = config["ResourceLimits"].get("MaxNumberOfTrainingJobs", 0)
    if combinations(space) < wanted:
        raise ValidationError(
            "You don't have enough combinations of hyperparameter ranges. The total number of combinations of "
            f"hyperparameter ranges [{float(combinations(space))}] must be equal or greater than the value of "
            f"MaxNumberOfJobs, [{wanted}]. Provide additional ranges."
        )


def _check_limits(config: dict[str, Any]) -> None:
    limits = config["ResourceLimits"]
    if "MaxNumberOfTrainingJobs" not in limits:
        raise ValidationError("ResourceLimits.MaxNumberOfTrainingJobs is required.")
    if limits["MaxParallelTrainingJobs"] > limits["MaxNumberOfTrainingJobs"]:
        raise ValidationError(
            f"The value of MaxParallelTrainingJobs, [{limits['MaxParallelTrainingJobs']}], must be less than or equal "
            f"to the value of MaxNumberOfTrainingJobs, [{limits['MaxNumberOfTrainingJobs']}]."
        )
