"""Checkpoints, spot interruptions, capacity and internal errors, as LOCAL_SAGEMAKER_FAULTS asks for them."""

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from local_sagemaker.errors import StartError
from local_sagemaker.training import faults
from tests.conftest import LocalService, running_service
from tests.local_sagemaker.conftest import BUCKET, log_of, trained, training_request, wait_until
from tests.local_sagemaker.test_training_jobs import model_file

FAULTS = [
    {"fault": "SpotInterruption", "jobs": "train-", "after_seconds": 1.0},
    {"fault": "InternalServerError", "jobs": "unlucky-", "after_seconds": 0.3, "times": 2},
    {"fault": "CapacityError", "jobs": "scarce-", "after_seconds": 0.2, "times": 2},
    {"fault": "CapacityError", "jobs": "hopeless-", "after_seconds": 0.1, "times": 1000},
]
COUNT = """
import os, pathlib, time
folder = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], os.environ.get("PLACE", "checkpoints"))
state = folder / "deep" / "step"
state.parent.mkdir(exist_ok=True, parents=True)
step = int(state.read_text()) if state.exists() else 0
print(f"from {step}", flush=True)
while step < int(os.environ.get("STEPS", 40)):
    time.sleep(0.05)
    step += 1
    partial = state.with_name("partial")
    partial.write_text(str(step))
    partial.replace(state)
print(f"loss = {step}")
pathlib.Path(os.environ["SM_MODEL_DIR"], "step").write_text(str(step))
"""
SPOT = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 90},
}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCAL_SAGEMAKER_FAULTS", json.dumps(FAULTS))
        with running_service(tmp_path_factory.mktemp("faulty")) as running:
            running.client("s3").create_bucket(Bucket=BUCKET)
            yield running


def request_of(service: LocalService, script: str, name: str = "", **changes: object) -> dict:
    request = training_request(service, script, **changes)
    del request["InputDataConfig"]
    return request | {"TrainingJobName": name + request["TrainingJobName"]}


def run(service: LocalService, script: str = COUNT, name: str = "", **changes: object) -> dict:
    request = request_of(service, script, name, **changes)
    service.client("sagemaker").create_training_job(**request)
    return trained(service, request["TrainingJobName"])


def statuses(job: dict) -> list[str]:
    return [step["Status"] for step in job["SecondaryStatusTransitions"]]


@pytest.mark.parametrize("place", ["checkpoints", "elsewhere/deeper"])
def test_an_interrupted_spot_job_goes_on_from_its_checkpoints(faulty: LocalService, place: str) -> None:
    config = {"S3Uri": f"s3://{BUCKET}/checkpoints/{place}", "LocalPath": f"/opt/ml/{place}"}
    job = run(faulty, CheckpointConfig=config, Environment={"PLACE": place}, **SPOT)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert statuses(job)[2:6] == ["Training", "Interrupted", "Downloading", "Training"]
    begun = [line for line in log_of(faulty, job["TrainingJobName"]) if line.startswith("from")]
    assert begun[0] == "from 0"
    assert int(begun[1].split()[1]) >= 5
    assert model_file(faulty, job, "step") == b"40"
    kept = faulty.client("s3").get_object(Bucket=BUCKET, Key=f"checkpoints/{place}/deep/step")["Body"].read()
    assert kept == b"40"


def test_without_checkpoints_it_begins_again(faulty: LocalService) -> None:
    job = run(faulty, **SPOT)
    assert job["TrainingJobStatus"] == "Completed"
    assert "Interrupted" in statuses(job)
    assert model_file(faulty, job, "step") == b"40"


def test_a_job_on_demand_is_not_interrupted(faulty: LocalService) -> None:
    assert statuses(run(faulty)) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]


@pytest.mark.parametrize(("attempts", "status"), [(2, "Completed"), (1, "Failed")])
def test_internal_errors_are_tried_again_as_often_as_allowed(faulty: LocalService, attempts: int, status: str) -> None:
    strategy = {"MaximumRetryAttempts": attempts}
    job = run(faulty, name="unlucky-", RetryStrategy=strategy, Environment={"STEPS": "15"})
    assert job["TrainingJobStatus"] == status
    assert statuses(job).count("Restarting") == attempts
    if status == "Failed":
        assert job["FailureReason"].startswith("InternalServerError: ")


def test_a_spot_job_waits_for_capacity_and_another_fails(faulty: LocalService) -> None:
    job = run(faulty, "", name="scarce-", **SPOT)
    assert job["TrainingJobStatus"] == "Completed"
    assert statuses(job)[:4] == ["Starting", "Pending", "Pending", "Downloading"]
    job = run(faulty, "", name="scarce-")
    assert (job["TrainingJobStatus"], job["FailureReason"][:15]) == ("Failed", "CapacityError: ")


@pytest.mark.parametrize("name", ["", "hopeless-"], ids=["training", "waiting"])
def test_a_spot_job_ends_when_it_has_waited_too_long(faulty: LocalService, name: str) -> None:
    stopping = {"MaxRuntimeInSeconds": 2, "MaxWaitTimeInSeconds": 2}
    job = run(faulty, name=name, StoppingCondition=stopping, EnableManagedSpotTraining=True)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")


def test_checkpoints_reach_s3_while_the_job_runs(faulty: LocalService) -> None:
    config = {"S3Uri": f"s3://{BUCKET}/checkpoints/running/"}
    script = COUNT + "time.sleep(60)"
    request = request_of(faulty, script, CheckpointConfig=config, Environment={"STEPS": "1"})
    client = faulty.client("sagemaker")
    client.create_training_job(**request)
    wait_until(lambda: "Contents" in faulty.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="checkpoints/running/"))
    client.stop_training_job(TrainingJobName=request["TrainingJobName"])
    assert trained(faulty, request["TrainingJobName"])["SecondaryStatus"] == "Stopped"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"EnableManagedSpotTraining": True}, "It must be present and be greater than or equal to"),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 2}},
            "It is only supported when EnableManagedSpotTraining is set to true",
        ),
        ({"CheckpointConfig": {"S3Uri": "s3://a/b", "LocalPath": "/home"}}, "only below /opt/ml"),
    ],
)
def test_what_does_not_fit_is_refused(faulty: LocalService, changes: dict, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        faulty.client("sagemaker").create_training_job(**training_request(faulty, "", **changes))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spot", "is no JSON"),
        ("{}", "must be a JSON list"),
        ('[{"fault": "Fire"}]', "faults are SpotInterruption"),
        ('[{"fault": "CapacityError", "often": 1}]', "members after_seconds"),
        ('[{"fault": "CapacityError", "jobs": "("}]', "unterminated subpattern"),
    ],
)
def test_a_fault_that_is_not_understood_is_said(text: str, message: str) -> None:
    with pytest.raises(StartError, match=message):
        faults.parse(text)
