"""What both kinds of job check of a request beyond the service model: the role, the metrics, what is not supported."""

import re
from typing import Any

from local_sagemaker.errors import UnsupportedError, ValidationError
from local_sagemaker.iam.needs import PASSED_TO
from local_sagemaker.iam.trust import find_trusting_role
from local_sagemaker.service import Service
from local_sagemaker.training import checkpoints
from local_sagemaker.training.states import DEFAULT_MAX_RUNTIME


def check_role(service: Service, arn: str) -> None:
    """Raise ValidationError, in SageMaker's words, unless the role exists and lets SageMaker assume it."""
    if find_trusting_role(arn, service.iam, service.settings) is None:
        raise ValidationError(
            f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
            f"'{PASSED_TO}' to assume the role."
        )


def check_metrics(algorithm: dict[str, Any]) -> None:
    """Raise ValidationError for a metric's pattern that is no regular expression."""
    for definition in algorithm.get("MetricDefinitions", []):
        try:
            re.compile(definition["Regex"])
        except re.error as error:
            raise ValidationError(
                f"The metric definition {definition['Name']} has an invalid regular expression, "
                f"{definition['Regex']!r}: {error}."
            ) from None


def check_training(definition: dict[str, Any]) -> None:
    """Raise ValidationError or UnsupportedError for a training definition that can't be run; coverage.py has more."""
    if "TrainingImage" not in definition["AlgorithmSpecification"]:
        raise ValidationError("AlgorithmSpecification needs a TrainingImage.")
    _check_resources(definition["ResourceConfig"])
    names = [channel["ChannelName"] for channel in definition.get("InputDataConfig", [])]
    for name in names:
        if names.count(name) > 1 or set(name) == {"."}:
            raise ValidationError(f"The channel name {name} can't be used, or stands more than once.")
    default_mode = definition["AlgorithmSpecification"].get("TrainingInputMode", "File")
    for channel in definition.get("InputDataConfig", []):
        _check_channel(channel, channel.get("InputMode", default_mode))
    _check_checkpoints(definition)
    _check_waiting(definition)


def _check_resources(resources: dict[str, Any]) -> None:
    for member in ("InstanceType", "InstanceCount"):
        if member not in resources:
            raise ValidationError(f"ResourceConfig needs an {member}.")
    if resources["InstanceCount"] < 1:
        raise ValidationError(
            f"Value '{resources['InstanceCount']}' at 'resourceConfig.instanceCount' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        )


def _check_channel(channel: dict[str, Any], mode: str) -> None:
    name, source = channel["ChannelName"], channel["DataSource"].get("S3DataSource")
    if source is None:
        raise ValidationError(f"The DataSource of the channel {name} needs an S3DataSource.")
    wanted = (
        ("S3DataType", source["S3DataType"], "S3Prefix"),
        ("RecordWrapperType", channel.get("RecordWrapperType", "None"), "None"),
    )
    for member, value, supported in wanted:
        if value != supported:
            raise UnsupportedError(f"The {member} {value} of the channel {name} (only {supported})")
    if channel.get("CompressionType", "None") != "None" and mode != "Pipe":
        raise ValidationError(
            f"The CompressionType of the channel {name} is for the input mode Pipe only; its mode is {mode}."
        )


def _check_checkpoints(definition: dict[str, Any]) -> None:
    config = definition.get("CheckpointConfig")
    if config is None:
        return
    try:
        checkpoints.relative_path(config)
    except ValueError:
        raise UnsupportedError(f"The checkpoints' LocalPath {config['LocalPath']} (only below /opt/ml)") from None


def _check_waiting(definition: dict[str, Any]) -> None:
    stopping = definition["StoppingCondition"]
    wait = stopping.get("MaxWaitTimeInSeconds")
    if not definition.get("EnableManagedSpotTraining"):
        if wait is not None:
            raise ValidationError(
                "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
            )
    elif wait is None or wait < stopping.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME):
        raise ValidationError(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        )
