"""The trials of a tuning job as SageMaker knows them: progress, leaderboard, and why the failed ones failed."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
PAGE_SIZE = 100  # the API's maximum; its default is 10
NAMED_FAILURES = 5
_REASON_LENGTH = 300
_REASON_END = 60  # of those, for the end, where SageMaker puts the exit code
_FINISHED_WITH_MODEL = ("Completed", "Stopped")  # a job that was stopped early has uploaded what it had


@dataclass(frozen=True)
class Trial:
    """One training job. `value` is its final objective metric, None where it printed none; `seconds` of training."""

    training_job: str
    status: str
    value: float | None
    seconds: float | None
    hyperparameters: Mapping[str, str]
    failure: str

    @property
    def usable(self) -> bool:
        """Whether it could be the best: finished, and with a finite metric."""
        return self.value is not None and self.status in _FINISHED_WITH_MODEL

    def as_row(self) -> dict[str, Any]:
        """A line of the leaderboard in plain JSON values."""
        row = asdict(self) | {"hyperparameters": dict(self.hyperparameters)}
        return row if self.failure else {key: value for key, value in row.items() if key != "failure"}


def list_trials(sagemaker: Any, tuning_job: str) -> list[Trial]:
    """All trials of the job in the order of their names, page by page."""
    arguments = {"HyperParameterTuningJobName": tuning_job, "MaxResults": PAGE_SIZE, "SortBy": "Name"}
    found: list[Trial] = []
    while True:
        page = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(**arguments)
        found += map(_trial, page["TrainingJobSummaries"])
        if not page.get("NextToken"):
            return found
        arguments["NextToken"] = page["NextToken"]


def leaderboard(trials: Sequence[Trial], direction: str) -> list[Trial]:
    """Best first; trials that can't be the best come last, by name."""
    sign = -1 if direction == "Maximize" else 1
    return sorted(trials, key=lambda trial: (not trial.usable, sign * (trial.value or 0), trial.training_job))


def progress(job: Mapping[str, Any]) -> str:
    """One line from DescribeHyperParameterTuningJob's answer: trials done of how many, and the best so far."""
    counts = job.get("TrainingJobStatusCounters", {})
    failed = counts.get("RetryableError", 0) + counts.get("NonRetryableError", 0)
    done = counts.get("Completed", 0) + counts.get("Stopped", 0) + failed
    total = job["HyperParameterTuningJobConfig"]["ResourceLimits"].get("MaxNumberOfTrainingJobs", "?")
    state = f"{job['HyperParameterTuningJobStatus']}: {done} of {total} trials done"
    return f"{state}, {counts.get('InProgress', 0)} running, {failed} failed; {_best_so_far(job)}"


def _best_so_far(job: Mapping[str, Any]) -> str:
    best = job.get("BestTrainingJob") or {}
    metric = best.get("FinalHyperParameterTuningJobObjectiveMetric")
    if not metric:
        return "no metric yet"
    return f"best {metric['MetricName']} {metric['Value']:.6g} ({best['TrainingJobName']})"


def describe_failures(trials: Sequence[Trial], logs: Any) -> str:
    """The failed trials in one line: each one's name, reason and log stream; "" where none failed."""
    failed = [trial for trial in trials if trial.status == "Failed"]
    shown = failed[:NAMED_FAILURES]
    named = [f"{trial.training_job}: {trial.failure} ({_log_of(trial.training_job, logs)})" for trial in shown]
    more = [f"and {len(failed) - NAMED_FAILURES} more"] if len(failed) > NAMED_FAILURES else []
    return "; ".join([*named, *more])


def short(value: str) -> str:
    """A hyperparameter's value as a table shows it: five digits of a number, anything else as it is."""
    try:
        return str(int(value)) if value.lstrip("-").isdigit() else f"{float(value):.5g}"
    except ValueError:
        return value


def _trial(summary: Mapping[str, Any]) -> Trial:
    value = summary.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value")
    start, end = summary.get("TrainingStartTime"), summary.get("TrainingEndTime")
    reason = next(iter(summary.get("FailureReason", "").strip().splitlines()), "")
    status = summary["TrainingJobStatus"]
    return Trial(
        training_job=summary["TrainingJobName"],
        status=status,
        value=value if value is not None and math.isfinite(value) else None,
        seconds=round((end - start).total_seconds(), 1) if start and end else None,
        hyperparameters=summary["TunedHyperParameters"],
        failure=_shortened(reason) or ("no reason given" if status == "Failed" else ""),
    )


def _shortened(reason: str) -> str:
    """At most _REASON_LENGTH characters, the middle left out: what happened comes first, the exit code last."""
    if len(reason) <= _REASON_LENGTH:
        return reason
    ellipsis = " ... "
    return reason[: _REASON_LENGTH - _REASON_END - len(ellipsis)] + ellipsis + reason[-_REASON_END:]


def _log_of(training_job: str, logs: Any) -> str:
    streams = ", ".join(_streams(training_job, logs)) or f"{training_job}/..."
    return f"log group {LOG_GROUP}, stream {streams}"


def _streams(training_job: str, logs: Any) -> Iterator[str]:
    from botocore.exceptions import BotoCoreError, ClientError

    # The failure is what the user needs; that its log can't be listed must not take its place.
    try:
        answer = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{training_job}/")
    except ClientError as error:
        yield f"{training_job}/... ({error.response['Error']['Code']} at logs:DescribeLogStreams)"
        return
    except BotoCoreError:
        return
    yield from (stream["logStreamName"] for stream in answer["logStreams"])
