"""The SageMaker under contract: a local one, or AWS where CONTRACT_ROLE_ARN names an execution role.

The clients read endpoint and keys from the environment, so that the same tests run against both:
`CONTRACT_ROLE_ARN=arn:aws:iam::<account>:role/<role> CONTRACT_IMAGE=<image> pytest tests/contract`, with AWS's own
variables set, sends small real jobs to AWS.
"""

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    variables: Mapping[str, str] = field(default_factory=dict)
    """What leads clients to it, beyond the environment as it is."""

    @property
    def data(self) -> str:
        """The s3:// prefix of the channel."""
        return f"s3://{self.bucket}/contract/data/"

    def name(self, kind: str) -> str:
        """A job's name that nobody has taken."""
        return f"contract-{kind}-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def prepared_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The target of all tests here, its bucket made."""
    if ROLE in os.environ:
        yield _prepared(os.environ[ROLE], os.environ["CONTRACT_IMAGE"], patience=3600, variables={})
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
        with _environment(variables):
            target = _prepared(service.role_arn, PLAIN_IMAGE, patience=60, variables=variables)
        yield target


@pytest.fixture
def target(prepared_target: Target) -> Iterator[Target]:
    """The target, with its variables set for this test alone."""
    with _environment(prepared_target.variables):
        yield prepared_target


@pytest.fixture
def source_dir(tmp_path: Path) -> Path:
    """A folder with a training script of a few lines, without TensorFlow."""
    (tmp_path / "train.py").write_text(SCRIPT)
    return tmp_path


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the keys of the environment it was made in
        yield


def _prepared(role_arn: str, image: str, patience: int, variables: Mapping[str, str]) -> Target:
    account = boto3.client("sts").get_caller_identity()["Account"]
    region = boto3.session.Session().region_name
    target = Target(role_arn, image, f"sagemaker-{region}-{account}", patience, variables)
    s3 = boto3.client("s3")
    if target.bucket not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=target.bucket)
    s3.put_object(Bucket=target.bucket, Key="contract/data/part-0", Body=b"data")
    return target
