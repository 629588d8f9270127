"""What both kinds of job check of a request beyond the service model: the role, the metrics, what is not supported."""

import json
import re
from typing import Any

from botocore.exceptions import ClientError

from local_sagemaker.errors import UnsupportedError, ValidationError
from local_sagemaker.service import Service

_TRUSTED = "sagemaker.amazonaws.com"


def check_role(service: Service, arn: str) -> None:
    """Raise ValidationError, in SageMaker's words, unless the role exists and lets SageMaker assume it."""
    try:
        role = service.iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]
        document = role["AssumeRolePolicyDocument"]
        trust = json.dumps(document) if isinstance(document, dict) else document
        known = role["Arn"] == arn and _TRUSTED in trust
    except ClientError:
        known = False
    if not known:
        raise ValidationError(
            f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
            f"'{_TRUSTED}' to assume the role."
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
    """Raise UnsupportedError for what a training definition asks and this service does not do."""
    resources = definition.get("ResourceConfig") or {}
    if resources.get("InstanceCount", 1) != 1:
        raise UnsupportedError("ResourceConfig.InstanceCount above 1")
    if resources.get("InstanceGroups"):
        raise UnsupportedError("ResourceConfig.InstanceGroups")
    default_mode = definition["AlgorithmSpecification"].get("TrainingInputMode", "File")
    for channel in definition.get("InputDataConfig", []):
        _check_channel(channel, default_mode)
    if definition.get("CheckpointConfig"):
        raise UnsupportedError("CheckpointConfig")


def _check_channel(channel: dict[str, Any], default_mode: str) -> None:
    name, source = channel["ChannelName"], channel["DataSource"].get("S3DataSource")
    if source is None:
        raise UnsupportedError(f"The data source of the channel {name} (S3DataSource is the one that is)")
    wanted = (
        ("input mode", channel.get("InputMode", default_mode), "File"),
        ("S3DataType", source["S3DataType"], "S3Prefix"),
        ("S3DataDistributionType", source.get("S3DataDistributionType", "FullyReplicated"), "FullyReplicated"),
        ("CompressionType", channel.get("CompressionType", "None"), "None"),
        ("RecordWrapperType", channel.get("RecordWrapperType", "None"), "None"),
    )
    for member, value, supported in wanted:
        if value != supported:
            raise UnsupportedError(f"The {member} {value} of the channel {name} (only {supported})")
