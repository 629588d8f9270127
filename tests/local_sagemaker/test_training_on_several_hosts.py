"""training/mnist.py on several hosts of the local SageMaker trains what one host trains."""

import io
import json
import tarfile

import pytest

from tests.conftest import ROOT, LocalService
from tests.local_sagemaker.conftest import BUCKET, TENSORFLOW_IMAGE, trained, training_request
from tests.local_sagemaker.test_training_jobs import model_file

pytestmark = pytest.mark.slow

STEPS = 20
WRITE_SHARDS = """
import pathlib, os, sys
sys.path.insert(0, {tests!r})
from fake_records import fake_images, write_shards
for split, count in (("train", 800), ("validation", 200)):
    write_shards(pathlib.Path(os.environ["SM_MODEL_DIR"], split), *fake_images(count), shards=4)
"""


@pytest.fixture(scope="module")
def channels(service: LocalService) -> list[dict]:
    """Shards of fake images in S3, written by a job, so that this process needs no TensorFlow."""
    script = WRITE_SHARDS.format(tests=str(ROOT / "tests" / "training"))
    request = training_request(service, script, image=TENSORFLOW_IMAGE)
    request["OutputDataConfig"]["CompressionType"] = "NONE"
    service.client("sagemaker").create_training_job(**request)
    job = trained(service, request["TrainingJobName"], seconds=120)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    folder = job["ModelArtifacts"]["S3ModelArtifacts"]
    return [
        {
            "ChannelName": split,
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{folder}{split}/"}},
        }
        for split in ("train", "validation")
    ]


def train(service: LocalService, channels: list[dict], *, hosts: int) -> dict:
    """Train with a batch of 100 in all: 2 hosts take 50 each."""
    source = io.BytesIO()
    with tarfile.open(fileobj=source, mode="w:gz") as tar:
        for path in (ROOT / "training").glob("*.py"):
            tar.add(path, arcname=path.name)
    service.client("s3").put_object(Bucket=BUCKET, Key="code/mnist.tar.gz", Body=source.getvalue())
    request = training_request(service, "", image=TENSORFLOW_IMAGE, InputDataConfig=channels)
    request["StoppingCondition"]["MaxRuntimeInSeconds"] = 300
    request["ResourceConfig"]["InstanceCount"] = hosts
    request["HyperParameters"] = {
        "sagemaker_program": "mnist.py",
        "sagemaker_submit_directory": f"s3://{BUCKET}/code/mnist.tar.gz",
        "training_steps": str(STEPS),
        "batch_size": "100",
        "learning_rate": "0.02",
        "seed": "1",
    }
    service.client("sagemaker").create_training_job(**request)
    job = trained(service, request["TrainingJobName"], seconds=300)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return job


def test_two_hosts_train_as_one_does_with_the_same_batch_in_all(service: LocalService, channels: list[dict]) -> None:
    losses = {}
    for hosts in (1, 2):
        job = train(service, channels, hosts=hosts)
        report = json.loads(model_file(service, job, "metrics.json"))
        assert report["step"] == STEPS
        losses[hosts] = report["validation"]["loss"]
    assert losses[1] < 2.2, "it has learned"
    assert losses[2] == pytest.approx(losses[1], rel=0.1)
