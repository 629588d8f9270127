"""What every test may use: an Airflow home and a running local SageMaker whose folders go away, and MNIST."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).resolve().parents[1]
MNIST_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

# Airflow makes its home when it is imported, which is later than this, and is done with it before this is undone.
if "AIRFLOW_HOME" not in os.environ:
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-")
    atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)


@dataclass(frozen=True)
class LocalService:
    """A SageMaker endpoint and the keys that it takes."""

    endpoint_url: str
    access_key: str
    secret_key: str
    region: str
    role_arn: str
    state: Path

    def client(self, name: str, **config: Any) -> Any:
        """A boto3 client of one of its services, with further botocore Config options."""
        return boto3.client(
            name,
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(retries={"max_attempts": 0}, **config),
        )


@contextmanager
def running_service(
    state: Path, *options: str, host: str = "127.0.0.1", port: int = 0, keys: Path | None = None
) -> Iterator[LocalService]:
    """Start `python -m local_sagemaker` on `state`, wait until it takes jobs, stop it at the end."""
    where = ["--host", host, "--port", str(port), "--state", str(state)]
    arguments = [*where, *(["--keys", str(keys)] if keys else []), *options]
    state.mkdir(parents=True, exist_ok=True)
    (state / "service.json").unlink(missing_ok=True)
    with (state / "service.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "local_sagemaker", *arguments],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
        )
    try:
        yield wait_for_service(state, process, keys)
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for_service(state: Path, process: "subprocess.Popen[bytes]", keys: Path | None = None) -> LocalService:
    """The service that `process` is, once it has said where it is."""
    deadline = time.monotonic() + 60
    while not (state / "service.json").exists():
        assert process.poll() is None, (state / "service.log").read_text()
        assert time.monotonic() < deadline, "the local SageMaker did not start within a minute"
        time.sleep(0.05)
    said = json.loads((state / "service.json").read_text())
    pair = json.loads((keys or state / "credentials.json").read_text())
    return LocalService(said["endpoint_url"], **pair, region=said["region"], role_arn=said["role_arn"], state=state)


class _ByFile(LoadFileScheduling):  # type: ignore[misc]
    """A file stays in one of the processes that share the tests, and so does whatever starts an Airflow."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "tests/e2e" if file.startswith("tests/e2e/") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFile:
    """Of our own, since xdist 3.8's groups count for nothing in pytest 9.2."""
    return _ByFile(config, log)


@pytest.fixture(scope="session")
def sagemaker_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """One local SageMaker for the whole run; tests use names of their own."""
    with running_service(tmp_path_factory.mktemp("local-sagemaker")) as service:
        yield service


@pytest.fixture(scope="session")
def mnist_archives() -> Path:
    """The folder with the four gzipped MNIST files, which MNIST_DIR names, or a skipped test."""
    folder = Path(os.environ.get("MNIST_DIR") or ROOT.parent / "shared" / "data" / "mnist")
    if missing := [name for name in MNIST_FILES if not (folder / f"{name}.gz").is_file()]:
        pytest.skip(f"no {missing[0]}.gz in {folder}; MNIST_DIR may name the folder with the four files of MNIST")
    return folder


@pytest.fixture(scope="session")
def aws_cli() -> Path:
    """The command, installed once under .local; skips where no registry gives it."""
    environment = ROOT / ".local" / "aws-cli"
    command = environment / "bin" / "aws"
    if not command.exists():
        uv = [sys.executable, "-m", "uv"]
        made = subprocess.run([*uv, "venv", "-q", "--clear", "--python", sys.executable, str(environment)], check=False)
        installed = subprocess.run(
            [*uv, "pip", "install", "-q", "--python", str(environment / "bin" / "python"), "awscli==1.*"], check=False
        )
        if made.returncode or installed.returncode:
            pytest.skip("the AWS command line can't be installed here")
    return command
