"""The permissions that a SageMaker request needs. Source: AWS, Service Authorization Reference, Amazon SageMaker."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from local_sagemaker.settings import Settings

PASSED_TO = "sagemaker.amazonaws.com"
_TUNING_JOB = ("HyperParameterTuningJobName", "hyper-parameter-tuning-job")
_TRAINING_JOB = ("TrainingJobName", "training-job")
_LISTINGS = ("ListHyperParameterTuningJobs", "ListTrainingJobs")
_ECR_IMAGE = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[^/]+/(?P<repository>[^:@]+)")
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


@dataclass(frozen=True)
class Need:
    """An action on a resource, with the condition keys that the request brings, in lower case."""

    action: str
    resource: str = "*"
    context: dict[str, Any] = field(default_factory=dict)


def of_request(operation: str, request: dict[str, Any], settings: Settings) -> Iterator[Need]:
    """What the caller of an operation has to be allowed, in the order in which it is asked."""
    resource = _resource(operation, request, settings)
    tags = request.get("Tags", [])
    context: dict[str, Any] = {f"aws:requesttag/{tag['Key'].lower()}": tag["Value"] for tag in tags}
    if tags:
        context["aws:tagkeys"] = [tag["Key"] for tag in tags]
    yield Need(f"sagemaker:{operation}", resource, context)
    if not operation.startswith("Create"):
        return
    if tags:
        yield Need("sagemaker:AddTags", resource, context)
    for role in _roles(request):
        yield Need("iam:PassRole", role, {"iam:passedtoservice": PASSED_TO})


def of_training(request: dict[str, Any]) -> Iterator[Need]:
    """What the role of a training job has to be allowed beside its S3 and Logs: to pull the image, to write metrics.

    Source: SageMaker developer guide, "CreateHyperParameterTuningJob API: Execution Role Permissions".
    """
    image = _ECR_IMAGE.match(request["AlgorithmSpecification"].get("TrainingImage", ""))
    if image:
        yield Need("ecr:GetAuthorizationToken")
        repository = f"arn:aws:ecr:{image['region']}:{image['account']}:repository/{image['repository']}"
        yield from (Need(action, repository) for action in _PULL)
    yield Need("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"})


def _resource(operation: str, request: dict[str, Any], settings: Settings) -> str:
    if "ResourceArn" in request:
        return str(request["ResourceArn"])
    for member, kind in (_TUNING_JOB, _TRAINING_JOB):
        if operation not in _LISTINGS and member in request:
            name = request[member].lower()
            return f"arn:aws:sagemaker:{settings.region}:{settings.account}:{kind}/{name}"
    return "*"


def _roles(request: dict[str, Any]) -> list[str]:
    definitions = [request, request.get("TrainingJobDefinition", {}), *request.get("TrainingJobDefinitions", [])]
    return sorted({definition["RoleArn"] for definition in definitions if "RoleArn" in definition})
