"""Create, describe, list, stop and delete training jobs."""

import shutil
from typing import Any

from local_sagemaker import coverage
from local_sagemaker.errors import InUseError, NotFoundError, ValidationError
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


def create(service: Service, request: dict[str, Any]) -> dict[str, Any]:
    """CreateTrainingJob outside any tuning job."""
    coverage.refuse_unsupported(coverage.TRAINING, request)
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
    """ListTrainingJobs, oldest first unless told otherwise; no job here has a warm pool whose status could match."""
    if "WarmPoolStatusEquals" in request:
        return {"TrainingJobSummaries": []}
    found, token = paging.select(service.store.find_training_jobs, request, sort_by="CreationTime", order="Ascending")
    return {"TrainingJobSummaries": [_summary(job) for job in found], "NextToken": token}


def stop(service: Service, request: dict[str, Any]) -> None:
    """StopTrainingJob: the job's processes get SIGTERM, 120 s, SIGKILL; its model is uploaded all the same."""
    job = _find(service, request)
    if not job.active:
        raise ValidationError(f"The request was rejected because the training job is in status {job.status}.")
    request_stop(service, job.name)
    service.wake()


def delete(service: Service, request: dict[str, Any]) -> None:
    """DeleteTrainingJob: forget a job that has ended, so that its name is free again; what it put into S3 stays."""
    job = service.store.training_job(request["TrainingJobName"])
    if job is None:
        raise NotFoundError("Requested resource not found.")
    with service.store.exclusive():
        tuning = service.store.tuning_job(job.tuning_job) if job.tuning_job else None
        if tuning is not None and tuning.active:
            raise InUseError(f"The training job {job.name} belongs to the tuning job {tuning.name}, which still runs.")
        if not service.store.delete_training_job(job.name):
            raise InUseError(f"The training job {job.name} is in status {job.status}; stop it before you delete it.")
        shutil.rmtree(service.settings.jobs_folder / job.name, ignore_errors=True)


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
