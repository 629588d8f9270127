"""`make run` and `make up` as a user types them, where they go wrong: one line, an exit code, nothing left running."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT
from tests.e2e.conftest import NOBODY, RunningStack, free_port

pytestmark = pytest.mark.e2e


def begin(state: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "include.local_stack", *arguments, "--state", str(state)],
        cwd=ROOT,
        env=os.environ | {"TUNING_DATASET_MIRRORS": NOBODY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left_running(state: Path) -> list[str]:
    lines = (" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
    return [line for line in lines if str(state) in line]


def test_a_taken_port_is_one_line(stack: RunningStack, tmp_path: Path) -> None:
    taken = stack.stack.config.airflow_port
    process = begin(tmp_path, "run", "--airflow-port", str(taken), "--sagemaker-port", str(free_port()))
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.strip() == (f"failed: port {taken} is taken; free it, or choose another: AIRFLOW_PORT=<port> make ...")


def test_an_unknown_dataset_is_one_line(tmp_path: Path) -> None:
    process = begin(tmp_path, "run", "--dataset", "svhn")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.strip().startswith("failed: ")
    assert "svhn" in said
    assert "fashion-mnist" in said
    assert len(said.strip().splitlines()) == 1


def test_interrupted_at_its_start_it_leaves_nothing_running(tmp_path: Path) -> None:
    process = begin(tmp_path, "run", "--airflow-port", str(free_port()), "--sagemaker-port", str(free_port()))
    deadline = time.monotonic() + 60
    while not (tmp_path / "sagemaker" / "service.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "NO MIRROR OF MNIST ANSWERS" in out
    assert said.strip() == "interrupted; everything that was started has been stopped"
    assert left_running(tmp_path) == []


def test_down_with_nothing_running_says_so(tmp_path: Path) -> None:
    process = begin(tmp_path, "down")
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out.strip()) == (0, "nothing is running")
