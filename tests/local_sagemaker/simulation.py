"""A local SageMaker without a server, processes or time: the real store, operations and controller, a fake runner."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_sagemaker import server
from local_sagemaker.operations import tuning_jobs
from local_sagemaker.records import Metric, TrainingJob, TuningJob
from local_sagemaker.service import Service
from local_sagemaker.settings import Credentials, Settings
from local_sagemaker.store import Store
from local_sagemaker.training import states
from local_sagemaker.tuning import controller
from local_sagemaker.tuning.ended import EndedTrials

ROLE = "arn:aws:iam::000000000000:role/SageMakerExecutionRole"
METRIC = "loss"


@dataclass(frozen=True)
class Course:
    """What a trial will do: print `values`, one an epoch, then end."""

    values: Sequence[float] = (1.0,)
    epoch_seconds: float = 10.0
    fails: bool = False


Behaviour = Callable[[TrainingJob], Course]


class _Roles:
    """IAM where every role trusts SageMaker."""

    def get_role(self, **named: str) -> dict[str, Any]:
        arn = f"arn:aws:iam::000000000000:role/{named['RoleName']}"
        return {"Role": {"Arn": arn, "AssumeRolePolicyDocument": server.TRUST}}


@dataclass
class Simulation:
    """Tuning jobs under a clock that jumps from one event to the next."""

    behaviour: Behaviour
    store: Store = field(default_factory=lambda: Store(Path(":memory:")))
    time: float = 1000.0
    checks: list[Callable[["Simulation"], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        settings = Settings(Path("/nowhere"), Credentials("key", "secret"))
        self.service = Service(settings, self.store, now=lambda: self.time)
        self.service.__dict__["iam"] = _Roles()
        self.ended = EndedTrials(self.store)

    def create(self, request: dict[str, Any]) -> str:
        """Send a CreateHyperParameterTuningJob; the job's name."""
        tuning_jobs.create(self.service, request)
        return str(request["HyperParameterTuningJobName"])

    def describe(self, name: str) -> dict[str, Any]:
        return tuning_jobs.describe(self.service, {"HyperParameterTuningJobName": name})

    def job(self, name: str) -> TuningJob:
        job = self.store.tuning_job(name)
        assert job is not None
        return job

    def trials(self, name: str) -> list[TrainingJob]:
        return self.store.training_jobs(tuning_job=name)

    def look(self) -> None:
        """One look of the controller."""
        controller.advance(self.service, self.ended)
        for check in self.checks:
            check(self)

    def run(self, most_looks: int = 20_000) -> None:
        """Until every tuning job has ended."""
        for _ in range(most_looks):
            self.look()
            if not self.store.tuning_jobs(("InProgress", "Stopping")):
                return
            self.step()
        raise AssertionError("a tuning job did not end")

    def step(self) -> None:
        """Let the trial whose next event comes first live through it; all that were asked to stop do so at once."""
        active = self.store.training_jobs(("InProgress", "Stopping"))
        for trial in active:
            if trial.status == "Stopping":
                states.end(self.service, trial.name, "Stopped")
        running = [trial for trial in active if trial.status == "InProgress"]
        if running:
            self._live(min(running, key=lambda trial: (self._next_event(trial), trial.name)))

    def _next_event(self, trial: TrainingJob) -> float:
        printed = len(self.store.metrics(trial.name, METRIC))
        return trial.created + (printed + 1) * self.behaviour(trial).epoch_seconds

    def _live(self, trial: TrainingJob) -> None:
        course, printed = self.behaviour(trial), len(self.store.metrics(trial.name, METRIC))
        self.time = max(self.time, self._next_event(trial))
        if printed < len(course.values):
            value = struct.unpack("f", struct.pack("f", course.values[printed]))[0]
            self.store.add_log_progress(trial.name, printed + 1, [Metric(METRIC, value, self.time)], self.time)
        if printed + 1 >= len(course.values):
            states.end(self.service, trial.name, "Failed" if course.fails else "Completed")


def ranges(**bounds: tuple[float, float]) -> dict[str, Any]:
    """ParameterRanges of continuous hyperparameters."""
    return {
        "ContinuousParameterRanges": [
            {"Name": name, "MinValue": str(low), "MaxValue": str(high)} for name, (low, high) in bounds.items()
        ]
    }


def categories(**values: Sequence[str]) -> dict[str, Any]:
    """ParameterRanges of categorical hyperparameters."""
    return {"CategoricalParameterRanges": [{"Name": name, "Values": list(each)} for name, each in values.items()]}


def definition(**changes: Any) -> dict[str, Any]:
    """A TrainingJobDefinition that no runner will ever start."""
    return {
        "AlgorithmSpecification": {
            "TrainingImage": "image",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": METRIC, "Regex": "loss = (.*)"}],
        },
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/jobs"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    } | changes


def request(name: str = "job", *, jobs: int | None = 6, parallel: int = 2, **config: Any) -> dict[str, Any]:
    """A CreateHyperParameterTuningJob over one continuous hyperparameter; `config` changes its configuration."""
    limits = {"MaxParallelTrainingJobs": parallel} | ({} if jobs is None else {"MaxNumberOfTrainingJobs": jobs})
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": METRIC},
            "ResourceLimits": limits | config.pop("limits", {}),
            "ParameterRanges": ranges(x=(0, 1)),
            "RandomSeed": 1,
        }
        | config,
        "TrainingJobDefinition": definition(),
    }
