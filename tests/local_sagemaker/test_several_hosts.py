"""InstanceCount above 1: one training job as several processes that see each other, and end together."""

import json
import os
import signal
import tarfile
from io import BytesIO
from pathlib import Path

import psutil
import pytest

from tests.conftest import LocalService
from tests.local_sagemaker.conftest import BUCKET, processes_below, trained, training_request, wait_until

REPORT = """
import json, os, pathlib
base, host = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"]), os.environ["SM_CURRENT_HOST"]
report = {
    "resources": json.loads((base / "input/config/resourceconfig.json").read_text()),
    "hosts": json.loads(os.environ["SM_HOSTS"]),
    "tf_config": json.loads(os.environ["TF_CONFIG"]),
    "files": sorted(path.name for path in pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).glob("part-*")),
    "master": json.loads(os.environ["SM_TRAINING_ENV"])["is_master"],
}
(base / "model" / f"{host}.json").write_text(json.dumps(report))
(base / "model" / "shared").write_text(host)
print("loss =", 10 if host == "algo-1" else 20)
print("hello from", host)
"""
ONE_DIES = """
import os, sys, time
print("begun", flush=True)
if os.environ["SM_CURRENT_HOST"] == "algo-2":
    time.sleep(float(os.environ.get("DELAY", 0)))
    raise ValueError("this host has had enough")
time.sleep(600)
"""


def request_of(service: LocalService, script: str, hosts: int, **changes: object) -> dict:
    request = training_request(service, script, **changes)
    request["ResourceConfig"]["InstanceCount"] = hosts
    return request


def with_channel(service: LocalService, request: dict, parts: int, distribution: str) -> dict:
    prefix = f"shards-{request['TrainingJobName']}/"
    for part in range(parts):
        service.client("s3").put_object(Bucket=BUCKET, Key=f"{prefix}part-{part}", Body=b"x")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}", "S3DataDistributionType": distribution}
    return request | {"InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}]}


def run(service: LocalService, request: dict) -> dict:
    service.client("sagemaker").create_training_job(**request)
    return trained(service, request["TrainingJobName"])


def model(service: LocalService, job: dict) -> dict[str, str]:
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{BUCKET}/")
    body = service.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=BytesIO(body)) as tar:
        return {item.name: tar.extractfile(item).read().decode() for item in tar if item.isfile()}  # type: ignore[union-attr]


@pytest.mark.parametrize("distribution", ["ShardedByS3Key", "FullyReplicated"])
def test_hosts_see_each_other_and_their_share(service: LocalService, distribution: str) -> None:
    request = with_channel(service, request_of(service, REPORT, 3), 7, distribution)
    job = run(service, request)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    files = model(service, job)
    hosts = ["algo-1", "algo-2", "algo-3"]
    reports = {host: json.loads(files[f"{host}.json"]) for host in hosts}
    assert files["shared"] == "algo-1", "of the same name, the first host's file is taken"
    assert all(reports[host]["hosts"] == hosts for host in hosts)
    assert [reports[host]["resources"]["current_host"] for host in hosts] == hosts
    assert [reports[host]["master"] for host in hosts] == [True, False, False]
    clusters = [reports[host]["tf_config"]["cluster"] for host in hosts]
    assert len(set(clusters[0]["worker"])) == 3
    assert clusters[0] == clusters[1] == clusters[2]
    assert [reports[host]["tf_config"]["task"]["index"] for host in hosts] == [0, 1, 2]
    everything = [f"part-{part}" for part in range(7)]
    shares = [reports[host]["files"] for host in hosts]
    if distribution == "FullyReplicated":
        assert shares == [everything] * 3
    else:
        assert sorted(name for share in shares for name in share) == everything, "disjoint and complete"
        assert sorted(map(len, shares)) == [2, 2, 3]


def test_metrics_and_streams_of_every_host(service: LocalService) -> None:
    job = run(service, with_channel(service, request_of(service, REPORT, 2), 2, "FullyReplicated"))
    name, logs = job["TrainingJobName"], service.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    streams = [
        stream["logStreamName"]
        for stream in logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
    ]
    assert sorted(stream.removeprefix(f"{name}/").rpartition("-")[0] for stream in streams) == ["algo-1", "algo-2"]
    for stream in streams:
        host = stream.removeprefix(f"{name}/").rpartition("-")[0]
        events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
        assert [event["message"] for event in events][1] == f"hello from {host}"
    assert job["FinalMetricDataList"][0]["Value"] in (10, 20)


