"""The one loop goes on acting when its decisions meet a fault."""

from pathlib import Path

import pytest

from local_sagemaker import engine
from local_sagemaker.engine import Engine
from local_sagemaker.service import Service
from local_sagemaker.settings import Credentials, Settings
from local_sagemaker.store import Store
from local_sagemaker.training.states import new_training_job
from tests.local_sagemaker.conftest import wait_until
from tests.local_sagemaker.simulation import ROLE, definition


def test_training_jobs_are_taken_up_though_the_controller_meets_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(engine.controller, "advance", broken)
    service = Service(Settings(tmp_path, Credentials("key", "secret"), port=1), Store(tmp_path / "sagemaker.sqlite"))
    request = definition(RoleArn=ROLE) | {"TrainingJobName": "alone", "HyperParameters": {}}
    service.store.add_training_job(new_training_job(service, request), {})
    running = Engine(service)
    running.start()
    try:
        wait_until(lambda: service.store.training_job("alone").status == "Failed", seconds=20)
    finally:
        running.close()
        service.store.close()
