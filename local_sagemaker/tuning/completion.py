"""When a tuning job is over, and how: a pure function of its limits, its criteria and its trials."""

import math
import struct
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local_sagemaker.records import TrainingJob, TuningJob
from local_sagemaker.tuning.definitions import last_number, most_trials, read_definitions
from local_sagemaker.tuning.history import sign

FAILURES_BEFORE_GIVING_UP = 5
IMPROVEMENT = 0.01
"""A trial improves the job if it betters the best of all before it by more than this share, as the API's texts say."""
CONVERGENCE_TRIALS = 10
CONVERGENCE_TRIALS_PER_RANGE = 3
"""Converged: so many trials in a row have moved the best by less than IMPROVEMENT of the distance from best to median.

SageMaker does not publish its criterion; this one is the local SageMaker's own.
"""

Outcomes = Sequence[tuple[float, float]]
"""(end in seconds since the epoch, final objective value) of the evaluated trials, in the order in which they ended."""


@dataclass(frozen=True)
class Verdict:
    """How the job ends: its status, the numbers that say so, and the FailureReason where it fails."""

    status: str
    reason: str
    failure_reason: str | None = None


@dataclass(frozen=True)
class Progress:
    """How the search goes: trials since the last that improved it, and when it had converged, if it has."""

    not_improving: int = 0
    converged: float | None = None


def judge(job: TuningJob, trials: Sequence[TrainingJob], now: float) -> Verdict | None:
    """None while the job goes on. A verdict may come while trials still run; they are to be stopped first."""
    if job.status == "Stopping":
        return Verdict("Stopped", "It was asked to stop.")
    if job.ending is not None:
        return Verdict(**job.ending)
    verdict = _hopeless(job, trials) or _out_of_time(job, now) or _criterion_met(job, trials)
    most = most_trials(job.request)
    if verdict is None and last_number(trials) >= most and not any(trial.active for trial in trials):
        verdict = Verdict("Completed", f"All {most} training jobs have ended.")
    return verdict


def progress(outcomes: Outcomes, objective: dict[str, str], ranges: int) -> Progress:
    """What TuningJobCompletionDetails says; `ranges` is how many hyperparameters are tuned."""
    window = max(CONVERGENCE_TRIALS, CONVERGENCE_TRIALS_PER_RANGE * ranges)
    bests: list[float] = []
    ordered: list[float] = []
    not_improving, converged = 0, None
    for ended, value in outcomes:
        loss = sign(objective) * value
        best = bests[-1] if bests else math.inf
        not_improving = 0 if math.isinf(best) or best - loss > IMPROVEMENT * abs(best) else not_improving + 1
        bests.append(min(best, loss))
        insort(ordered, loss)
        if converged is None and len(bests) > window:
            distance = ordered[len(ordered) // 2] - bests[-1]
            if bests[-1 - window] - bests[-1] <= IMPROVEMENT * distance:
                converged = ended
    return Progress(not_improving, converged)


def _hopeless(job: TuningJob, trials: Sequence[TrainingJob]) -> Verdict | None:
    """SageMaker gives a job up, and stops what runs, when none of its first trials succeeds."""
    failed = sum(trial.status == "Failed" for trial in trials)
    enough = min(FAILURES_BEFORE_GIVING_UP, most_trials(job.request))
    succeeded = any(trial.status == "Completed" or trial.objective_status == "Succeeded" for trial in trials)
    if failed < enough or succeeded:
        return None
    message = (
        f"No training job succeeded after {enough} attempts. "
        "Please take a look at the training job failures to get more details."
    )
    return Verdict("Failed", f"{failed} training jobs failed and none succeeded.", message)


def _out_of_time(job: TuningJob, now: float) -> Verdict | None:
    limit = job.limits.get("MaxRuntimeInSeconds")
    if limit is None or now - job.created < limit:
        return None
    return Verdict("Completed", f"It has run for {now - job.created:.1f} s, and MaxRuntimeInSeconds is {limit}.")


def _criterion_met(job: TuningJob, trials: Sequence[TrainingJob]) -> Verdict | None:
    """The first of the TuningJobCompletionCriteria that the evaluated trials meet."""
    criteria: dict[str, Any] = job.config.get("TuningJobCompletionCriteria", {})
    outcomes = sorted_outcomes(trials)
    if not criteria or not outcomes:
        return None
    definitions = read_definitions(job.request)
    objective = definitions[0].objective
    reached = progress(outcomes, objective, max(len(definition.space) for definition in definitions))
    return _target_reached(criteria, outcomes, objective) or _stands_still(criteria, reached, len(outcomes))


def sorted_outcomes(trials: Sequence[TrainingJob]) -> list[tuple[float, float]]:
    """The outcomes of the evaluated ones among some trials."""
    ended = [
        (trial.ended, trial.trial, trial.objective)
        for trial in trials
        if trial.objective_status == "Succeeded" and trial.ended is not None and trial.objective is not None
    ]
    return [(end, value) for end, _, value in sorted(ended)]


def _target_reached(criteria: dict[str, Any], outcomes: Outcomes, objective: dict[str, str]) -> Verdict | None:
    if "TargetObjectiveMetricValue" not in criteria:
        return None
    target = _float32(criteria["TargetObjectiveMetricValue"])
    best = min((value for _, value in outcomes), key=lambda value: sign(objective) * value)
    if sign(objective) * best > sign(objective) * target:
        return None
    return Verdict("Completed", f"The best objective, {best:g}, has reached TargetObjectiveMetricValue, {target:g}.")


def _float32(target: float) -> float:
    """A target as the values are, which are float32: 0.95 must not miss the target 0.95."""
    try:
        return float(struct.unpack("f", struct.pack("f", target))[0])
    except OverflowError:
        return math.copysign(math.inf, target)


def _stands_still(criteria: dict[str, Any], reached: Progress, evaluated: int) -> Verdict | None:
    most = criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving")
    if most is not None and reached.not_improving >= most:
        return Verdict(
            "Completed",
            f"{reached.not_improving} training jobs in a row have not improved the best objective by more than "
            f"{IMPROVEMENT:.0%}, and MaxNumberOfTrainingJobsNotImproving is {most}.",
        )
    wanted = criteria.get("ConvergenceDetected", {}).get("CompleteOnConvergence") == "Enabled"
    if wanted and reached.converged is not None:
        return Verdict("Completed", f"It has converged within {evaluated} evaluated training jobs.")
    return None
