"""What the service remembers of tuning and training jobs: frozen records, times in seconds since the epoch."""

from dataclasses import dataclass, field
from typing import Any

TUNING_TRANSITIONS = {
    "InProgress": {"Completed", "Failed", "Stopping", "Stopped"},
    "Stopping": {"Stopped", "Failed"},
    "Completed": set[str](),
    "Failed": set[str](),
    "Stopped": set[str](),
}
TRAINING_TRANSITIONS = {
    "InProgress": {"Completed", "Failed", "Stopping", "Stopped"},
    "Stopping": {"Stopped", "Failed", "Completed"},
    "Completed": set[str](),
    "Failed": set[str](),
    "Stopped": set[str](),
}
ACTIVE = ("InProgress", "Stopping")


@dataclass(frozen=True)
class TuningJob:
    """A hyperparameter tuning job; `request` is the CreateHyperParameterTuningJob that made it.

    `ending` is set once it is decided how the job ends while trials of it still run: {"status", "reason", ...}.
    """

    name: str
    arn: str
    request: dict[str, Any]
    seed: int
    created: float
    modified: float
    status: str = "InProgress"
    ended: float | None = None
    failure_reason: str | None = None
    ending: dict[str, Any] | None = None

    @property
    def active(self) -> bool:
        """Whether trials may still be running for it."""
        return self.status in ACTIVE

    @property
    def config(self) -> dict[str, Any]:
        """The request's HyperParameterTuningJobConfig."""
        config: dict[str, Any] = self.request["HyperParameterTuningJobConfig"]
        return config

    @property
    def limits(self) -> dict[str, int]:
        """The request's ResourceLimits."""
        limits: dict[str, int] = self.config["ResourceLimits"]
        return limits


@dataclass(frozen=True)
class Transition:
    """One step of a training job's life, as in SecondaryStatusTransitions."""

    status: str
    started: float
    ended: float | None = None
    message: str = ""


@dataclass(frozen=True)
class TrainingJob:
    """A training job, a tuning job's trial where `tuning_job` is set; `request` is a whole CreateTrainingJob."""

    name: str
    arn: str
    request: dict[str, Any]
    created: float
    modified: float
    tuning_job: str | None = None
    trial: int = 0
    tuned: dict[str, str] = field(default_factory=dict)
    status: str = "InProgress"
    secondary_status: str = "Starting"
    started: float | None = None
    ended: float | None = None
    failure_reason: str | None = None
    objective_status: str | None = None
    objective: float | None = None
    log_position: int = 0
    transitions: tuple[Transition, ...] = ()

    @property
    def active(self) -> bool:
        """Whether it still has something to do."""
        return self.status in ACTIVE


@dataclass(frozen=True)
class Metric:
    """One value that a training job printed; `value` is what a float32 keeps of it, as on AWS."""

    name: str
    value: float
    time: float
