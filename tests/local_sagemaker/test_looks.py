"""A look of the controller costs what is new, not what has happened since the job began."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local_sagemaker.store import Store
from tests.local_sagemaker.simulation import Course, Simulation, request


class CountingStore(Store):
    """Counts the rows that are read."""

    rows = 0

    def _rows(self, query: str, values: Sequence[Any]) -> list[sqlite3.Row]:
        found = super()._rows(query, values)
        self.rows += len(found)
        return found


def test_a_look_reads_nothing_again_of_the_trials_that_have_ended() -> None:
    store = CountingStore(Path(":memory:"))
    simulation = Simulation(lambda trial: Course([1.0 / epoch for epoch in range(1, 21)]), store)
    name = simulation.create(request(jobs=60, parallel=2, TrainingJobEarlyStoppingType="Auto"))
    while len(simulation.trials(name)) < 40:
        simulation.look()
        simulation.step()
    simulation.look()
    store.rows = 0
    simulation.look()
    names, active = 40, 2
    assert store.rows <= names + active * (1 + 20) + 5


def test_a_service_that_starts_again_decides_as_before() -> None:
    def behaviour(trial: Any) -> Course:
        return Course([trial.trial % 4 + 1 / epoch for epoch in range(1, 8)])

    stopped = []
    for restarts in (False, True):
        simulation = Simulation(behaviour)
        name = simulation.create(request(jobs=20, parallel=2, TrainingJobEarlyStoppingType="Auto"))
        while simulation.job(name).active:
            if restarts:
                simulation.__post_init__()
            simulation.look()
            simulation.step()
        stopped.append([trial.trial for trial in simulation.trials(name) if trial.status == "Stopped"])
    assert stopped[0] == stopped[1] != []
