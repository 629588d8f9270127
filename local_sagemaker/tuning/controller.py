"""The only writer of a tuning job: looks at what the store holds, decides, records; the runner acts on what it finds.

Nothing is kept in memory between two looks, so a killed service goes on where it was.
"""

import logging
import secrets
from collections.abc import Sequence
from typing import Any

from local_sagemaker.records import TrainingJob, TuningJob
from local_sagemaker.service import Service
from local_sagemaker.training.states import OBJECTIVE_HYPERPARAMETER, new_training_job, request_stop
from local_sagemaker.tuning import completion
from local_sagemaker.tuning.search import random_search
from local_sagemaker.tuning.space import read_space

logger = logging.getLogger(__name__)


def advance(service: Service) -> None:
    """Bring every active tuning job as far as it can go now."""
    for job in service.store.tuning_jobs(("InProgress", "Stopping")):
        _advance_job(service, job)


def _advance_job(service: Service, job: TuningJob) -> None:
    trials = service.store.training_jobs(tuning_job=job.name)
    verdict = completion.judge(job, trials)
    if verdict is not None and verdict.stop_trials:
        _stop_trials(service, trials)
        return
    if verdict is not None:
        logger.info("Tuning job %s is %s. %s", job.name, verdict.status, verdict.reason or "")
        now = service.now()
        service.store.update_tuning_job(job.name, now, status=verdict.status, ended=now, failure_reason=verdict.reason)
        return
    if job.status == "Stopping":
        _stop_trials(service, trials)
        return
    _start_trials(service, job, trials)


def _stop_trials(service: Service, trials: Sequence[TrainingJob]) -> None:
    for trial in trials:
        request_stop(service, trial.name)


def _start_trials(service: Service, job: TuningJob, trials: Sequence[TrainingJob]) -> None:
    running = sum(trial.active for trial in trials)
    free = job.limits["MaxParallelTrainingJobs"] - running
    left = job.limits["MaxNumberOfTrainingJobs"] - len(trials)
    tried = [trial.tuned for trial in trials]
    for number in range(len(trials) + 1, len(trials) + 1 + min(free, left)):
        space = read_space(job.request["HyperParameterTuningJobConfig"].get("ParameterRanges", {}))
        tuned = random_search.suggest(space, job.seed, number, tried)
        tried.append(tuned)
        _start_trial(service, job, number, tuned)


def _start_trial(service: Service, job: TuningJob, number: int, tuned: dict[str, str]) -> None:
    name = f"{job.name}-{number:03d}-{secrets.token_hex(4)}"
    record = new_training_job(service, trial_request(job, name, tuned), job.name, number, tuned)
    if service.store.add_training_job(record, service.store.tags(job.arn)):
        logger.info("Tuning job %s starts trial %d, %s, with %s.", job.name, number, name, tuned)


def trial_request(job: TuningJob, name: str, tuned: dict[str, str]) -> dict[str, Any]:
    """The CreateTrainingJob of a trial: the job's definition with the tuned values among its hyperparameters."""
    definition = job.definition
    static = definition.get("StaticHyperParameters", {})
    algorithm = definition["AlgorithmSpecification"]
    request = {
        key: definition[key]
        for key in (
            "RoleArn",
            "InputDataConfig",
            "OutputDataConfig",
            "ResourceConfig",
            "StoppingCondition",
            "VpcConfig",
            "Environment",
            "EnableNetworkIsolation",
            "EnableInterContainerTrafficEncryption",
            "EnableManagedSpotTraining",
            "CheckpointConfig",
            "RetryStrategy",
        )
        if key in definition
    }
    return request | {
        "TrainingJobName": name,
        "AlgorithmSpecification": algorithm,
        "HyperParameters": {**static, OBJECTIVE_HYPERPARAMETER: job.objective["MetricName"], **tuned},
    }
