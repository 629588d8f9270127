"""A whole stack, Airflow included, on free ports and in a folder that goes away; one for all tests here."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from include.errors import RunFailedError
from include.local_stack.airflow_api import AirflowApi
from include.local_stack.config import StackConfig
from include.local_stack.processes import check_alive
from include.local_stack.stack import Stack
from include.local_stack.watch import Watch

QUICK = {"dataset": "digits", "jobs": 3, "parallel_jobs": 3, "training_steps": 40, "evaluation_steps": 4}
NOBODY = "http://127.0.0.1:9/{dataset}/"


@dataclass(frozen=True)
class RunningStack:
    """A stack that answers, and what it has said so far."""

    stack: Stack
    api: AirflowApi

    def run(self, **params: Any) -> str:
        """Trigger a run and wait for its success; its id. Raises RunFailedError."""
        run_id = self.api.trigger(QUICK | params)
        self.watch(run_id)
        return run_id

    def watch(self, run_id: str) -> None:
        """Wait for a run's success. Raises RunFailedError."""
        watch = Watch(self.api, run_id, self.stack.client("sagemaker"), print)
        watch.until_success(lambda: check_alive(self.stack.components))

    def failure(self, **params: Any) -> str:
        """Why a run with these Params fails."""
        with pytest.raises(RunFailedError) as failed:
            self.run(**params)
        return str(failed.value)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    state = tmp_path_factory.mktemp("stack")
    config = StackConfig(state, airflow_port=free_port(), sagemaker_port=free_port(), mirrors=NOBODY)
    started = Stack(config)
    try:
        started.start(print)
        yield RunningStack(started, started.api())
    finally:
        started.stop()
