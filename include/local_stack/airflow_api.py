"""Airflow's REST API as far as the stack needs it: trigger a run, follow it, learn why a task failed."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from include.errors import StackError
from include.local_stack.airflow_session import ATTEMPTS, AirflowSession, detail

DAG_ID = "mnist_tuning"
FAULT_LOGGER = "sagemaker_tuning.task_errors"
_READY_SECONDS = 120
_GIVING_UP_SECONDS = 10


class AirflowApi:
    """What the stack asks of its Airflow. Every call raises StackError where Airflow does not answer."""

    def __init__(self, url: str, user: str, password: str, dag_id: str = DAG_ID) -> None:
        self._session = AirflowSession(url, user, password)
        self._dag = f"dags/{dag_id}"

    def wait_until_ready(self, check: Callable[[], None]) -> None:
        """Until the API answers, every component is healthy and the DAG is there; `check` may raise meanwhile."""
        deadline = time.monotonic() + _READY_SECONDS
        while not self._ready():
            check()
            if time.monotonic() > deadline:
                raise StackError(f"Airflow is not ready after {_READY_SECONDS} s{self._import_errors()}")
            time.sleep(0.5)

    def trigger(self, params: dict[str, Any], run_id: str = "") -> str:
        """Start a run as the UI does and return its id. Raises StackError with Airflow's words for refused Params."""
        run_id = run_id or new_run_id()
        body = {"dag_run_id": run_id, "logical_date": None, "conf": params}
        answer = self._session.request("POST", f"{self._dag}/dagRuns", json=body)
        # 409: an attempt whose answer was lost has made this very run.
        if answer.status_code >= 400 and answer.status_code != 409:
            raise StackError(f"Airflow refuses the run: {detail(answer)}")
        return run_id

    def run_state(self, run_id: str, attempts: int = ATTEMPTS) -> str:
        """queued, running, success or failed."""
        return str(self._get(f"{self._dag}/dagRuns/{run_id}", attempts)["state"])

    def unfinished_runs(self) -> list[str]:
        """The ids of all runs that are queued or running."""
        runs = self._get(f"{self._dag}/dagRuns?state=queued&state=running&limit=100")["dag_runs"]
        return [str(run["dag_run_id"]) for run in runs]

    def fail(self, run_id: str, attempts: int = ATTEMPTS) -> None:
        """End a run as failed, with all its tasks."""
        path = f"{self._dag}/dagRuns/{run_id}"
        options = {"attempts": attempts, "seconds": _GIVING_UP_SECONDS}
        answer = self._session.request("PATCH", path, json={"state": "failed"}, **options)
        if not answer.ok:
            raise StackError(f"Airflow can't end the run {run_id}: {detail(answer)}")

    def tasks(self, run_id: str) -> list[dict[str, Any]]:
        """The run's task instances: task_id, state, start_date, end_date, duration, try_number."""
        instances: list[dict[str, Any]] = self._get(f"{self._dag}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return instances

    def result(self, run_id: str, task_id: str) -> Any:
        """What a task returned; None where it returned nothing."""
        path = f"{self._dag}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        answer = self._session.request("GET", path, params={"deserialize": "false"})
        return answer.json()["value"] if answer.ok else None

    def failure(self, run_id: str, task: dict[str, Any]) -> str:
        """Why a task's last try failed, in one line, from its log."""
        path = f"{self._dag}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{max(task['try_number'], 1)}"
        answer = self._session.request("GET", path, headers={"Accept": "application/json"})
        entries = answer.json().get("content", []) if answer.ok else []
        return _reason([entry for entry in entries if isinstance(entry, dict)])

    def _ready(self) -> bool:
        try:
            return self._session.healthy() and self._session.request("GET", self._dag, attempts=1).ok
        except StackError:
            return False

    def _import_errors(self) -> str:
        try:
            errors = self._get("importErrors", attempts=1)["import_errors"]
            told = [f"{error['filename']}: {error['stack_trace'].strip().splitlines()[-1]}" for error in errors]
        except (StackError, LookupError, TypeError, AttributeError):
            return ""
        return "".join(f"; {error}" for error in told)

    def _get(self, path: str, attempts: int = ATTEMPTS) -> dict[str, Any]:
        seconds = {} if attempts > 1 else {"seconds": _GIVING_UP_SECONDS}
        answer = self._session.request("GET", path, attempts=attempts, **seconds)
        try:
            content: dict[str, Any] = answer.json()
        except ValueError:
            content = {}
        if not answer.ok or not content:
            raise StackError(f"Airflow answers {answer.status_code} to {path}: {detail(answer)}")
        return content


def new_run_id() -> str:
    """An id such as Airflow gives to a run by hand; chosen here, a request sent twice starts one run."""
    return f"manual__{datetime.now(UTC).isoformat()}"


def _reason(entries: list[dict[str, Any]]) -> str:
    """What the task itself said of a fault, else the exception of a bug, else the last error in the log."""
    errors = [entry for entry in entries if entry.get("level") in ("error", "critical")]
    own = [entry["event"] for entry in errors if entry.get("logger") == FAULT_LOGGER]
    bugs = [
        f"{error['exc_type']}: {error['exc_value']}" for entry in errors for error in entry.get("error_detail") or []
    ]
    said = own or bugs or [str(entry.get("event")) for entry in errors]
    return " ".join(said[-1].split()) if said else "its log gives no reason"
