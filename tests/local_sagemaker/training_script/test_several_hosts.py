"""training/mnist.py on several hosts of the local SageMaker trains what one host trains, and ends when a host dies."""

import os
import signal
import statistics
import time

import pytest

from tests.conftest import LocalService
from tests.local_sagemaker.conftest import processes_below, trained, wait_until
from tests.local_sagemaker.training_script.jobs import last_step, log_text, mnist_request, run

pytestmark = pytest.mark.slow

# Every step sees every image once, so that the hosts' order of them does not matter; without dropout, nothing does.
FULL_BATCH = {"batch_size": 1200, "dropout": 0, "training_steps": 12}
STEPS, SEEDS = 150, (1, 2, 3, 4, 5, 6)


@pytest.fixture(scope="module")
def full_batch_on_one_host(service: LocalService, digits_in_s3: str) -> dict:
    return run(service, mnist_request(service, digits_in_s3, FULL_BATCH))["metrics"]["validation"]


@pytest.fixture(scope="module")
def losses_on_one_host(service: LocalService, digits_in_s3: str) -> list[float]:
    return [loss(service, digits_in_s3, seed=seed) for seed in SEEDS]


def loss(service: LocalService, data: str, *, seed: int, hosts: int = 1) -> float:
    """The final loss of a batch of 100 in all: 2 hosts take 50 each."""
    metrics = run(service, mnist_request(service, data, {"seed": seed, "training_steps": STEPS}, hosts=hosts))[
        "metrics"
    ]
    assert metrics["step"] == STEPS
    return float(metrics["validation"]["loss"])


@pytest.mark.parametrize(
    ("hosts", "distribution"), [(2, "FullyReplicated"), (4, "FullyReplicated"), (2, "ShardedByS3Key")]
)
def test_the_hosts_read_every_image_once_and_compute_what_one_host_does(
    service: LocalService, digits_in_s3: str, full_batch_on_one_host: dict, hosts: int, distribution: str
) -> None:
    request = mnist_request(service, digits_in_s3, FULL_BATCH, hosts=hosts, distribution=distribution)
    found = run(service, request)["metrics"]["validation"]
    assert found["loss"] == pytest.approx(full_batch_on_one_host["loss"], rel=1e-3)
    assert found["loss"] < 2, "it has learned"


@pytest.mark.parametrize("hosts", [2, 4])
def test_the_final_loss_is_that_of_one_host_with_the_same_batch_in_all(
    service: LocalService, digits_in_s3: str, losses_on_one_host: list[float], hosts: int
) -> None:
    noise = statistics.stdev(losses_on_one_host)
    found = loss(service, digits_in_s3, seed=1, hosts=hosts)
    print(f"1 host: {losses_on_one_host}, {hosts} hosts: {found}")
    assert found == pytest.approx(statistics.mean(losses_on_one_host), abs=4 * noise)


@pytest.mark.parametrize("victim", ["algo-1", "algo-2"], ids=["the chief", "another"])
def test_a_job_whose_host_is_killed_fails_within_a_minute(
    service: LocalService, digits_in_s3: str, victim: str
) -> None:
    request = mnist_request(service, digits_in_s3, {"training_steps": 100_000, "evaluate_every": 50}, hosts=2)
    name = request["TrainingJobName"]
    service.client("sagemaker").create_training_job(**request)
    hosts = ("algo-1", "algo-2")
    wait_until(lambda: min(last_step(log_text(service, request), host) for host in hosts) >= 50, seconds=240)
    os.kill(int((service.state / "training-jobs" / name / victim / "command").read_text()), signal.SIGKILL)
    killed = time.monotonic()
    job = trained(service, name)
    print(f"Failed {time.monotonic() - killed:.1f} s after the kill: {job['FailureReason']}")
    assert time.monotonic() - killed < 60
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(f"AlgorithmError: {victim}: ")
    wait_until(lambda: processes_below(service.state) == [])
