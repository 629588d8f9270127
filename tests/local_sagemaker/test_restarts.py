"""The service survives being stopped and killed: its state stays, its jobs go on, and it starts only where it may."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, LocalService, running_service
from tests.local_sagemaker.conftest import (
    BUCKET,
    IMAGE,
    PARABOLA,
    TENSORFLOW_IMAGE,
    processes_below,
    trained,
    trials_running,
    tuned,
    tuning_request,
    wait_until,
)

SLOW = PARABOLA.replace(
    'print("loss = 1e9")',
    "import time; open('@@STARTS@@', 'a').write(os.environ['TRAINING_JOB_NAME'] + '\\n'); time.sleep(2)",
)


def slow(state: Path) -> str:
    """A script that takes two seconds and notes each start of it in a file beside the jobs' folders."""
    return SLOW.replace("@@STARTS@@", str(state / "starts"))


def command(state: Path, port: int = 0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local_sagemaker", "--port", str(port), "--state", str(state)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("image", [IMAGE, TENSORFLOW_IMAGE], ids=["cold", "warm"])
def test_a_killed_service_adopts_its_running_trials(tmp_path: Path, image: str) -> None:
    with running_service(tmp_path) as service:
        service.client("s3").create_bucket(Bucket=BUCKET)
        service.client("s3").put_object(Bucket=BUCKET, Key="data/train/part-0", Body=b"zero")
        request = tuning_request(service, slow(tmp_path), jobs=3, parallel=2)
        request["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"] = image
        name = request["HyperParameterTuningJobName"]
        service.client("sagemaker").create_hyper_parameter_tuning_job(**request)
        wait_until(lambda: trials_running(tmp_path) == 2)
        os.kill(json.loads((tmp_path / "service.json").read_text())["pid"], signal.SIGKILL)
    with running_service(tmp_path) as again:
        job = tuned(again, name)
        assert job["HyperParameterTuningJobStatus"] == "Completed"
        assert job["TrainingJobStatusCounters"]["Completed"] == 3
        starts = (tmp_path / "starts").read_text().split()
        assert len(starts) == len(set(starts)) == 3, "no trial ran twice"
    assert processes_below(tmp_path) == []


def test_a_stopped_service_leaves_no_process_and_runs_its_trials_again(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        service.client("s3").create_bucket(Bucket=BUCKET)
        service.client("s3").put_object(Bucket=BUCKET, Key="data/train/part-0", Body=b"zero")
        request = tuning_request(service, slow(tmp_path), jobs=2, parallel=2)
        name = request["HyperParameterTuningJobName"]
        service.client("sagemaker").create_hyper_parameter_tuning_job(**request)
        wait_until(lambda: trials_running(tmp_path) == 2)
    assert processes_below(tmp_path) == []
    with running_service(tmp_path) as again:
        job = tuned(again, name)
        assert job["TrainingJobStatusCounters"]["Completed"] == 2
        best = trained(again, job["BestTrainingJob"]["TrainingJobName"])
        assert best["TrainingJobStatus"] == "Completed"
        assert again.access_key == service.access_key


def test_a_second_service_on_the_same_state_refuses_to_start(service: LocalService) -> None:
    second = command(service.state)
    assert second.returncode == 1
    assert second.stderr.strip() == (
        f"local_sagemaker: Another local SageMaker already uses the state folder {service.state}; "
        "stop it or give another --state."
    )


def test_a_taken_port_is_said_in_one_line(service: LocalService, tmp_path: Path) -> None:
    port = int(service.endpoint_url.rpartition(":")[2])
    second = command(tmp_path, port)
    assert second.returncode == 1
    assert second.stderr.strip() == (
        f"local_sagemaker: Port {port} of 127.0.0.1 can't be opened (Address already in use); give another --port."
    )
