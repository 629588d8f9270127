"""Create, describe, list and stop training jobs."""

from typing import Any

from local_sagemaker.errors import InUseError, UnsupportedError, ValidationError
from local_sagemaker.operations import checks, paging
from local_sagemaker.operations.tags import read_tags
from local_sagemaker.records import TrainingJob
from local_sagemaker.service import Service
from local_sagemaker.training.archives import model_artifacts_uri
from local_sagemaker.training.states import new_training_job, request_stop

_ECHOED = (
    "HyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "VpcConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "Environment",
    "RetryStrategy",
)
_UNSUPPORTED = ("ServerlessJobConfig", "ModelPackageConfig", "SessionChainingConfig")


def create(service: Service, request: dict[str, Any]) -> dict[str, Any]:
    """CreateTrainingJob outside any tuning job."""
    for member in _UNSUPPORTED:
        if member in request:
            raise UnsupportedError(f"CreateTrainingJob's {member}")
    for member in ("AlgorithmSpecification", "ResourceConfig", "StoppingCondition"):
        if member not in request:
            raise ValidationError(f"{member} is required.")
    checks.check_metrics(request["AlgorithmSpecification"])
    checks.check_training(request)
    checks.check_role(service, request["RoleArn"])
    tags = read_tags(request.get("Tags", []))
    job = new_training_job(service, {key: value for key, value in request.items() if key != "Tags"})
    if not service.store.add_training_job(job, tags):
        raise InUseError(
            "Training job names must be unique within an AWS account and region, and a training job "
            f"with this name already exists ({job.arn})"
        )
    service.wake()
    return {"TrainingJobArn": job.arn}


def describe(service: Service, request: dict[str, Any]) -> dict[str, Any]:
    """DescribeTrainingJob."""
    job = _find(service, request)
    tuning = service.store.tuning_job(job.tuning_job) if job.tuning_job else None
    seconds = None if job.started is None else int((job.ended or service.now()) - job.started)
    return {key: job.request[key] for key in _ECHOED if key in job.request} | {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "TuningJobArn": tuning.arn if tuning else None,
        "ModelArtifacts": {"S3ModelArtifacts": model_artifacts_uri(job.request)},
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.secondary_status,
        "FailureReason": job.failure_reason,
        "CreationTime": job.created,
        "TrainingStartTime": job.started,
        "TrainingEndTime": job.ended,
        "LastModifiedTime": job.modified,
        "TrainingTimeInSeconds": seconds,
        "BillableTimeInSeconds": seconds,
        "SecondaryStatusTransitions": [
            {"Status": step.status, "StartTime": step.started, "EndTime": step.ended, "StatusMessage": step.message}
            for step in job.transitions
        ],
        "FinalMetricDataList": [
            {"MetricName": metric.name, "Value": metric.value, "Timestamp": metric.time}
            for metric in service.store.last_metrics(job.name)
        ],
    }


def list_jobs(service: Service, request: dict[str, Any]) -> dict[str, Any]:
    """ListTrainingJobs, newest first unless told otherwise."""
    jobs = [
        job
        for job in service.store.training_jobs()
        if paging.matches(request, name=job.name, status=job.status, created=job.created, modified=job.modified)
    ]
    keys = {"Name": lambda job: job.name, "Status": lambda job: job.status}
    key = keys.get(request.get("SortBy", "CreationTime"), lambda job: job.created)
    found, token = paging.page(paging.in_order(jobs, request, key, "Descending"), request)
    return {"TrainingJobSummaries": [_summary(job) for job in found], "NextToken": token}


def stop(service: Service, request: dict[str, Any]) -> None:
    """StopTrainingJob: the job's processes get SIGTERM, 120 s, SIGKILL; its model is uploaded all the same."""
    job = _find(service, request)
    if not job.active:
        raise ValidationError(f"The request was rejected because the training job is in status {job.status}.")
    request_stop(service, job.name)
    service.wake()


def _find(service: Service, request: dict[str, Any]) -> TrainingJob:
    job = service.store.training_job(request["TrainingJobName"])
    if job is None:
        raise ValidationError("Requested resource not found.")
    return job


def _summary(job: TrainingJob) -> dict[str, Any]:
    return {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "CreationTime": job.created,
        "TrainingEndTime": job.ended,
        "LastModifiedTime": job.modified,
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.secondary_status,
    }
