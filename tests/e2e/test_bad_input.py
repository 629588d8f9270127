"""What a user gets wrong ends the run with one clear line, and that line is what `make run` shows."""

import gzip
import time
from pathlib import Path

import psutil
import pytest

from include.errors import RunFailedError, StackError
from tests.e2e.conftest import NOBODY, QUICK, RunningStack

pytestmark = pytest.mark.e2e


def test_absent_mirrors_are_all_named(stack: RunningStack) -> None:
    said = stack.failure(dataset="mnist")
    assert said.startswith("task download_dataset failed: ")
    assert NOBODY.replace("{dataset}", "mnist") in said
    assert "\n" not in said


def test_a_truncated_file_is_named(stack: RunningStack, tmp_path: Path) -> None:
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / f"{name}-ubyte.gz").write_bytes(gzip.compress(b"\0" * 1000)[:-10])
    said = stack.failure(dataset="mnist", source=str(tmp_path))
    assert said.startswith("task download_dataset failed: ")
    assert "train-images-idx3-ubyte: the gzip file of 19 bytes is damaged" in said
    assert "\n" not in said


def test_params_that_contradict_each_other_are_listed_at_once(stack: RunningStack) -> None:
    said = stack.failure(learning_rate_min=0.3, learning_rate_max=0.2, jobs=2, parallel_jobs=3)
    assert said.startswith("task download_dataset failed: 2 faults in the Params: ")
    assert "learning_rate" in said
    assert "parallel_jobs (3) is above jobs (2)" in said


def test_an_unknown_dataset_is_refused_before_anything_runs(stack: RunningStack) -> None:
    with pytest.raises(StackError, match="svhn") as refused:
        stack.api.trigger({"dataset": "svhn"})
    assert "\n" not in str(refused.value)


def test_a_missing_role_is_named(stack: RunningStack) -> None:
    said = stack.failure(role="nobody")
    assert "IAM knows no role 'nobody'" in said


def test_a_script_that_dies_is_told_with_its_reason_and_its_log(stack: RunningStack) -> None:
    run_id = stack.api.trigger(QUICK | {"jobs": 1, "parallel_jobs": 1})
    training_process(stack).kill()
    with pytest.raises(RunFailedError) as failed:
        stack.watch(run_id)
    said = str(failed.value)
    assert said.startswith("task wait_for_tuning_job failed: tuning job mnist-tuning-")
    assert "ended as Failed: No training job succeeded after 1 attempts." in said
    assert "exit code: -9" in said
    assert "log group /aws/sagemaker/TrainingJobs, stream mnist-tuning-" in said
    assert "\n" not in said


def training_process(stack: RunningStack) -> psutil.Process:
    """The one process that works in a training job's folder, once there is one."""
    jobs = stack.stack.config.sagemaker_state / "training-jobs"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for process in psutil.process_iter(["cwd"]):
            if str(process.info["cwd"]).startswith(str(jobs)):
                return process
        time.sleep(0.1)
    raise AssertionError("no training process in two minutes")
