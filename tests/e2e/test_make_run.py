"""`make run` and `make up` as a user types them, where they go wrong: one line, an exit code, nothing left running."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
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
    """The processes that work on `state`: by command line, folder, Airflow home, or the log that they print to.

    Airflow's own processes rename themselves, which hides their environment; their output stays where it was.
    """
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "environ"]):
        about = process.info
        home = (about["environ"] or {}).get("AIRFLOW_HOME")
        try:
            output = str(Path(f"/proc/{process.pid}/fd/1").readlink())
        except OSError:
            output = ""
        if str(state) in " ".join([*(about["cmdline"] or []), str(about["cwd"]), str(home), output]):
            found.append(f"{process.pid} {about['cmdline']}")
    return found


QUICK_RUN = ("run", "--dataset", "digits", "--params")
QUICK_PARAMS = '{"jobs": 2, "parallel_jobs": 2, "training_steps": 40, "evaluation_steps": 4}'


@dataclass(frozen=True)
class Interrupted:
    """A `make run` that was interrupted while its trials ran, what it said, and what it left running."""

    state: Path
    code: int
    said: str
    left: list[str]


def begin_quick_run(state: Path) -> "subprocess.Popen[str]":
    ports = ("--airflow-port", str(free_port()), "--sagemaker-port", str(free_port()))
    return begin(state, *QUICK_RUN, QUICK_PARAMS, *ports)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    state = tmp_path_factory.mktemp("interrupted")
    process = begin_quick_run(state)
    assert process.stdout is not None
    for line in process.stdout:
        if "wait_for_tuning_job" in line:
            process.send_signal(signal.SIGINT)
            break
    _, said = process.communicate(timeout=90)
    return Interrupted(state, process.returncode, said, left_running(state))


def test_interrupted_amid_its_trials_it_leaves_nothing_running(interrupted: Interrupted) -> None:
    assert interrupted.code == 130, interrupted.said
    assert interrupted.said.strip() == "interrupted; everything that was started has been stopped"
    assert interrupted.left == []


def test_after_an_interrupted_run_the_next_one_succeeds(interrupted: Interrupted) -> None:
    process = begin_quick_run(interrupted.state)
    out, said = process.communicate(timeout=400)
    assert process.returncode == 0, out + said
    assert "trial  learning_rate" in out
    assert "test accuracy" in out
    assert "an earlier start left unfinished" not in out, "the interrupted run has ended its own"
    assert [path.name for path in interrupted.state.glob("best/*/model/**/saved_model.pb")] == ["saved_model.pb"]
    assert left_running(interrupted.state) == []


def test_a_taken_port_is_one_line(stack: RunningStack, tmp_path: Path) -> None:
    taken = stack.stack.config.airflow_port
    process = begin(tmp_path, "run", "--airflow-port", str(taken), "--sagemaker-port", str(free_port()))
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.strip() == (f"failed: port {taken} is taken; free it, or choose another: AIRFLOW_PORT=<port> make ...")


def test_a_port_out_of_range_is_one_line(tmp_path: Path) -> None:
    process = begin(tmp_path, "run", "--dataset", "digits", "--airflow-port", "70000")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.strip() == "failed: AIRFLOW_PORT=70000 is no port; choose one from 1 to 65535"


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
