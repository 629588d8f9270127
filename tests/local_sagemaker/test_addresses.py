"""Where the service listens, and where its keys lie, is the user's to say; by default both stay on this machine."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.conftest import LocalService, running_service

OTHER_ADDRESS = "127.0.0.2"
"""An address of this machine too, but not the one that the service listens on unless told otherwise."""


def at_other_address(service: LocalService) -> LocalService:
    port = urlsplit(service.endpoint_url).port
    return dataclasses.replace(service, endpoint_url=f"http://{OTHER_ADDRESS}:{port}")


def test_it_listens_on_loopback_alone(service: LocalService) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(at_other_address(service).endpoint_url, timeout=5)


def test_told_to_listen_on_every_address_it_still_asks_for_a_signature(tmp_path: Path) -> None:
    with running_service(tmp_path, host="0.0.0.0") as service:
        assert service.endpoint_url.startswith("http://127.0.0.1:"), "its own clients take loopback"
        elsewhere = at_other_address(service)
        assert requests.get(elsewhere.endpoint_url, timeout=5).status_code == 403
        assert elsewhere.client("sagemaker").list_training_jobs()["TrainingJobSummaries"] == []


def test_keys_may_lie_apart_from_the_state(tmp_path: Path) -> None:
    keys = tmp_path / "keys" / "pair.json"
    with running_service(tmp_path / "state", keys=keys) as service:
        assert service.client("sts").get_caller_identity()["Account"] == "000000000000"
    assert keys.stat().st_mode & 0o077 == 0
    assert not (tmp_path / "state" / "credentials.json").exists()


def test_an_address_of_another_machine_is_one_line(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "local_sagemaker", "--host", "192.0.2.1", "--state", str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "local_sagemaker: Port 4599 of 192.0.2.1 can't be opened (Cannot assign requested address); "
        "give another --host or --port."
    )