def test_a_host_that_fails_ends_the_job(service: LocalService) -> None:
    job = run(service, request_of(service, ONE_DIES, 2))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: algo-2: ExecuteUserScriptError: ExitCode 1")
    assert "this host has had enough" in job["FailureReason"]
    wait_until(lambda: processes_below(service.state) == [])


def test_a_host_that_is_killed_ends_the_job(service: LocalService) -> None:
    request = request_of(service, ONE_DIES, 2, Environment={"DELAY": "600"})
    service.client("sagemaker").create_training_job(**request)
    folder = service.state / "training-jobs" / request["TrainingJobName"]
    command = folder / "algo-2" / "command"
    wait_until(lambda: command.exists() and command.read_text())
    wait_until(lambda: (folder / "output.log").read_text().count("begun") == 2)
    os.kill(int(command.read_text()), signal.SIGKILL)
    job = trained(service, request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].endswith("exit code: -9")
    wait_until(lambda: processes_below(service.state) == [])


def test_stopping_reaches_every_host(service: LocalService) -> None:
    script = """
import os, pathlib, signal, sys, time
def leave(*_):
    pathlib.Path(os.environ["SM_MODEL_DIR"], os.environ["SM_CURRENT_HOST"]).write_text("saved")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("begun", flush=True)
time.sleep(600)
"""
    request = request_of(service, script, 2)
    name = request["TrainingJobName"]
    service.client("sagemaker").create_training_job(**request)
    log = service.state / "training-jobs" / name / "output.log"
    wait_until(lambda: log.exists() and log.read_text().count("begun") == 2)
    service.client("sagemaker").stop_training_job(TrainingJobName=name)
    job = trained(service, name)
    assert job["TrainingJobStatus"] == "Stopped"
    assert model(service, job) == {"algo-1": "saved", "algo-2": "saved"}


def test_a_command_does_not_survive_the_process_beside_it(service: LocalService) -> None:
    request = request_of(service, "import time; print('begun', flush=True); time.sleep(600)", 1)
    service.client("sagemaker").create_training_job(**request)
    folder = service.state / "training-jobs" / request["TrainingJobName"]
    log = folder / "output.log"
    wait_until(lambda: log.exists() and "begun" in log.read_text())
    command = int((folder / "algo-1" / "command").read_text())
    os.kill(int((folder / "algo-1" / "running").read_text()), signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(command), seconds=5)
    job = trained(service, request["TrainingJobName"])
    assert job["FailureReason"] == "InternalServerError: The training process of algo-1 was killed from outside."


def test_a_host_that_fails_because_another_is_lost_does_not_hide_the_loss(
    service: LocalService, tmp_path: Path
) -> None:
    # Once: algo-1 fails at the very moment at which the process of algo-2 is gone, as TensorFlow's hosts do.
    script = f"""
import os, pathlib, time
again = pathlib.Path({str(tmp_path)!r}, os.environ["SM_CURRENT_HOST"])
if again.exists():
    raise SystemExit(0)
again.touch()
print("begun", flush=True)
if os.environ["SM_CURRENT_HOST"] == "algo-2":
    time.sleep(60)
running = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"]).parents[1] / "algo-2" / "running"
other = pathlib.Path("/proc") / running.read_text()
while other.exists() and ") Z " not in (other / "stat").read_text():
    pass
raise SystemExit("lost the other host")
"""
    request = request_of(service, script, 2, RetryStrategy={"MaximumRetryAttempts": 1})
    service.client("sagemaker").create_training_job(**request)
    folder = service.state / "training-jobs" / request["TrainingJobName"]
    wait_until(lambda: sum(path.name.startswith("algo-") for path in tmp_path.iterdir()) == 2)
    os.kill(int((folder / "algo-2" / "running").read_text()), signal.SIGKILL)
    job = trained(service, request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert "Restarting" in [step["Status"] for step in job["SecondaryStatusTransitions"]]


def test_a_lost_job_is_tried_again(service: LocalService) -> None:
    script = "import time; print('begun', flush=True); time.sleep(2)"
    request = request_of(service, script, 2, RetryStrategy={"MaximumRetryAttempts": 1})
    service.client("sagemaker").create_training_job(**request)
    folder = service.state / "training-jobs" / request["TrainingJobName"]
    log = folder / "output.log"
    wait_until(lambda: log.exists() and log.read_text().count("begun") == 2)
    os.kill(int((folder / "algo-2" / "running").read_text()), signal.SIGKILL)
    job = trained(service, request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    steps = [step["Status"] for step in job["SecondaryStatusTransitions"]]
    assert steps == [
        *("Starting", "Downloading", "Training", "Restarting", "Downloading", "Training", "Uploading", "Completed")
    ]
