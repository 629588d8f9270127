"""A training job's life in the store: born, moved from one secondary status to the next, asked to stop, ended."""

from dataclasses import replace
from typing import Any

from local_sagemaker.records import TrainingJob, Transition
from local_sagemaker.service import Service

OBJECTIVE_HYPERPARAMETER = "_tuning_objective_metric"
DEFAULT_MAX_RUNTIME = 86_400
RETRIED = "Restarting the training job after an internal error"
SERVICE_STOPPED = "Restarting the training job, whose processes ended as the service was stopped"
SERVICE_KILLED = "Restarting the training job, whose processes were lost while the service did not run"
"""Why a job is Restarting, which is how the times are told apart that count and those that do not."""
_BEGUN = ("Downloading", "Training", "Uploading")
_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Stopping": "Stopping the training job",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "Interrupted": "Training job interrupted: its spot instances were taken away",
    "Restarting": RETRIED,
    "Pending": "Insufficient capacity error while launching instances, retrying!",
    "MaxWaitTimeExceeded": "Training job waiting time exceeded MaxWaitTimeInSeconds",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds",
}


def new_training_job(
    service: Service,
    request: dict[str, Any],
    tuning_job: str | None = None,
    trial: int = 0,
    tuned: dict[str, str] | None = None,
) -> TrainingJob:
    """A record that is not in the store yet; once it is there, the runner takes it up."""
    now, name = service.now(), request["TrainingJobName"]
    return TrainingJob(
        name=name,
        arn=service.arn("training-job", name),
        request=request,
        created=now,
        modified=now,
        tuning_job=tuning_job,
        trial=trial,
        tuned=tuned or {},
        objective_status="Pending" if tuning_job else None,
        transitions=(Transition("Starting", now, None, _MESSAGES["Starting"]),),
    )


def request_stop(service: Service, name: str) -> None:
    """Ask a running job to stop; the runner sees it within a fraction of a second. A job that has ended stays so."""
    with service.store.exclusive():
        job = service.store.training_job(name)
        if job is not None and job.status == "InProgress":
            move(service, name, "Stopping", status="Stopping")


def move(service: Service, name: str, secondary: str, message: str | None = None, **changes: Any) -> TrainingJob:
    """Enter a secondary status, closing the one before; `changes` are further members to set.

    `message` is what the transition says where it is not what this status says always.
    """
    now = service.now()
    with service.store.exclusive():
        job = service.store.training_job(name)
        assert job is not None
        transitions = job.transitions
        if transitions and transitions[-1].ended is None:
            transitions = (*transitions[:-1], replace(transitions[-1], ended=now))
        last = now if "ended" in changes else None
        transitions = (*transitions, Transition(secondary, now, last, message or _MESSAGES.get(secondary, "")))
        return service.store.update_training_job(
            name, now, secondary_status=secondary, transitions=transitions, **changes
        )


def end(service: Service, name: str, status: str, *, secondary: str | None = None, reason: str | None = None) -> None:
    """Close a job: its end time, its reason, and what its objective came to."""
    job = service.store.training_job(name)
    assert job is not None
    objective, objective_status = _objective(service, job, status)
    move(
        service,
        name,
        secondary or status,
        status=status,
        ended=service.now(),
        failure_reason=reason,
        objective=objective,
        objective_status=objective_status,
    )


def restarts(job: TrainingJob, why: str) -> int:
    """How often a job was Restarting for one reason, such as RETRIED."""
    return sum(step.status == "Restarting" and step.message == why for step in job.transitions)


def has_trained(job: TrainingJob) -> bool:
    """Whether the last that is known of a job is that it had processes."""
    return job.secondary_status in _BEGUN[1:]


def has_begun(job: TrainingJob) -> bool:
    """Whether the last that is known of a job is that an attempt at it was under way."""
    return job.secondary_status in _BEGUN


def seconds_trained(job: TrainingJob) -> float:
    """How long a job trained in its earlier attempts, but for those of which no end is known."""
    pairs = zip(job.transitions, job.transitions[1:], strict=False)
    return sum(
        after.started - step.started
        for step, after in pairs
        if step.status == "Training"
        and after.status in ("Interrupted", "Restarting")
        and after.message != SERVICE_KILLED
    )


def seconds_training(job: TrainingJob, now: float) -> float:
    """How long the latest attempt of a job has trained, or had when it ended."""
    last = next((step for step in reversed(job.transitions) if step.status == "Training"), None)
    ended = last is not None and job.transitions[-1].status in ("Interrupted", "Restarting")
    return 0.0 if last is None or ended else (last.ended or now) - last.started


def _objective(service: Service, job: TrainingJob, status: str) -> tuple[float | None, str | None]:
    """The final value is the latest that was printed, not the best; a failed job's value is not used."""
    metric = job.request.get("HyperParameters", {}).get(OBJECTIVE_HYPERPARAMETER)
    if job.tuning_job is None or metric is None:
        return None, None
    values = service.store.metrics(job.name, metric)
    if status == "Failed" or not values:
        return None, "Failed"
    return values[-1].value, "Succeeded"
