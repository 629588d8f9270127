"""What the controller remembers between two looks: records and curves of trials that have ended, which never change.

Everything here can be read again from the store, so nothing is lost with the service; it only saves reading it.
"""

from collections.abc import Iterable, Sequence

from local_sagemaker.records import Metric, TrainingJob
from local_sagemaker.store import Store
from local_sagemaker.tuning.curves import Curve, read_curve


class EndedTrials:
    """The trials of active tuning jobs, read from `store` while they run and once more when they have ended."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._trials: dict[str, dict[str, TrainingJob]] = {}
        self._curves: dict[str, dict[tuple[str, str], Curve]] = {}

    def forget_all_but(self, tuning_jobs: Iterable[str]) -> None:
        """Keep what belongs to these tuning jobs."""
        kept = set(tuning_jobs)
        self._trials = {name: trials for name, trials in self._trials.items() if name in kept}
        self._curves = {name: curves for name, curves in self._curves.items() if name in kept}

    def trials(self, tuning_job: str) -> list[TrainingJob]:
        """The trials of a tuning job, in the order of their numbers."""
        known = self._trials.get(tuning_job, {})
        names = self._store.trial_names(tuning_job)
        read = {job.name: job for job in self._store.named_training_jobs([name for name in names if name not in known])}
        found = {name: job for name in names if (job := known.get(name) or read.get(name)) is not None}
        self._trials[tuning_job] = {name: job for name, job in found.items() if not job.active}
        return list(found.values())

    def curves(self, tuning_job: str, trials: Sequence[TrainingJob], objective: dict[str, str]) -> list[Curve]:
        """What those of some trials have printed of the objective that did not fail and printed anything."""
        metric = objective["MetricName"]
        kept = self._curves.setdefault(tuning_job, {})
        missing = [trial for trial in trials if trial.status != "Failed" and (trial.name, metric) not in kept]
        read = self._store.curves(tuning_job, metric, [trial.trial for trial in missing])
        fresh = {}
        for trial in missing:
            values: Sequence[Metric] = read.get(trial.trial, ())
            curve = read_curve(trial.trial, values, objective)
            fresh[trial.name, metric] = curve
            if not trial.active:
                kept[trial.name, metric] = curve
        found = (kept.get((trial.name, metric)) or fresh.get((trial.name, metric)) for trial in trials)
        return [curve for curve in found if curve is not None and curve.epochs]
