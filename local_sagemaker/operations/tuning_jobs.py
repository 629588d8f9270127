"""Create, describe, list and stop tuning jobs, and list their trials."""

import secrets
from typing import Any

from local_sagemaker.errors import InUseError, NotFoundError, ValidationError
from local_sagemaker.operations import paging, tuning_request
from local_sagemaker.operations.tags import read_tags
from local_sagemaker.records import TrainingJob, TuningJob
from local_sagemaker.service import Service


def create(service: Service, request: dict[str, Any]) -> dict[str, Any]:
    """CreateHyperParameterTuningJob: recorded whole before the answer, started by the controller after it."""
    name = request["HyperParameterTuningJobName"]
    tuning_request.check(service, request)
    seed = request["HyperParameterTuningJobConfig"].get("RandomSeed")
    now = service.now()
    job = TuningJob(
        name=name,
        arn=service.arn("hyper-parameter-tuning-job", name),
        request={key: value for key, value in request.items() if key != "Tags"},
        seed=secrets.randbelow(2**31) if seed is None else seed,
        created=now,
        modified=now,
    )
    if not service.store.add_tuning_job(job, read_tags(request.get("Tags", []))):
        raise InUseError(f"A hyperparameter tuning job with the name, {name}, already exists. Choose a different name.")
    service.wake()
    return {"HyperParameterTuningJobArn": job.arn}


def describe(service: Service, request: dict[str, Any]) -> dict[str, Any]:
    """DescribeHyperParameterTuningJob."""
    job = _find(service, request)
    best = service.store.best_trial(job.name, job.objective["Type"] == "Maximize")
    return {
        "HyperParameterTuningJobName": job.name,
        "HyperParameterTuningJobArn": job.arn,
        "HyperParameterTuningJobConfig": job.request["HyperParameterTuningJobConfig"],
        "TrainingJobDefinition": job.definition,
        "HyperParameterTuningJobStatus": job.status,
        "CreationTime": job.created,
        "HyperParameterTuningEndTime": job.ended,
        "LastModifiedTime": job.modified,
        "FailureReason": job.failure_reason,
        "BestTrainingJob": _trial_summary(job, best) if best else None,
    } | _counters(service, job)


def list_jobs(service: Service, request: dict[str, Any]) -> dict[str, Any]:
    """ListHyperParameterTuningJobs, newest first unless told otherwise."""
    jobs = [
        job
        for job in service.store.tuning_jobs()
        if paging.matches(request, name=job.name, status=job.status, created=job.created, modified=job.modified)
    ]
    keys = {"Name": lambda job: job.name, "Status": lambda job: job.status}
    key = keys.get(request.get("SortBy", "Name"), lambda job: job.created)
    default = "Ascending" if request.get("SortBy") else "Descending"
    found, token = paging.page(paging.in_order(jobs, request, key, default), request)
    return {"HyperParameterTuningJobSummaries": [_summary(service, job) for job in found], "NextToken": token}


def stop(service: Service, request: dict[str, Any]) -> None:
    """StopHyperParameterTuningJob: no further trial starts, those that run are stopped."""
    with service.store.exclusive():
        job = _find(service, request)
        if not job.active:
            raise ValidationError(
                f"The request was rejected because the hyperparameter tuning job is in status {job.status}."
            )
        service.store.update_tuning_job(job.name, service.now(), status="Stopping")
    service.wake()


def list_trials(service: Service, request: dict[str, Any]) -> dict[str, Any]:
    """ListTrainingJobsForHyperParameterTuningJob, by name unless told otherwise."""
    job = _find(service, request)
    status = request.get("StatusEquals")
    trials = service.store.training_jobs((status,) if status else (), tuning_job=job.name)
    sort_by = request.get("SortBy", "Name")
    if sort_by == "FinalObjectiveMetricValue":
        trials = [trial for trial in trials if trial.objective is not None]
    keys = {
        "CreationTime": lambda trial: trial.created,
        "Status": lambda trial: trial.status,
        "FinalObjectiveMetricValue": lambda trial: trial.objective,
    }
    ordered = paging.in_order(trials, request, keys.get(sort_by, lambda trial: trial.name), "Ascending")
    found, token = paging.page(ordered, request)
    return {"TrainingJobSummaries": [_trial_summary(job, trial) for trial in found], "NextToken": token}


def _find(service: Service, request: dict[str, Any]) -> TuningJob:
    name = request["HyperParameterTuningJobName"]
    job = service.store.tuning_job(name)
    if job is None:
        raise NotFoundError(f"Amazon SageMaker can't find a tuning job called {name}. Type another name.")
    return job


def _summary(service: Service, job: TuningJob) -> dict[str, Any]:
    return {
        "HyperParameterTuningJobName": job.name,
        "HyperParameterTuningJobArn": job.arn,
        "HyperParameterTuningJobStatus": job.status,
        "Strategy": job.request["HyperParameterTuningJobConfig"]["Strategy"],
        "CreationTime": job.created,
        "HyperParameterTuningEndTime": job.ended,
        "LastModifiedTime": job.modified,
        "ResourceLimits": job.limits,
    } | _counters(service, job)


def _counters(service: Service, job: TuningJob) -> dict[str, Any]:
    counts = service.store.count_by_status(job.name)

    def trials(*statuses: str) -> int:
        return sum(number for (status, _), number in counts.items() if status in statuses)

    def objectives(wanted: str) -> int:
        return sum(number for (_, objective), number in counts.items() if objective == wanted)

    return {
        "TrainingJobStatusCounters": {
            "Completed": trials("Completed"),
            "InProgress": trials("InProgress", "Stopping"),
            "RetryableError": 0,
            "NonRetryableError": trials("Failed"),
            "Stopped": trials("Stopped"),
        },
        "ObjectiveStatusCounters": {
            "Succeeded": objectives("Succeeded"),
            "Pending": objectives("Pending"),
            "Failed": objectives("Failed"),
        },
    }


def _trial_summary(job: TuningJob, trial: TrainingJob) -> dict[str, Any]:
    metric = {"MetricName": job.objective["MetricName"], "Value": trial.objective}
    return {
        "TrainingJobName": trial.name,
        "TrainingJobArn": trial.arn,
        "CreationTime": trial.created,
        "TrainingStartTime": trial.started,
        "TrainingEndTime": trial.ended,
        "TrainingJobStatus": trial.status,
        "TunedHyperParameters": trial.tuned,
        "FailureReason": trial.failure_reason,
        "FinalHyperParameterTuningJobObjectiveMetric": metric if trial.objective is not None else None,
        "ObjectiveStatus": trial.objective_status,
    }
