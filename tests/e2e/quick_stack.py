"""A whole stack with the quick DAGs, every AWS call of which goes through the fault proxy."""

import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from include.errors import StackError
from include.local_stack.airflow_api import AirflowApi, new_run_id
from include.local_stack.airflow_session import detail
from include.local_stack.config import ROOT, USER, StackConfig
from include.local_stack.stack import AIRFLOW, Stack
from include.tuning.naming import tuning_job_name
from tests.e2e.conftest import NOBODY, free_port
from tests.e2e.fault_proxy import FaultProxy

LAST_STATES = ("success", "failed")


class QuickApi(AirflowApi):
    """Airflow's REST API, with what a user does in the grid."""

    def clear(self, run_id: str, task_id: str, *, downstream: bool = True) -> None:
        """Let a task run again, and those that follow it if wanted."""
        asked = {"dag_run_id": run_id, "task_ids": [task_id], "include_downstream": downstream}
        options = {"dry_run": False, "only_failed": False, "reset_dag_runs": True}
        answer = self._session.request("POST", f"{self._dag}/clearTaskInstances", json=asked | options)
        assert answer.ok, detail(answer)

    def active_states(self, run_ids: Collection[str]) -> list[str]:
        """The states of these runs' tasks that run or wait in the triggerer, all at one moment."""
        path = f"{self._dag}/dagRuns/~/taskInstances?state=running&state=deferred&limit=100"
        return [task["state"] for task in self._get(path)["task_instances"] if task["dag_run_id"] in run_ids]

    def pause(self, paused: bool) -> None:
        """Pause or unpause the DAG."""
        answer = self._session.request("PATCH", self._dag, json={"is_paused": paused})
        assert answer.ok, detail(answer)

    def runs(self) -> list[dict[str, Any]]:
        """All runs, oldest first."""
        found: list[dict[str, Any]] = self._get(f"{self._dag}/dagRuns?order_by=run_after&limit=100")["dag_runs"]
        return found

    def update_asset(self, name: str, extra: dict[str, Any]) -> None:
        """Say that an asset has new data."""
        assets = self._get(f"assets?name_pattern={name}")["assets"]
        asset = next(asset["id"] for asset in assets if asset["name"] == name)
        answer = self._session.request("POST", "assets/events", json={"asset_id": asset, "extra": extra})
        assert answer.ok, detail(answer)

    def asset_events(self, name: str) -> list[dict[str, Any]]:
        """The events of an asset, oldest first."""
        assets = self._get(f"assets?name_pattern={name}")["assets"]
        asset = next(asset["id"] for asset in assets if asset["name"] == name)
        found: list[dict[str, Any]] = self._get(f"assets/events?asset_id={asset}&order_by=timestamp")["asset_events"]
        return found

    def log(self, run_id: str, task_id: str, try_number: int) -> str:
        """A try's log."""
        path = f"{self._dag}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        answer = self._session.request("GET", path, headers={"Accept": "application/json"})
        return "\n".join(str(entry.get("event")) for entry in answer.json()["content"] if isinstance(entry, dict))


class QuickConfig(StackConfig):
    """The stack's settings with the quick DAGs, a proxy before the service, and an Airflow that notices losses soon."""

    proxy_url = ""

    def airflow_environment(self) -> dict[str, str]:
        """More of them than `make run` has, since tests are less patient than people."""
        return super().airflow_environment() | {
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "tests" / "e2e" / "dags"),
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
        }

    def connection(self) -> dict[str, Any]:
        """To the proxy instead of the service."""
        given = super().connection()
        if self.proxy_url:
            given["extra"]["endpoint_url"] = self.proxy_url
        return given


class RestartableStack(Stack):
    """A stack whose parts can be started one by one."""

    def api(self) -> AirflowApi:
        """A client that finds the stack ready once the quick DAGs are there."""
        return QuickApi(self.config.airflow_url, USER, self.config.password(), "quick_tuning")

    def restart(self, name: str) -> None:
        """Start a part that has ended."""
        if name == "local SageMaker":
            self._start_sagemaker()
        else:
            argv = [sys.executable, "-m", "airflow", name, *AIRFLOW[name]]
            self._start(name, argv, self.config.airflow_environment())


@dataclass(frozen=True)
class Outcome:
    """What came of a run: how it ended, its tuning jobs and their trials."""

    state: str
    jobs: dict[str, str]
    trials: int
    still_running: int


