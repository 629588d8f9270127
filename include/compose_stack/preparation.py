"""What has to be there before Airflow's processes start: its tables, a login, the connection to the local SageMaker."""

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from include.compose_stack.secret_files import ADMIN_PASSWORD
from include.errors import StackError
from include.local_stack.config import USER
from include.local_stack.private_files import write_private
from include.settings import STAGING_URL
from include.storage.buckets import ensure_bucket
from include.storage.s3_errors import s3_config

CONNECTION = "AIRFLOW_CONN_AWS_DEFAULT"
LOCAL = "LOCAL_SAGEMAKER"
LOCAL_ACCOUNT = "000000000000"
ENDPOINT = "http://local-sagemaker:4599"
_KEYS = Path("sagemaker", "credentials.json")
_ROLE = "SageMakerExecutionRole"


@dataclass(frozen=True)
class LocalSageMaker:
    """The stack's own SageMaker, as its other services reach it."""

    access_key: str
    secret_key: str
    endpoint_url: str = ENDPOINT
    region: str = "us-east-1"

    @classmethod
    def wait_for(cls, secrets: Path, endpoint_url: str = ENDPOINT, seconds: float = 120) -> "LocalSageMaker":
        """Once it answers, with the keys that it has left among the secrets. Raises StackError where it does not."""
        deadline = time.monotonic() + seconds
        while not _answers(f"{endpoint_url}/_local_sagemaker/health"):
            if time.monotonic() > deadline:
                raise StackError(
                    f"the local SageMaker does not answer at {endpoint_url} after {seconds} s: "
                    "look into `docker compose logs local-sagemaker`"
                )
            time.sleep(0.5)
        return cls(**json.loads((secrets / _KEYS).read_text()), endpoint_url=endpoint_url)

    def client(self, service: str) -> Any:
        """A boto3 client of it."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=s3_config(),
        )

    def connection(self) -> dict[str, str]:
        """The Airflow connection to it. Its bucket names are no host names here, so addresses are paths."""
        extra = {
            "endpoint_url": self.endpoint_url,
            "region_name": self.region,
            "config_kwargs": {"s3": {"addressing_style": "path"}},
            "sagemaker_execution_role": self.client("iam").get_role(RoleName=_ROLE)["Role"]["Arn"],
        }
        return {
            "conn_type": "aws",
            "login": self.access_key,
            "password": self.secret_key,
            "extra": json.dumps(extra),
        }


def run_airflow(*command: str) -> None:
    """One command of Airflow's, which prints what it has to say. Raises StackError if it fails."""
    if code := subprocess.call(["airflow", *command]):
        raise StackError(f"`airflow {' '.join(command[:2])}` ended with exit code {code}; its reason is above")


def prepare(secrets: Path, environ: Mapping[str, str], airflow: Callable[..., None] = run_airflow) -> None:
    """Everything, whether it is the first start or not. Raises StackError for settings that contradict each other."""
    local = _local(secrets, environ)
    airflow("db", "migrate")
    password = (secrets / ADMIN_PASSWORD).read_text()
    name = ("--firstname", "Airflow", "--lastname", "Admin", "--email", f"{USER}@localhost")
    airflow("users", "create", "--username", USER, "--role", "Admin", "--password", password, *name)
    if local:
        connect(local, environ[STAGING_URL], airflow)


def connect(local: LocalSageMaker, staging_url: str, airflow: Callable[..., None]) -> None:
    """Make the connection aws_default lead to the local SageMaker, and the bucket that tasks stage in."""
    with TemporaryDirectory() as folder:
        connections = Path(folder, "connections.json")
        write_private(connections, json.dumps({"aws_default": local.connection()}))
        airflow("connections", "import", "--overwrite", str(connections))
    if bucket := _bucket(staging_url):
        ensure_bucket(local.client("s3"), bucket, local.region)


def _local(secrets: Path, environ: Mapping[str, str]) -> LocalSageMaker | None:
    """None where the connection is the user's own, which then has to be to AWS with a bucket of its own."""
    wanted, given = environ.get(LOCAL, "1") != "0", bool(environ.get(CONNECTION))
    if wanted and not given:
        return LocalSageMaker.wait_for(secrets)
    if not given:
        raise StackError(
            f"{LOCAL}=0 leaves the stack without a SageMaker: put {CONNECTION} into .env "
            f"(docs/docker-compose.md says how), or set {LOCAL}=1"
        )
    staging_url = environ[STAGING_URL]
    if _bucket(staging_url).endswith(LOCAL_ACCOUNT):
        raise StackError(
            f"{STAGING_URL}={staging_url} lies in the local SageMaker, but {CONNECTION} leads elsewhere: "
            f"put {STAGING_URL}=s3://aws_default@<your bucket>/staging into .env"
        )
    return None


def _answers(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(url, timeout=5).status == 200)
    except OSError:
        return False


def _bucket(staging_url: str) -> str:
    return (urlsplit(staging_url).hostname or "") if staging_url.startswith("s3://") else ""
