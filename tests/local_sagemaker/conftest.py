"""Requests for the local SageMaker whose trials run in milliseconds: a script of a few lines, without TensorFlow."""

import io
import json
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import LocalService, running_service

BUCKET = "local-sagemaker-tests"
IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/plain-python:3.11"
TENSORFLOW_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-training:2.19-cpu-py312"
PARABOLA = """
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--model_dir")
given, _ = parser.parse_known_args()
print("loss = 1e9")
print(f"loss = {(given.rate - 0.3) ** 2:.3e}")
pathlib.Path(os.environ["SM_MODEL_DIR"], "rate.json").write_text(json.dumps({"rate": given.rate}))
"""


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """A local SageMaker of these tests' own, with a bucket and one channel's data in it."""
    with running_service(tmp_path_factory.mktemp("service")) as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="data/train/part-0", Body=b"zero")
        s3.put_object(Bucket=BUCKET, Key="data/train/deeper/part-1", Body=b"one")
        yield running


def upload_source(service: LocalService, script: str, **files: str) -> str:
    """The s3:// address of a source archive with train.py and `files`."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, text in {"train.py": script, **files}.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    key = f"code/{uuid.uuid4()}/sourcedir.tar.gz"
    service.client("s3").put_object(Bucket=BUCKET, Key=key, Body=archive.getvalue())
    return f"s3://{BUCKET}/{key}"


def definition(service: LocalService, source: str, **changes: Any) -> dict[str, Any]:
    """A TrainingJobDefinition in script mode with one channel."""
    return {
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": r"\bloss = ([0-9.eE+-]+)"}],
        },
        "StaticHyperParameters": {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": f'"{source}"',
        },
        "RoleArn": service.role_arn,
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/data/train/"}},
            }
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/jobs"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    } | changes


def tuning_request(
    service: LocalService, script: str = PARABOLA, *, jobs: int = 4, parallel: int = 2, **config: Any
) -> dict[str, Any]:
    """A CreateHyperParameterTuningJob with a name of its own."""
    return {
        "HyperParameterTuningJobName": f"tune-{uuid.uuid4().hex[:12]}",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": parallel},
            "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "rate", "MinValue": "0", "MaxValue": "1"}]},
        }
        | config,
        "TrainingJobDefinition": definition(service, upload_source(service, script)),
    }


def training_request(service: LocalService, script: str, *, image: str = IMAGE, **changes: Any) -> dict[str, Any]:
    """A CreateTrainingJob with a name of its own."""
    request = definition(service, upload_source(service, script), **changes)
    request["AlgorithmSpecification"]["TrainingImage"] = image
    request["HyperParameters"] = request.pop("StaticHyperParameters")
    return {"TrainingJobName": f"train-{uuid.uuid4().hex[:12]}", **request}


def wait_until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """The first true value of `condition`, asked ten times a second; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"nothing after {seconds} s"
        time.sleep(0.1)


def tuned(service: LocalService, name: str) -> dict[str, Any]:
    """The description of a tuning job once it has ended."""
    client = service.client("sagemaker")

    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        return None if job["HyperParameterTuningJobStatus"] in ("InProgress", "Stopping") else job

    described: dict[str, Any] = wait_until(ended)
    return described


def trained(service: LocalService, name: str, seconds: float = 60) -> dict[str, Any]:
    """The description of a training job once it has ended."""
    client = service.client("sagemaker")

    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = client.describe_training_job(TrainingJobName=name)
        return None if job["TrainingJobStatus"] in ("InProgress", "Stopping") else job

    described: dict[str, Any] = wait_until(ended, seconds)
    return described


def log_of(service: LocalService, job: str) -> list[str]:
    """The messages of a training job in CloudWatch Logs."""
    logs = service.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]
    events = logs.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"], startFromHead=True)
    return [event["message"] for event in events["events"]]


def trials_running(state: Path) -> int:
    """How many training commands run: processes whose working folder is that of a job."""
    return sum(_below(state, process.info["cwd"]) for process in psutil.process_iter(["cwd"]))


def processes_below(state: Path) -> list[str]:
    """The command lines of processes that work in, name, or hold open anything of a training job."""
    found = []
    for process in psutil.process_iter(["cwd", "cmdline", "open_files"]):
        files = [file.path for file in process.info["open_files"] or []]
        paths = (process.info["cwd"], *(process.info["cmdline"] or []), *files)
        if process.pid != _pid(state) and any(_below(state, path) for path in paths):
            found.append(" ".join(process.info["cmdline"]))
    return found


def _below(state: Path, path: str | None) -> bool:
    return bool(path) and Path(path or "").is_relative_to(state / "training-jobs")


def _pid(state: Path) -> int:
    return int(json.loads((state / "service.json").read_text())["pid"])
