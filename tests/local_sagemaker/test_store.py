"""The store keeps what older versions wrote and refuses what SageMaker's life cycle does not have."""

import sqlite3
from pathlib import Path

import pytest

from local_sagemaker.errors import IllegalTransitionError
from local_sagemaker.store import Store
from tests.local_sagemaker.simulation import Course, Simulation, request


def test_a_state_folder_of_an_older_version_opens(tmp_path: Path) -> None:
    path = tmp_path / "sagemaker.sqlite"
    simulation = Simulation(lambda trial: Course([1.0]), Store(path))
    name = simulation.create(request(jobs=2))
    simulation.store.close()
    with sqlite3.connect(path) as database:
        database.execute("ALTER TABLE tuning_job DROP COLUMN ending")
    database.close()
    again = Simulation(lambda trial: Course([1.0]), Store(path))
    again.run()
    assert again.job(name).status == "Completed"
    again.store.close()


def test_a_running_tuning_job_is_not_deleted_and_an_ended_one_not_moved() -> None:
    simulation = Simulation(lambda trial: Course([1.0]))
    name = simulation.create(request(jobs=2))
    with pytest.raises(IllegalTransitionError, match="from InProgress to Deleting"):
        simulation.store.delete_tuning_job(name)
    simulation.run()
    with pytest.raises(IllegalTransitionError, match="from Completed to Stopping"):
        simulation.store.update_tuning_job(name, 0.0, status="Stopping")
