"""When a tuning job is over, and how: a pure function of its limits and its trials."""

from collections.abc import Sequence
from dataclasses import dataclass

from local_sagemaker.records import TrainingJob, TuningJob

FAILURES_BEFORE_GIVING_UP = 5


@dataclass(frozen=True)
class Verdict:
    """How the job ends: its status, and why where that is not plain; `stop_trials` where some still run."""

    status: str
    reason: str | None = None
    stop_trials: bool = False


def judge(job: TuningJob, trials: Sequence[TrainingJob]) -> Verdict | None:
    """None while the job goes on."""
    running = any(trial.active for trial in trials)
    if job.status == "Stopping":
        return None if running else Verdict("Stopped")
    hopeless = _hopeless(job, trials)
    if hopeless is not None:
        return Verdict("Failed", hopeless, stop_trials=running)
    if not running and len(trials) >= job.limits["MaxNumberOfTrainingJobs"]:
        return Verdict("Completed")
    return None


def _hopeless(job: TuningJob, trials: Sequence[TrainingJob]) -> str | None:
    """SageMaker gives a job up when none of its first trials succeeds."""
    failed = sum(trial.status == "Failed" for trial in trials)
    enough = min(FAILURES_BEFORE_GIVING_UP, job.limits["MaxNumberOfTrainingJobs"])
    succeeded = any(trial.status == "Completed" or trial.objective_status == "Succeeded" for trial in trials)
    if failed < enough or succeeded:
        return None
    return (
        f"No training job succeeded after {enough} attempts. "
        "Please take a look at the training job failures to get more details."
    )
