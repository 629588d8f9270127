"""The container's directories and configuration files, laid out below a training job's own folder instead of /opt/ml.

Source: the developer guide, "How Amazon SageMaker Provides Training Information".
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONTAINER_ROOT = "/opt/ml"


@dataclass(frozen=True)
class OptMl:
    """The paths of one host of a training job."""

    root: Path

    @property
    def config(self) -> Path:
        """Where the three configuration files lie."""
        return self.root / "input" / "config"

    @property
    def data(self) -> Path:
        """One entry a channel."""
        return self.root / "input" / "data"

    @property
    def code(self) -> Path:
        """The unpacked source archive."""
        return self.root / "code"

    @property
    def model(self) -> Path:
        """What becomes model.tar.gz."""
        return self.root / "model"

    @property
    def output(self) -> Path:
        """What becomes output.tar.gz, below `data`, and the failure file."""
        return self.root / "output"

    @property
    def checkpoints(self) -> Path:
        """What a script may go on from."""
        return self.root / "checkpoints"

    @property
    def failure(self) -> Path:
        """Its first 1,024 characters become the FailureReason."""
        return self.output / "failure"

    def create(self, request: dict[str, Any], host: str) -> None:
        """Make the directories and write hyperparameters.json, inputdataconfig.json and resourceconfig.json."""
        for folder in (self.config, self.data, self.code, self.model, self.output / "data", self.checkpoints):
            folder.mkdir(parents=True, exist_ok=True)
        (self.output / "intermediate").mkdir(exist_ok=True)
        self._write("hyperparameters.json", request.get("HyperParameters", {}))
        self._write("inputdataconfig.json", input_data_config(request))
        self._write("resourceconfig.json", resource_config(request, host))

    def _write(self, name: str, content: dict[str, Any]) -> None:
        (self.config / name).write_text(json.dumps(content))


def input_data_config(request: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Channels as the container sees them: name -> how its data arrives."""
    default_mode = request["AlgorithmSpecification"].get("TrainingInputMode", "File")
    return {
        channel["ChannelName"]: {
            "TrainingInputMode": channel.get("InputMode", default_mode),
            "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                "S3DataDistributionType", "FullyReplicated"
            ),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
        }
        for channel in request.get("InputDataConfig", [])
    }


def host_names(request: dict[str, Any]) -> list[str]:
    """algo-1 to algo-n, in the order of their names, as SageMaker lists them."""
    return sorted(f"algo-{number}" for number in range(1, request["ResourceConfig"].get("InstanceCount", 1) + 1))


def resource_config(request: dict[str, Any], host: str) -> dict[str, Any]:
    """The hosts of the job as the container of one of them sees them."""
    instance, hosts = request["ResourceConfig"].get("InstanceType", "ml.m5.xlarge"), host_names(request)
    return {
        "current_host": host,
        "current_instance_type": instance,
        "current_group_name": "homogeneousCluster",
        "hosts": hosts,
        "instance_groups": [
            {"instance_group_name": "homogeneousCluster", "instance_type": instance, "hosts": hosts},
        ],
        "network_interface_name": "lo",
    }
