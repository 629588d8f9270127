"""Create, describe, list, stop and delete tuning jobs, and list their trials."""

import secrets
from typing import Any

from local_sagemaker.errors import InUseError, NotFoundError, ValidationError
from local_sagemaker.operations import paging, tuning_request
from local_sagemaker.operations.tags import read_tags
from local_sagemaker.records import TrainingJob, TuningJob
from local_sagemaker.service import Service
from local_sagemaker.tuning import completion, warm_start
from local_sagemaker.tuning.definitions import position, read_definitions

_ECHOED = ("HyperParameterTuningJobConfig", "TrainingJobDefinition", "TrainingJobDefinitions", "WarmStartConfig")


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
    definitions = read_definitions(job.request)
    objective = definitions[0].objective
    best = service.store.best_trial(job.name, objective["Type"] == "Maximize")
    ranges = max(len(definition.space) for definition in definitions)
    reached = completion.progress(service.store.outcomes(job.name), objective, ranges)
    return (
        {key: job.request[key] for key in _ECHOED if key in job.request}
        | {
            "HyperParameterTuningJobName": job.name,
            "HyperParameterTuningJobArn": job.arn,
            "HyperParameterTuningJobStatus": job.status,
            "CreationTime": job.created,
            "HyperParameterTuningEndTime": job.ended,
            "LastModifiedTime": job.modified,
            "FailureReason": job.failure_reason,
            "BestTrainingJob": _trial_summary(job, best) if best else None,
            "OverallBestTrainingJob": _overall_best(service, job, objective["Type"] == "Maximize"),
            "TuningJobCompletionDetails": {
                "NumberOfTrainingJobsObjectiveNotImproving": reached.not_improving,
                "ConvergenceDetectedTime": reached.converged,
            },
            "ConsumedResources": {"RuntimeInSeconds": int((job.ended or service.now()) - job.created)},
        }
        | _counters(service, job)
    )


def list_jobs(service: Service, request: dict[str, Any]) -> dict[str, Any]:
    """ListHyperParameterTuningJobs, by name unless told otherwise."""
    found, token = paging.select(service.store.find_tuning_jobs, request, sort_by="Name", order="Ascending")
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


def delete(service: Service, request: dict[str, Any]) -> None:
    """DeleteHyperParameterTuningJob: the entry goes, its training jobs and their artifacts stay, as on SageMaker."""
    with service.store.exclusive():
        job = _find(service, request)
        if job.active:
            raise ValidationError(
                f"The request was rejected because the hyperparameter tuning job is in status {job.status}."
            )
        service.store.delete_tuning_job(job.name)


def list_trials(service: Service, request: dict[str, Any]) -> dict[str, Any]:
    """ListTrainingJobsForHyperParameterTuningJob, by name unless told otherwise."""
    job = _find(service, request)
    found, token = paging.select(
        service.store.find_training_jobs, request, sort_by="Name", order="Ascending", tuning_job=job.name
    )
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
        "Strategy": job.config["Strategy"],
        "CreationTime": job.created,
        "HyperParameterTuningEndTime": job.ended,
        "LastModifiedTime": job.modified,
        "ResourceLimits": job.limits,
    } | _counters(service, job)


def _counters(service: Service, job: TuningJob) -> dict[str, Any]:
    counts = service.store.count_by_status(job.name)

    def trials(*statuses: str, internal: bool | None = None) -> int:
        return sum(
            number
            for (status, _, by_service), number in counts.items()
            if status in statuses and internal in (None, by_service)
        )

    def objectives(wanted: str) -> int:
        return sum(number for (_, objective, _), number in counts.items() if objective == wanted)

    return {
        "TrainingJobStatusCounters": {
            "Completed": trials("Completed"),
            "InProgress": trials("InProgress", "Stopping"),
            "RetryableError": trials("Failed", internal=True),
            "NonRetryableError": trials("Failed", internal=False),
            "Stopped": trials("Stopped"),
        },
        "ObjectiveStatusCounters": {
            "Succeeded": objectives("Succeeded"),
            "Pending": objectives("Pending"),
            "Failed": objectives("Failed"),
        },
    }


def _overall_best(service: Service, job: TuningJob, maximise: bool) -> dict[str, Any] | None:
    """The best trial of the job and its parents, where these measured the same."""
    if job.request.get("WarmStartConfig", {}).get("WarmStartType") != warm_start.IDENTICAL:
        return None
    parents = (service.store.tuning_job(name) for name in warm_start.parent_names(job.request))
    family = [job, *(parent for parent in parents if parent is not None)]
    found = [(member, best) for member in family if (best := service.store.best_trial(member.name, maximise))]
    if not found:
        return None
    owner, best = min(found, key=lambda pair: (-1 if maximise else 1) * (pair[1].objective or 0.0))
    return _trial_summary(owner, best) | {"TuningJobName": owner.name}


def _trial_summary(job: TuningJob, trial: TrainingJob) -> dict[str, Any]:
    index, _ = position(job.request, trial.trial)
    definition = read_definitions(job.request)[index]
    metric = {"MetricName": definition.objective["MetricName"], "Value": trial.objective}
    return {
        "TrainingJobDefinitionName": definition.name,
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
