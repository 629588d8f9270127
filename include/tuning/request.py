"""Builds and checks the request that starts a tuning job. Sends nothing."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from include.errors import TuningRequestError
from include.tuning import constraints, search_space
from include.tuning.study import Study

OPERATION = "CreateHyperParameterTuningJob"
MAX_RANGES = 30  # tunable hyperparameters over all kinds, AWS developer guide
MAX_HYPERPARAMETERS = 100  # static, tunable and the one that SageMaker adds
MAX_TAG_LENGTH = 256
VOLUME_GB = 30
_ADDED_BY_SAGEMAKER = 1  # _tuning_objective_metric
_LOG_LEVEL = "20"  # logging.INFO, as the training toolkit reads it


@dataclass(frozen=True)
class Locations:
    """S3 URIs: prefixes of the two channels, the packed code, and where trials leave output and checkpoints."""

    train: str
    validation: str
    code: str
    output: str
    checkpoints: str


@dataclass(frozen=True)
class Account:
    """Whose AWS: the region and the ARN of the role that training jobs run under."""

    region: str
    role_arn: str


def build(
    name: str,
    study: Study,
    params: Mapping[str, Any],
    *,
    image: str,
    account: Account,
    places: Locations,
    tags: Mapping[str, str],
    warm_start: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The request as boto3's create_hyper_parameter_tuning_job takes it, in plain JSON values.

    `params` are those of `sagemaker_tuning.params.TUNING` and of the study; `warm_start` is a WarmStartConfig.
    """
    objective = study.objective
    config = {
        "Strategy": params["strategy"],
        "HyperParameterTuningJobObjective": {"Type": objective.direction, "MetricName": objective.metric},
        "ResourceLimits": {
            "MaxNumberOfTrainingJobs": trials(study, params),
            "MaxParallelTrainingJobs": params["parallel_jobs"],
        },
        "ParameterRanges": search_space.parameter_ranges(study.space(params)),
        "TrainingJobEarlyStoppingType": "Auto" if params["early_stopping"] else "Off",
        "RandomSeed": params["seed"],
    }
    if params["strategy"] == "Hyperband":
        resources = {"MinResource": 1, "MaxResource": study.most_emissions(params) or 1}
        config["StrategyConfig"] = {"HyperbandStrategyConfig": resources}
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": config,
        "TrainingJobDefinition": _training_definition(study, params, image, account, places),
        **({"WarmStartConfig": dict(warm_start)} if warm_start else {}),
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


def trials(study: Study, params: Mapping[str, Any]) -> int:
    """How many trials the job may run: the Param `jobs`, or every combination with the strategy Grid."""
    if params["strategy"] != "Grid":
        return int(params["jobs"])
    return math.prod(len(bounds.get("values", ())) for bounds in study.space(params).values())


def validate(request: dict[str, Any]) -> None:
    """Raises TuningRequestError that lists every constraint of SageMaker's that the request breaks."""
    found = [*constraints.faults(request, OPERATION)] or [*_rules_beyond_the_model(request)]
    if found:
        raise TuningRequestError(found)


def tag_value(text: str) -> str:
    """The nearest value that a tag may have: at most 256 letters, digits, spaces and _.:/=+-@."""
    return re.sub(r"[^\w .:/=+@-]", "_", text)[:MAX_TAG_LENGTH]


def _training_definition(
    study: Study, params: Mapping[str, Any], image: str, account: Account, places: Locations
) -> dict[str, Any]:
    patterns = {study.objective.metric: study.objective.pattern, **study.watched}
    return {
        "StaticHyperParameters": {
            **{key: _text(value) for key, value in study.static(params).items()},
            "sagemaker_program": study.entry_point,
            "sagemaker_submit_directory": places.code,
            "sagemaker_region": account.region,
            "sagemaker_container_log_level": _LOG_LEVEL,
        },
        "AlgorithmSpecification": {
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": metric, "Regex": pattern} for metric, pattern in patterns.items()],
        },
        "RoleArn": account.role_arn,
        "InputDataConfig": [_channel("train", places.train), _channel("validation", places.validation)],
        "OutputDataConfig": {"S3OutputPath": places.output},
        "ResourceConfig": {
            "InstanceType": params["instance_type"],
            "InstanceCount": params["instance_count"],
            "VolumeSizeInGB": VOLUME_GB,
        },
        **_time_and_spot(params, places),
    }


def _time_and_spot(params: Mapping[str, Any], places: Locations) -> dict[str, Any]:
    """How long a trial may run and, on spot instances, wait; and where it leaves what it goes on from."""
    longest = params["max_runtime_minutes"] * 60
    if not params["spot"]:
        return {"StoppingCondition": {"MaxRuntimeInSeconds": longest}}
    return {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {
            "MaxRuntimeInSeconds": longest,
            "MaxWaitTimeInSeconds": longest + params["spot_wait_minutes"] * 60,
        },
        "CheckpointConfig": {"S3Uri": places.checkpoints},
    }


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _rules_beyond_the_model(request: dict[str, Any]) -> Iterator[str]:
    config, definition = request["HyperParameterTuningJobConfig"], request["TrainingJobDefinition"]
    limits = config["ResourceLimits"]
    if limits["MaxParallelTrainingJobs"] > limits["MaxNumberOfTrainingJobs"]:
        yield "ResourceLimits: MaxParallelTrainingJobs is above MaxNumberOfTrainingJobs"
    tunable = [item["Name"] for ranges in config["ParameterRanges"].values() for item in ranges]
    static = definition["StaticHyperParameters"]
    if both := sorted(set(tunable) & set(static)):
        yield f"hyperparameters both tuned and fixed: {', '.join(both)}"
    if len(tunable) > MAX_RANGES:
        yield f"ParameterRanges: {len(tunable)} ranges are above the maximum of {MAX_RANGES}"
    if (count := len(tunable) + len(static) + _ADDED_BY_SAGEMAKER) > MAX_HYPERPARAMETERS:
        yield f"{count} hyperparameters, SageMaker's own one included, are above the maximum of {MAX_HYPERPARAMETERS}"
    yield from _metric_faults(config, definition)


def _metric_faults(config: dict[str, Any], definition: dict[str, Any]) -> Iterator[str]:
    patterns = {item["Name"]: item["Regex"] for item in definition["AlgorithmSpecification"]["MetricDefinitions"]}
    objective = config["HyperParameterTuningJobObjective"]["MetricName"]
    if objective not in patterns:
        yield f"the objective {objective!r} has no metric definition; there are {', '.join(patterns)}"
    for name, pattern in patterns.items():
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            yield f"metric {name!r}: {pattern!r} is no regular expression ({error})"
        else:
            if groups == 0:
                yield f"metric {name!r}: {pattern!r} has no group that would be the value"
