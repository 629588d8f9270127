"""training/mnist.py, killed at random steps and tried again by the local SageMaker, ends as if nothing had happened."""

import os
import random
import re
import signal

import pytest

from tests.conftest import LocalService
from tests.local_sagemaker.conftest import BUCKET, wait_until
from tests.local_sagemaker.training_script.jobs import completed, last_step, log_text, mnist_request, run

pytestmark = pytest.mark.slow

EVERY, STEPS, KILLS = 40, 300, 2
RESUMED = "algo-1 resumed from the checkpoint of step"
SETTINGS = {"training_steps": STEPS, "evaluate_every": EVERY}


@pytest.mark.parametrize(("hosts", "victim"), [(1, "algo-1"), (2, "algo-2")])
def test_a_job_killed_at_random_steps_loses_little_and_ends_with_the_same_numbers(
    service: LocalService, digits_in_s3: str, hosts: int, victim: str
) -> None:
    undisturbed = run(service, mnist_request(service, digits_in_s3, SETTINGS, hosts=hosts))
    request = mnist_request(
        service,
        digits_in_s3,
        SETTINGS,
        hosts=hosts,
        CheckpointConfig={"S3Uri": f"s3://{BUCKET}/checkpoints/killed-on-{hosts}/"},
        RetryStrategy={"MaximumRetryAttempts": KILLS},
    )
    service.client("sagemaker").create_training_job(**request)
    steps = sorted(random.sample(range(51, STEPS - 50), KILLS))
    killed_at = [kill(service, request, victim, step, resumed=times) for times, step in enumerate(steps)]
    job = completed(service, request)
    resumed_at = [int(step) for step in re.findall(rf"{RESUMED} (\d+)", log_text(service, request))]
    print(f"killed after steps {killed_at}, resumed from {resumed_at}: {job['metrics']['validation']}")
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]].count("Restarting") == KILLS
    assert all(killed - resumed <= EVERY for killed, resumed in zip(killed_at, resumed_at, strict=True))
    assert job["metrics"] == undisturbed["metrics"]
    assert job["metrics"]["step"] == STEPS


def kill(service: LocalService, request: dict, victim: str, step: int, *, resumed: int) -> int:
    """Kill what runs a host at the first look that finds the job resumed that often and at this step or beyond.

    Returns the last step that it told of.
    """

    def told() -> int:
        *before, now = log_text(service, request).split(RESUMED)
        return last_step(now) if len(before) == resumed else 0

    wait_until(lambda: told() >= step, seconds=300)
    beside = service.state / "training-jobs" / request["TrainingJobName"] / victim / "running"
    os.kill(int(beside.read_text()), signal.SIGKILL)
    return told()
