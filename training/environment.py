"""Where the job finds its data and leaves its results, read once from the variables that SageMaker sets.

The variables are those of https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from errors import ClusterError, DataError

TUNING_METRIC = "_tuning_objective_metric"  # the hyperparameter that a tuning job adds to those of its trials


@dataclasses.dataclass(frozen=True)
class Environment:
    """Directories and hosts of one training job."""

    base: Path
    model: Path
    train: str
    validation: str
    hosts: tuple[str, ...]
    current_host: str
    cpus: int | None
    sharded_by_host: bool
    trial: str = ""
    """The job's name if it is a trial of a tuning job."""

    @property
    def checkpoints(self) -> Path:
        """Folder that SageMaker keeps in step with S3, and fills again when a job resumes.

        All trials of a tuning job share one place on S3, so each keeps to a folder of its own there.
        """
        return self.base / "checkpoints" / self.trial

    def channel(self, name: str) -> Path:
        """Folder of a channel. Raises DataError if the job has no such channel."""
        variable = f"SM_CHANNEL_{name.upper()}"
        folder = getattr(self, name)
        if not folder:
            raise DataError(f"the job has no channel {name!r}: add it to the job's input data, or set {variable}")
        return Path(folder)


def read(variables: Mapping[str, str]) -> Environment:
    """The Environment that the variables describe. Raises ClusterError if the hosts are not readable."""
    base = base_directory(variables)
    config = base / "input" / "config"
    resources = _json(variables.get("SM_RESOURCE_CONFIG"), config / "resourceconfig.json")
    hosts = json.loads(variables["SM_HOSTS"]) if variables.get("SM_HOSTS") else resources.get("hosts", ["algo-1"])
    current = variables.get("SM_CURRENT_HOST") or resources.get("current_host") or hosts[0]
    if current not in hosts:
        raise ClusterError(f"SM_CURRENT_HOST={current} is not among the hosts {', '.join(hosts)}")
    channels = _json(variables.get("SM_INPUT_DATA_CONFIG"), config / "inputdataconfig.json")
    given = _json(None, config / "hyperparameters.json")
    return Environment(
        base=base,
        model=Path(variables.get("SM_MODEL_DIR") or base / "model"),
        train=variables.get("SM_CHANNEL_TRAIN", ""),
        validation=variables.get("SM_CHANNEL_VALIDATION", ""),
        hosts=tuple(hosts),
        current_host=current,
        cpus=int(variables["SM_NUM_CPUS"]) if variables.get("SM_NUM_CPUS") else None,
        sharded_by_host=channels.get("train", {}).get("S3DistributionType") == "ShardedByS3Key",
        trial=variables.get("TRAINING_JOB_NAME", "") if TUNING_METRIC in given else "",
    )


def base_directory(variables: Mapping[str, str]) -> Path:
    """`/opt/ml`, or what stands for it outside a container."""
    return Path(variables.get("SAGEMAKER_BASE_DIR") or "/opt/ml")


def write_failure(base: Path, reason: str) -> Path:
    """Leaves the reason in the file that SageMaker reads: its first 1024 characters become the FailureReason."""
    failure = base / "output" / "failure"
    failure.parent.mkdir(parents=True, exist_ok=True)
    failure.write_text(reason)
    return failure


def _json(text: str | None, file: Path) -> dict:  # type: ignore[type-arg]
    if text:
        return dict(json.loads(text))
    return dict(json.loads(file.read_text())) if file.is_file() else {}
