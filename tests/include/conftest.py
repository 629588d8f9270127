"""A real S3 for the data half's tests: MiniStack in a process of its own on a free loopback port."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest

from include.datasets.catalogue import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, DataFile, Dataset
from include.datasets.idx import to_idx
from include.storage.s3_errors import s3_config

ROOT = Path(__file__).resolve().parents[2]


def client_of(endpoint: str, *, region: str = "us-east-1", attempts: int = 3) -> Any:
    """A boto3 S3 client of an endpoint, with the project's retries but fewer of them."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=s3_config(attempts=attempts),
    )


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an S3 that lives as long as the test session."""
    port = free_port()
    state = tmp_path_factory.mktemp("ministack")
    settings = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "SERVICES": "s3,sts,iam",
        "S3_PERSIST": "0",
        "S3_DATA_DIR": str(state / "s3"),
        "TMPDIR": str(state),
        "LOG_LEVEL": "WARNING",
    }
    with (state / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env=os.environ | settings, stdout=log, stderr=log
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_it_answers(url, process, state / "server.log")
            yield url
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_until_it_answers(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{url}/_ministack/health", timeout=2):
                return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "MiniStack did not start within a minute"
            time.sleep(0.05)


@pytest.fixture(scope="session")
def s3(s3_endpoint: str) -> Iterator[Any]:
    """A boto3 client of the session's S3."""
    client = client_of(s3_endpoint)
    yield client
    client.close()


@pytest.fixture
def bucket(s3: Any) -> str:
    """A fresh bucket's name."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def small_dataset() -> Dataset:
    """A declaration without checksums, three classes, one mirror that never answers."""
    files = (DataFile(TRAIN_IMAGES), DataFile(TRAIN_LABELS), DataFile(TEST_IMAGES), DataFile(TEST_LABELS))
    return Dataset("small", "Small", ("a", "b", "c"), ("http://127.0.0.1:9/",), files)


@pytest.fixture
def raw_files() -> Callable[..., dict[str, bytes]]:
    """Makes the four IDX files of random small images, 30 train and 10 test unless told otherwise."""

    def make(train: int = 30, test: int = 10, shape: tuple[int, ...] = (4, 5)) -> dict[str, bytes]:
        rng = np.random.default_rng(7)
        return {
            TRAIN_IMAGES: to_idx(rng.integers(0, 256, (train, *shape), np.uint8)),
            TRAIN_LABELS: to_idx((np.arange(train) % 3).astype(np.uint8)),
            TEST_IMAGES: to_idx(rng.integers(0, 256, (test, *shape), np.uint8)),
            TEST_LABELS: to_idx((np.arange(test) % 3).astype(np.uint8)),
        }

    return make