class QuickStack:
    """A running stack and its faults."""

    def __init__(self, stack: RestartableStack, proxy: FaultProxy) -> None:
        self.stack, self.proxy = stack, proxy
        # Past the proxy: what the tests ask is not part of the fault.
        self.sagemaker = Stack(StackConfig(stack.config.state)).client("sagemaker")

    def api(self, dag_id: str) -> QuickApi:
        return QuickApi(self.stack.config.airflow_url, USER, self.stack.config.password(), dag_id)

    def trigger(self, dag_id: str, **params: Any) -> str:
        return self.api(dag_id).trigger({"force": True, "warm_start": "off", **params}, new_run_id())

    def ended(self, dag_id: str, run_id: str, seconds: float = 300) -> Outcome:
        """What came of a run, once it and all its tuning jobs have ended."""
        api = self.api(dag_id)
        wait_until(lambda: api.run_state(run_id) in LAST_STATES, seconds)
        wait_until(lambda: "Stopping" not in self.jobs(dag_id, run_id).values(), 60)
        jobs = self.jobs(dag_id, run_id)
        trials = [trial for job in jobs for trial in self._trials(job)]
        running = sum(status == "InProgress" for status in jobs.values())
        running += sum(trial["TrainingJobStatus"] == "InProgress" for trial in trials)
        return Outcome(api.run_state(run_id), jobs, len(trials), running)

    def jobs(self, dag_id: str, run_id: str) -> dict[str, str]:
        """The tuning jobs that a run has made, and their status."""
        name = tuning_job_name(dag_id, run_id)
        found = self.sagemaker.list_hyper_parameter_tuning_jobs(
            NameContains=name, SortBy="CreationTime", SortOrder="Ascending"
        )
        listed = found["HyperParameterTuningJobSummaries"]
        return {job["HyperParameterTuningJobName"]: job["HyperParameterTuningJobStatus"] for job in listed}

    def until_task(self, dag_id: str, run_id: str, task_id: str, *states: str, seconds: float = 180) -> None:
        """Wait until a task is in one of the states."""
        wait_until(lambda: self.task_state(dag_id, run_id, task_id) in states, seconds)

    def task_state(self, dag_id: str, run_id: str, task_id: str) -> str:
        tasks = self.api(dag_id).tasks(run_id)
        return str(next(task["state"] for task in tasks if task["task_id"] == task_id))

    def until_trials_run(self, dag_id: str, run_id: str) -> None:
        """Wait until the sensor waits in the triggerer and a trial is under way."""
        self.until_task(dag_id, run_id, "wait_for_tuning_job", "deferred")
        wait_until(lambda: any(self._trials(job) for job in self.jobs(dag_id, run_id)), 60)

    def kill(self, name: str) -> None:
        """SIGKILL a part of the stack, with whatever it has started, and start it again a moment later."""
        with self.down(name):
            time.sleep(2)

    @contextmanager
    def down(self, name: str) -> Iterator[None]:
        """SIGKILL a part of the stack, with whatever it has started; started again at the end of the `with`."""
        component = next(part for part in self.stack.components if part.name == name)
        process = component.process()
        assert process is not None
        family = [] if name == "local SageMaker" else process.children(recursive=True)
        for member in (process, *family):
            with suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs([process, *family], timeout=10)
        if component.started is not None:
            component.started.wait()
        yield
        self.stack.components.remove(component)
        self.stack.restart(name)

    def _trials(self, job: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=job, MaxResults=100
        )["TrainingJobSummaries"]
        return listed


@contextmanager
def quick_stack(state: Path) -> Iterator[QuickStack]:
    """A stack of its own for as long as the `with` lasts."""
    config = QuickConfig(state, airflow_port=free_port(), sagemaker_port=free_port(), mirrors=NOBODY)
    proxy = FaultProxy(free_port(), lambda: f"http://127.0.0.1:{config.sagemaker_port}")
    object.__setattr__(config, "proxy_url", proxy.url)  # a frozen dataclass
    stack = RestartableStack(config)
    try:
        stack.start(print)
        yield QuickStack(stack, proxy)
    finally:
        stack.stop()
        proxy.close()


def wait_until(condition: Callable[[], Any], seconds: float) -> None:
    """Until the condition holds; Airflow may be away for moments."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except StackError:
            pass
        assert time.monotonic() < deadline, f"nothing after {seconds:.0f} s"
        time.sleep(0.3)
