"""Which running trials should stop before their end: by the median rule or by Hyperband, a pure function of curves."""

from collections.abc import Sequence

from local_sagemaker.records import TrainingJob, TuningJob
from local_sagemaker.tuning import early_stopping
from local_sagemaker.tuning.curves import Curve, Stop
from local_sagemaker.tuning.definitions import Definition
from local_sagemaker.tuning.search import hyperband


def stops_trials(job: TuningJob) -> bool:
    """Whether a job asks for any trial to be stopped before its end."""
    automatic: str = job.config.get("TrainingJobEarlyStoppingType", "Off")
    return bool(job.config["Strategy"] == "Hyperband") or automatic == "Auto"


def decide(
    job: TuningJob, definition: Definition, trials: Sequence[TrainingJob], curves: Sequence[Curve]
) -> list[Stop]:
    """The stops among the running trials of one definition, given what all that did not fail have printed."""
    running = {trial.trial for trial in trials if trial.status == "InProgress"}
    found = (_stop(job, definition, curve, curves) for curve in curves if curve.trial in running)
    return [stop for stop in found if stop is not None]


def _stop(job: TuningJob, definition: Definition, curve: Curve, curves: Sequence[Curve]) -> Stop | None:
    if job.config["Strategy"] != "Hyperband":
        return early_stopping.decide(curve, curves)
    resources = hyperband.resources(job.config, definition.static)
    assert resources is not None
    bracket = hyperband.bracket_of(job.seed, curve.trial, *resources)
    others = [other for other in curves if hyperband.bracket_of(job.seed, other.trial, *resources) == bracket]
    return hyperband.decide(curve, others, *resources, bracket)
