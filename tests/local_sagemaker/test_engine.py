"""The one loop: it goes on acting when its decisions meet a fault, and runs no more at once than it may."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local_sagemaker import engine
from local_sagemaker.engine import Engine
from local_sagemaker.records import TrainingJob
from local_sagemaker.service import Service
from local_sagemaker.settings import Credentials, Settings
from local_sagemaker.store import Store
from local_sagemaker.training import capacity, life, states
from local_sagemaker.training.states import new_training_job
from tests.local_sagemaker.conftest import wait_until
from tests.local_sagemaker.simulation import ROLE, definition

NAME = "alone"


def test_training_jobs_are_taken_up_though_the_controller_meets_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(engine.controller, "advance", broken)
    with stored(tmp_path) as service:
        assert ended(service).status == "Failed"


def test_a_job_that_the_service_was_killed_with_again_and_again_fails(tmp_path: Path) -> None:
    with stored(tmp_path) as service:
        for _ in range(life.MOST_SERVICE_RESTARTS):
            states.move(service, NAME, "Restarting", message=states.SERVICE_KILLED)
            states.move(service, NAME, "Training")
        reason = ended(service).failure_reason
    assert reason == "InternalServerError: The service was killed 11 times while the job ran."


def test_no_more_processes_run_than_allowed_and_the_oldest_job_is_next() -> None:
    service = Service(Settings(Path("/nowhere"), Credentials("key", "secret")), Store(Path(":memory:")))
    jobs = [new_training_job(service, job_request(f"job-{number}", hosts)) for number, hosts in enumerate((1, 3, 1, 9))]

    def admitted(*running: str, limit: int = 4) -> list[str]:
        return [job.name for job in capacity.admitted(jobs, set(running), limit, service.now())]

    assert admitted() == ["job-0", "job-1"]
    assert admitted("job-0") == ["job-1"]
    assert admitted("job-1", limit=3) == []
    assert admitted("job-0", "job-1", limit=5) == ["job-2"]
    assert [job.name for job in capacity.admitted(jobs[3:], set(), 4, service.now())] == ["job-3"], "it runs alone"


def test_what_has_begun_or_only_has_to_end_does_not_wait() -> None:
    service = Service(Settings(Path("/nowhere"), Credentials("key", "secret")), Store(Path(":memory:")))
    running, waiting, stopping, late = (new_training_job(service, job_request(name)) for name in "abcd")
    begun = replace(waiting, name="begun", secondary_status="Training")
    stopping = replace(stopping, status="Stopping")
    late.request["StoppingCondition"] = {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 1}
    jobs = [running, waiting, begun, stopping, replace(late, created=service.now() - 2)]
    assert [job.name for job in capacity.admitted(jobs, {"a"}, 1, service.now())] == ["begun", "c", "d"]


def job_request(name: str, hosts: int = 1) -> dict[str, Any]:
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": hosts, "VolumeSizeInGB": 1}
    return definition(RoleArn=ROLE, ResourceConfig=resources) | {"TrainingJobName": name, "HyperParameters": {}}


@contextmanager
def stored(state: Path) -> Iterator[Service]:
    """A service, whose S3 is nowhere, with one job in its store."""
    service = Service(Settings(state, Credentials("key", "secret"), port=1), Store(state / "sagemaker.sqlite"))
    service.store.add_training_job(new_training_job(service, job_request(NAME)), {})
    yield service
    service.store.close()


def ended(service: Service) -> TrainingJob:
    """The job once the engine has brought it to its end."""
    running = Engine(service)
    running.start()

    def found() -> TrainingJob | None:
        job = service.store.training_job(NAME)
        return None if job is None or job.active else job

    try:
        job: TrainingJob = wait_until(found, seconds=20)
    finally:
        running.close()
    return job
