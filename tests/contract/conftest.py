"""The SageMaker under contract: a local one, or AWS where CONTRACT_ROLE_ARN names an execution role.

The clients read endpoint and keys from the environment, so that the same tests run against both:
`CONTRACT_ROLE_ARN=arn:aws:iam::<account>:role/<role> CONTRACT_IMAGE=<image> pytest tests/contract`, with AWS's own
variables set, sends small real jobs to AWS.
"""

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from tests.conftest import running_service

ROLE = "CONTRACT_ROLE_ARN"
PLAIN_IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/plain-python:3.11"
SCRIPT = """
import argparse, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
given, _ = parser.parse_known_args()
print(f"loss = {(given.rate - 0.3) ** 2:.6f}")
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(str(given.rate))
"""


@dataclass(frozen=True)
class Target:
    """Where the contract is tested, with one channel of data and a bucket to write to."""

    role_arn: str
    image: str
    bucket: str
    patience: int
    """Seconds within which a job of three trials ends."""

    @property
    def data(self) -> str:
        """The s3:// prefix of the channel."""
        return f"s3://{self.bucket}/contract/data/"

    def name(self, kind: str) -> str:
        """A job's name that nobody has taken."""
        return f"contract-{kind}-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    if ROLE in os.environ:
        yield _prepared(os.environ[ROLE], os.environ["CONTRACT_IMAGE"], patience=3600)
        return
    with running_service(tmp_path_factory.mktemp("contract")) as service:
        variables = {
            "AWS_ENDPOINT_URL": service.endpoint_url,
            "AWS_ACCESS_KEY_ID": service.access_key,
            "AWS_SECRET_ACCESS_KEY": service.secret_key,
            "AWS_DEFAULT_REGION": service.region,
            "AWS_REGION": service.region,
            "SAGEMAKER_VALIDATE_ROLE": "false",
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            yield _prepared(service.role_arn, PLAIN_IMAGE, patience=60)


@pytest.fixture
def source_dir(tmp_path: Path) -> Path:
    """A folder with a training script of a few lines, without TensorFlow."""
    (tmp_path / "train.py").write_text(SCRIPT)
    return tmp_path


def _prepared(role_arn: str, image: str, patience: int) -> Target:
    account = boto3.client("sts").get_caller_identity()["Account"]
    region = boto3.session.Session().region_name
    target = Target(role_arn, image, f"sagemaker-{region}-{account}", patience)
    s3 = boto3.client("s3")
    if target.bucket not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=target.bucket)
    s3.put_object(Bucket=target.bucket, Key="contract/data/part-0", Body=b"data")
    return target
