"""A training job's container contract, kept for a script that a boto3 user sends."""

import io
import json
import tarfile

import pytest
from botocore.exceptions import ClientError

from tests.conftest import LocalService
from tests.local_sagemaker.conftest import BUCKET, log_of, trained, training_request, wait_until

REPORT = """
import json, os, pathlib, sys
data = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])
config = pathlib.Path(os.environ["SM_INPUT_CONFIG_DIR"])
report = {
    "argv": sys.argv,
    "env": {name: value for name, value in os.environ.items() if name.startswith(("SM_", "TRAINING_", "MY_"))},
    "files": sorted(str(path.relative_to(data)) for path in data.rglob("*") if path.is_file()),
    "writable": os.access(data / "part-0", os.W_OK) and os.getuid() != 0,
    "hyperparameters": json.loads((config / "hyperparameters.json").read_text()),
    "resources": json.loads((config / "resourceconfig.json").read_text()),
    "inputs": json.loads((config / "inputdataconfig.json").read_text()),
}
pathlib.Path(os.environ["SM_MODEL_DIR"], "report.json").write_text(json.dumps(report))
"""
WAIT_FOR_SIGTERM = """
import os, pathlib, signal, sys, time
def leave(*_):
    pathlib.Path(os.environ["SM_MODEL_DIR"], "saved").write_text("in time")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("waiting", flush=True)
time.sleep(60)
"""


def train(service: LocalService, request: dict) -> dict:
    service.client("sagemaker").create_training_job(**request)
    return trained(service, request["TrainingJobName"])


def model_file(service: LocalService, job: dict, name: str) -> bytes:
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{BUCKET}/")
    archive = service.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        member = tar.extractfile(name)
        assert member is not None
        return member.read()


def test_a_script_finds_what_the_toolkit_promises(service: LocalService) -> None:
    request = training_request(service, REPORT, Environment={"MY_SETTING": "on"})
    request["HyperParameters"] |= {
        "rate": "0.05",
        "size": "7",
        "name": "sgd",
        "k": "1",
        "_tuning_objective_metric": "m",
    }
    job = train(service, request)
    report = json.loads(model_file(service, job, "report.json"))
    assert report["argv"] == ["train.py", "-k", "1", "--name", "sgd", "--rate", "0.05", "--size", "7"]
    env = report["env"]
    assert json.loads(env["SM_HPS"]) == {"k": 1, "name": "sgd", "rate": 0.05, "size": 7}
    assert (env["SM_HP_RATE"], env["SM_HP_NAME"], env["SM_USER_ENTRY_POINT"]) == ("0.05", "sgd", "train.py")
    assert (env["SM_HOSTS"], env["SM_CURRENT_HOST"], env["SM_CHANNELS"]) == ('["algo-1"]', "algo-1", '["train"]')
    assert (env["TRAINING_JOB_NAME"], env["MY_SETTING"]) == (request["TrainingJobName"], "on")
    assert report["files"] == ["deeper/part-1", "part-0"]
    assert not report["writable"]
    assert report["hyperparameters"] == request["HyperParameters"]
    assert report["resources"]["hosts"] == ["algo-1"]
    assert report["inputs"]["train"]["TrainingInputMode"] == "File"


def test_stopping_lets_the_script_save_its_model(service: LocalService) -> None:
    request = training_request(service, WAIT_FOR_SIGTERM)
    client, name = service.client("sagemaker"), request["TrainingJobName"]
    client.create_training_job(**request)
    wait_until(lambda: client.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Training")
    wait_until(
        lambda: service.client("logs").describe_log_groups()["logGroups"] and "waiting" in log_of_or_none(service, name)
    )
    client.stop_training_job(TrainingJobName=name)
    job = trained(service, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert model_file(service, job, "saved") == b"in time"


def log_of_or_none(service: LocalService, name: str) -> list[str]:
    try:
        return log_of(service, name)
    except (ClientError, IndexError):
        return []


def test_a_job_that_takes_too_long_is_stopped(service: LocalService) -> None:
    request = training_request(service, WAIT_FOR_SIGTERM, StoppingCondition={"MaxRuntimeInSeconds": 1})
    job = train(service, request)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_the_failure_file_becomes_the_reason(service: LocalService) -> None:
    script = """
import os, pathlib, sys
pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "output", "failure").write_text("the data is not an image " + "x" * 2000)
sys.exit(3)
"""
    job = train(service, training_request(service, script))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: the data is not an image xxx")
    assert job["FailureReason"].endswith("exit code: 3")
    assert len(job["FailureReason"]) == 1024


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {
                "InputDataConfig": [
                    {
                        "ChannelName": "train",
                        "DataSource": {
                            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/nothing-here/"}
                        },
                    }
                ]
            },
            "No S3 objects found under S3 URL",
        ),
        (
            {
                "StaticHyperParameters": {
                    "sagemaker_program": "train.py",
                    "sagemaker_submit_directory": f"s3://{BUCKET}/data/train/part-0",
                }
            },
            "can't be unpacked",
        ),
        (
            {
                "StaticHyperParameters": {
                    "sagemaker_program": "train.py",
                    "sagemaker_submit_directory": f"s3://{BUCKET}/absent",
                }
            },
            "can't be read",
        ),
        ({"StaticHyperParameters": {}}, "runs script mode"),
    ],
)
def test_what_a_user_gets_wrong_is_the_reason(service: LocalService, changes: dict, reason: str) -> None:
    job = train(service, training_request(service, REPORT, **changes))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert reason in job["FailureReason"]


def test_a_source_archive_can_not_leave_its_folder(service: LocalService) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("../../../escaped.py")
        tar.addfile(member, io.BytesIO(b""))
    service.client("s3").put_object(Bucket=BUCKET, Key="evil/sourcedir.tar.gz", Body=archive.getvalue())
    request = training_request(service, REPORT)
    request["HyperParameters"]["sagemaker_submit_directory"] = f"s3://{BUCKET}/evil/sourcedir.tar.gz"
    job = train(service, request)
    assert job["TrainingJobStatus"] == "Failed"
    assert "can't be unpacked" in job["FailureReason"]
    assert not list(service.state.rglob("escaped.py"))


def test_channels_are_staged_once_for_all_jobs(service: LocalService) -> None:
    staged = []
    for _ in range(2):
        assert train(service, training_request(service, REPORT))["TrainingJobStatus"] == "Completed"
        staged.append(sorted((service.state / "channels").iterdir()))
    assert staged[0] == staged[1] != []
