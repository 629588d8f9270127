"""The service survives being stopped and killed: its state stays, its jobs go on, and it starts only where it may."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local_sagemaker import server
from tests.conftest import ROOT, LocalService, running_service
from tests.local_sagemaker.conftest import (
    BUCKET,
    IMAGE,
    PARABOLA,
    TENSORFLOW_IMAGE,
    processes_below,
    trained,
    training_request,
    trials_running,
    tuned,
    tuning_request,
    wait_until,
)
from tests.local_sagemaker.test_training_jobs import model_file

SLOW = PARABOLA.replace(
    'print("loss = 1e9")',
    "import time; open('@@STARTS@@', 'a').write(os.environ['TRAINING_JOB_NAME'] + '\\n'); time.sleep(2)",
)

SAVES_SLOWLY = """
import os, pathlib, signal, sys, time
def leave(*_):
    time.sleep(3)
    pathlib.Path(os.environ["SM_MODEL_DIR"], "saved").write_text("in time")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("ready", flush=True)
time.sleep(60)
"""


def slow(state: Path) -> str:
    """A script that takes two seconds and notes each start of it in a file beside the jobs' folders."""
    return SLOW.replace("@@STARTS@@", str(state / "starts"))


def command(state: Path, port: int = 0, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local_sagemaker", "--port", str(port), "--state", str(state), *options],
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
        assert steps(best).count("Restarting") == 1
        assert again.access_key == service.access_key


def created_job(service: LocalService, script: str) -> str:
    """The name of a training job whose process runs."""
    service.client("s3").create_bucket(Bucket=BUCKET)
    request = training_request(service, script)
    del request["InputDataConfig"]
    service.client("sagemaker").create_training_job(**request)
    wait_until(lambda: trials_running(service.state) == 1)
    return str(request["TrainingJobName"])


def steps(job: dict) -> list[str]:
    return [step["Status"] for step in job["SecondaryStatusTransitions"]]


def test_a_job_that_was_killed_with_the_service_runs_again_and_says_so(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        name = created_job(service, "import time; time.sleep(2); print('loss = 1')")
        os.kill(json.loads((tmp_path / "service.json").read_text())["pid"], signal.SIGKILL)
        for running in (tmp_path / "training-jobs").glob("*/*/running"):
            os.kill(int(running.read_text()), signal.SIGKILL)
        wait_until(lambda: trials_running(tmp_path) == 0)
    with running_service(tmp_path) as again:
        job = trained(again, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert steps(job).count("Restarting") == 1


def test_a_job_that_is_being_stopped_saves_its_model_though_the_service_stops(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        name = created_job(service, SAVES_SLOWLY)
        wait_until(lambda: (tmp_path / "training-jobs" / name / "output.log").read_text().count("ready"))
        service.client("sagemaker").stop_training_job(TrainingJobName=name)
    with running_service(tmp_path) as again:
        job = trained(again, name)
        assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
        assert model_file(again, job, "saved") == b"in time"


def test_the_port_takes_connections_before_the_service_answers() -> None:
    with server._listening("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname(), timeout=5):
        pass


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
        f"local_sagemaker: Port {port} of 127.0.0.1 can't be opened (Address already in use); "
        "give another --host or --port."
    )


def test_a_wrong_start_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "credentials.json").write_text("")
    starts = {
        "is, or lies below, a file; give another --state.": command(tmp_path / "file"),
        "'bad region' is no region's name": command(tmp_path / "new", 0, "--region", "bad region"),
        "credentials.json holds no key pair": command(tmp_path / "empty"),
    }
    for message, started in starts.items():
        assert started.returncode == 1
        assert message in started.stderr
        assert started.stderr.startswith("local_sagemaker: ")
        assert started.stderr.count("\n") == 1
