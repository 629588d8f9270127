"""The stack's secrets are its owner's alone, and its own traffic passes by any proxy."""

import json
import socket
from pathlib import Path

import pytest

from include.errors import StackError
from include.local_stack.config import StackConfig, past_proxies
from include.local_stack.private_files import make_private, write_private
from include.local_stack.stack import Stack


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_state_and_its_secrets_are_private(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    config = StackConfig(state)
    assert config.password() == config.password()
    assert mode(state) == 0o700
    assert [(path.name, mode(path)) for path in state.iterdir()] == [("airflow-secrets.json", 0o600)]


def test_a_file_is_replaced_whole_and_becomes_private(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    path.write_text("[1, 2, 3]")
    path.chmod(0o644)
    write_private(path, "[]")
    assert (json.loads(path.read_text()), mode(path)) == ([], 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_a_state_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StackError, match="can't be the stack's folder"):
        make_private(tmp_path / "state")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "127.0.0.1,localhost"),
        ({"NO_PROXY": ".corp"}, ".corp,127.0.0.1,localhost"),
        ({"no_proxy": "*", "NO_PROXY": ".corp"}, "*"),
    ],
)
def test_no_proxy_is_extended(given: dict[str, str], expected: str) -> None:
    assert past_proxies(given) == {"no_proxy": expected, "NO_PROXY": expected}


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_out_of_range_is_refused(tmp_path: Path, port: int) -> None:
    with pytest.raises(StackError, match=f"SAGEMAKER_PORT={port} is no port"):
        Stack(StackConfig(tmp_path, sagemaker_port=port)).start(print)


def test_one_port_for_both_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(StackError, match=f"SAGEMAKER_PORT and AIRFLOW_PORT are both {port}; give each a port of its"):
        Stack(StackConfig(tmp_path, sagemaker_port=port, airflow_port=port)).start(print)
    assert list(tmp_path.iterdir()) == []
