"""Training jobs that run training/mnist.py as it is, on the bundled digits."""

import json
import re
from typing import Any

from tests.conftest import ROOT, LocalService
from tests.local_sagemaker.conftest import TENSORFLOW_IMAGE, trained, training_request, upload_source
from tests.local_sagemaker.test_training_jobs import model_file

CHANNELS = ("train", "validation")
SHARDS, VALIDATION = 4, 237
SECONDS = 300
SMALL = {"dense_units": "64", "batch_size": "100", "learning_rate": "0.1", "seed": "1"}  # learns the digits soon


def mnist_request(
    service: LocalService,
    data: str,
    settings: dict[str, Any],
    *,
    hosts: int = 1,
    distribution: str = "FullyReplicated",
    image: str = TENSORFLOW_IMAGE,
    first: str = "",
    **changes: Any,
) -> dict[str, Any]:
    """A CreateTrainingJob of training/mnist.py with these hyperparameters on the channels below `data`.

    `first` is a script that runs in its place, with mnist.py beside it; `distribution` is that of the train channel.
    """
    files = {path.name: path.read_text() for path in (ROOT / "training").glob("*.py")}
    request = training_request(service, "", image=image, **changes)
    request["InputDataConfig"] = [
        {
            "ChannelName": channel,
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": f"{data}/{channel}/",
                    "S3DataDistributionType": distribution if channel == "train" else "FullyReplicated",
                }
            },
        }
        for channel in CHANNELS
    ]
    request["HyperParameters"] = {
        "sagemaker_program": "train.py" if first else "mnist.py",
        "sagemaker_submit_directory": upload_source(service, first, **files),
        **SMALL,
        **{name: str(value) for name, value in settings.items()},
    }
    request["ResourceConfig"]["InstanceCount"] = hosts
    request["StoppingCondition"]["MaxRuntimeInSeconds"] = SECONDS
    return request


def run(service: LocalService, request: dict[str, Any]) -> dict[str, Any]:
    """The job's description and, under "metrics", what its model's metrics.json says."""
    service.client("sagemaker").create_training_job(**request)
    return completed(service, request)


def completed(service: LocalService, request: dict[str, Any]) -> dict[str, Any]:
    """The same for a job that runs already."""
    job = trained(service, request["TrainingJobName"], seconds=2 * SECONDS)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return job | {"metrics": json.loads(model_file(service, job, "metrics.json"))}


def log_text(service: LocalService, request: dict[str, Any]) -> str:
    """The log of a job that runs, as far as it goes; its lines begin with the time and the host."""
    log = service.state / "training-jobs" / request["TrainingJobName"] / "output.log"
    return log.read_text() if log.exists() else ""


def last_step(log: str, host: str = "algo-1") -> int:
    """The last step that a host tells of in a log, or 0."""
    told = re.findall(rf"^\d+ {host} step (\d+)/", log, re.MULTILINE)
    return int(told[-1]) if told else 0
