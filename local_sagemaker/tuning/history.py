"""What a search strategy may look at: the configurations tried so far and what came of each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from local_sagemaker.records import TrainingJob


@dataclass(frozen=True)
class Evaluation:
    """One configuration. `loss` is lower for better, None while pending, or where the trial failed.

    `task` is 0 for what measures this job's own objective, n for the n-th parent of a job that learns by transfer.
    """

    tuned: dict[str, str]
    loss: float | None = None
    pending: bool = False
    task: int = 0


History = Sequence[Evaluation]


def sign(objective: dict[str, str]) -> float:
    """What turns a value of this objective into a loss, and back."""
    return -1.0 if objective["Type"] == "Maximize" else 1.0


def read_history(trials: Iterable[TrainingJob], objective: dict[str, str]) -> list[Evaluation]:
    """The evaluations of a job's own trials, in the order of the trials."""
    return [
        Evaluation(
            trial.tuned,
            loss=None if trial.active or trial.objective is None else sign(objective) * trial.objective,
            pending=trial.active,
        )
        for trial in trials
    ]
