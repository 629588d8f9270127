"""The only writer of a tuning job: looks at what the store holds, decides, records; the runner acts on what it finds.

Nothing is kept in memory between two looks but what has ended and never changes, so a killed service goes on where it
was.
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import asdict

from local_sagemaker.records import ACTIVE, TrainingJob, TuningJob
from local_sagemaker.service import Service
from local_sagemaker.training.states import new_training_job, request_stop
from local_sagemaker.tuning import completion, stopping, warm_start
from local_sagemaker.tuning.definitions import last_number, most_trials, read_definitions
from local_sagemaker.tuning.ended import EndedTrials
from local_sagemaker.tuning.trials import Parents, next_configuration, trial_request, trials_of

logger = logging.getLogger(__name__)

MOST_REASON = 1024
"""The longest FailureReason of the service model."""


def advance(service: Service, ended: EndedTrials) -> None:
    """Bring every active tuning job as far as it can go now; one whose decision meets a fault ends Failed."""
    jobs = service.store.tuning_jobs(ACTIVE)
    ended.forget_all_but(job.name for job in jobs)
    for job in jobs:
        try:
            _advance_job(service, job, ended)
        except Exception as fault:
            logger.exception("Tuning job %s met a fault of the service.", job.name)
            _fail(service, job, fault)


def _advance_job(service: Service, job: TuningJob, ended: EndedTrials) -> None:
    trials = ended.trials(job.name)
    verdict = completion.judge(job, trials, service.now())
    if verdict is not None:
        _end(service, job, trials, verdict)
        return
    if stopping.stops_trials(job):
        _stop_laggards(service, job, trials, ended)
    _start_trials(service, job, trials)


def _end(service: Service, job: TuningJob, trials: Sequence[TrainingJob], verdict: completion.Verdict) -> None:
    """End the job, or first the trials that still run; the verdict is recorded, since their ends might change it."""
    now = service.now()
    running = [trial for trial in trials if trial.active]
    with service.store.exclusive():
        if not _unchanged(service, job):
            return
        if not running:
            logger.info("Tuning job %s is %s. %s", job.name, verdict.status, verdict.reason)
            service.store.update_tuning_job(
                job.name, now, status=verdict.status, ended=now, failure_reason=verdict.failure_reason
            )
        elif job.ending is None and job.status == "InProgress":
            logger.info("Tuning job %s stops its %d running trials. %s", job.name, len(running), verdict.reason)
            service.store.update_tuning_job(job.name, now, ending=asdict(verdict))
    for trial in running:
        request_stop(service, trial.name)


def _fail(service: Service, job: TuningJob, fault: Exception) -> None:
    reason = f"InternalServerError: {fault}"[:MOST_REASON]
    trials = service.store.training_jobs(tuning_job=job.name)
    _end(service, job, trials, completion.Verdict("Failed", "The service met a fault.", reason))


def _unchanged(service: Service, job: TuningJob) -> bool:
    """Whether nobody has asked the job to stop since it was read."""
    present = service.store.tuning_job(job.name)
    return present is not None and present.status == job.status


def _stop_laggards(service: Service, job: TuningJob, trials: Sequence[TrainingJob], ended: EndedTrials) -> None:
    for index, definition in enumerate(read_definitions(job.request)):
        own = trials_of(job, index, trials)
        if not any(trial.active for trial in own):
            continue
        names = {trial.trial: trial.name for trial in own}
        curves = ended.curves(job.name, own, definition.objective)
        for stop in stopping.decide(job, definition, own, curves):
            logger.info("Tuning job %s stops trial %d, %s: %s.", job.name, stop.trial, names[stop.trial], stop.reason)
            request_stop(service, names[stop.trial])


def _start_trials(service: Service, job: TuningJob, trials: Sequence[TrainingJob]) -> None:
    trials = list(trials)
    free = job.limits["MaxParallelTrainingJobs"] - sum(trial.active for trial in trials)
    created = last_number(trials)
    left = most_trials(job.request) - created
    if min(free, left) <= 0:
        return
    parents = _parents(service, job)
    for number in range(created + 1, created + 1 + min(free, left)):
        trial = _start_trial(service, job, number, trials, parents)
        if trial is None:
            return
        trials.append(trial)


def _start_trial(
    service: Service, job: TuningJob, number: int, trials: Sequence[TrainingJob], parents: Parents
) -> TrainingJob | None:
    definition, tuned = next_configuration(job, number, trials, parents)
    name = f"{job.name}-{number:03d}-{secrets.token_hex(4)}"
    record = new_training_job(service, trial_request(definition, name, tuned), job.name, number, tuned)
    with service.store.exclusive():
        added = _unchanged(service, job) and service.store.add_training_job(record, service.store.tags(job.arn))
    if not added:
        return None
    logger.info("Tuning job %s starts trial %d, %s, with %s.", job.name, number, name, tuned)
    return record


def _parents(service: Service, job: TuningJob) -> Parents:
    """The parents that are still there, with their trials."""
    found = {name: service.store.tuning_job(name) for name in warm_start.parent_names(job.request)}
    return {
        name: (parent, service.store.training_jobs(tuning_job=name))
        for name, parent in found.items()
        if parent is not None
    }
