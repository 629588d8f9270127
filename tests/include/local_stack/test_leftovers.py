"""A local SageMaker that was killed leaves training jobs at work; the stack that stops ends them, and only them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from include.local_stack.command import main
from include.local_stack.config import ROOT, StackConfig
from include.local_stack.processes import Component, start
from include.local_stack.stack import Stack
from tests.conftest import LocalService, wait_for_service
from tests.local_sagemaker.conftest import (
    BUCKET,
    IMAGE,
    TENSORFLOW_IMAGE,
    processes_below,
    training_request,
    wait_until,
)

SCRIPT = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
pathlib.Path("child").write_text(str(child.pid))
time.sleep(300)
"""


@pytest.fixture
def config(tmp_path: Path) -> StackConfig:
    return StackConfig(tmp_path / "state")


@pytest.fixture
def component(config: StackConfig) -> Iterator[Component]:
    """A local SageMaker as the stack starts it."""
    argv = [sys.executable, "-m", "local_sagemaker", "--port", "0", "--state", str(config.sagemaker_state)]
    started = start("local SageMaker", argv, os.environ | {"PYTHONPATH": str(ROOT)}, config.logs / "service.log")
    yield started
    Stack(config, [started]).stop()


@pytest.fixture
def service(config: StackConfig, component: Component) -> LocalService:
    assert component.started is not None
    running = wait_for_service(config.sagemaker_state, component.started)
    running.client("s3").create_bucket(Bucket=BUCKET)
    running.client("s3").put_object(Bucket=BUCKET, Key="data/train/part-0", Body=b"zero")
    return running


def begin_job(service: LocalService, image: str = IMAGE) -> None:
    """Start a training job and wait until its script has started a process of its own."""
    service.client("sagemaker").create_training_job(**training_request(service, SCRIPT, image=image))
    wait_until(lambda: list(service.state.glob("training-jobs/*/*/opt_ml/code/child")))


def kill(component: Component) -> None:
    assert component.started is not None
    component.started.kill()
    component.started.wait()


def warm_interpreters(state: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["open_files"])
        if any(file.path == str(state / "warm-pool.log") for file in process.info["open_files"] or [])
    ]


@pytest.mark.parametrize("image", [IMAGE, TENSORFLOW_IMAGE])
def test_stopping_ends_the_trials_of_a_sagemaker_that_was_killed(
    config: StackConfig, component: Component, service: LocalService, image: str
) -> None:
    begin_job(service, image)
    kill(component)
    assert len(processes_below(service.state)) >= 3
    Stack(config, [component]).stop()
    assert processes_below(service.state) == []
    assert warm_interpreters(service.state) == []


def test_down_ends_what_a_killed_stack_left_though_no_part_of_it_runs(
    config: StackConfig, component: Component, service: LocalService, capsys: pytest.CaptureFixture[str]
) -> None:
    begin_job(service)
    kill(component)
    beside = next(service.state.glob("training-jobs/*/*/running"))
    psutil.Process(int(beside.read_text())).kill()  # with it goes the script, and the script's own child stays
    wait_until(lambda: len(processes_below(service.state)) == 1)
    assert main(["down", "--state", str(config.state)]) == 0
    assert processes_below(service.state) == []
    assert main(["down", "--state", str(config.state)]) == 0
    assert capsys.readouterr().out.split("\n") == ["stopped", "nothing is running", ""]


def test_down_leaves_alone_a_service_that_was_not_started_here_and_whoever_looks_at_a_job(
    config: StackConfig, component: Component, service: LocalService
) -> None:
    begin_job(service)
    job = next(service.state.glob("training-jobs/*/*/opt_ml"))
    looking = [sys.executable, "-c", "import sys, time; time.sleep(300)", str(job)]
    with subprocess.Popen(looking, cwd=job, start_new_session=True) as person:
        before = len(processes_below(service.state))
        main(["down", "--state", str(config.state)])
        assert len(processes_below(service.state)) == before
        kill(component)
        main(["down", "--state", str(config.state)])
        assert len(processes_below(service.state)) == 1
        assert person.poll() is None
        person.kill()
