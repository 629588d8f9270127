"""Airflow's REST API as far as the stack needs it: trigger a run, follow it, learn why a task failed."""

import time
from collections.abc import Callable
from typing import Any

import requests

from include.errors import StackError

DAG_ID = "mnist_tuning"
FAULT_LOGGER = "sagemaker_tuning.task_errors"
_READY_SECONDS = 120
_REQUEST_SECONDS = 30


class AirflowApi:
    """A client that logs in when it has to."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url
        self._login = {"username": user, "password": password}
        self._session = requests.Session()
        self._session.trust_env = False

    def wait_until_ready(self, check: Callable[[], None]) -> None:
        """Until the API answers, every component is healthy and the DAG is there; `check` may raise meanwhile."""
        deadline = time.monotonic() + _READY_SECONDS
        while not self._ready():
            check()
            if time.monotonic() > deadline:
                raise StackError(f"Airflow is not ready after {_READY_SECONDS} s{self._import_errors()}")
            time.sleep(0.5)

    def trigger(self, params: dict[str, Any]) -> str:
        """Start a run as the UI does and return its id. Raises StackError with Airflow's words for refused Params."""
        answer = self._request("POST", f"dags/{DAG_ID}/dagRuns", json={"logical_date": None, "conf": params})
        if answer.status_code >= 400:
            raise StackError(f"Airflow refuses the run: {_detail(answer)}")
        return str(answer.json()["dag_run_id"])

    def run_state(self, run_id: str) -> str:
        """queued, running, success or failed."""
        return str(self._get(f"dags/{DAG_ID}/dagRuns/{run_id}")["state"])

    def tasks(self, run_id: str) -> list[dict[str, Any]]:
        """The run's task instances: task_id, state, start_date, end_date, duration, try_number."""
        instances: list[dict[str, Any]] = self._get(f"dags/{DAG_ID}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return instances

    def result(self, run_id: str, task_id: str) -> Any:
        """What a task returned; None where it returned nothing."""
        path = f"dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        answer = self._request("GET", path, params={"deserialize": "false"})
        return answer.json()["value"] if answer.ok else None

    def failure(self, run_id: str, task: dict[str, Any]) -> str:
        """Why a task's last try failed, in one line, from its log."""
        path = f"dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{max(task['try_number'], 1)}"
        answer = self._request("GET", path, headers={"Accept": "application/json"})
        entries = answer.json().get("content", []) if answer.ok else []
        return _reason([entry for entry in entries if isinstance(entry, dict)])

    def _ready(self) -> bool:
        try:
            health = requests.get(f"{self._url}/api/v2/monitor/health", timeout=5).json()
            parts = ("scheduler", "dag_processor", "triggerer", "metadatabase")
            if any((health.get(part) or {}).get("status") != "healthy" for part in parts):
                return False
            return self._request("GET", f"dags/{DAG_ID}").ok
        except (requests.RequestException, ValueError):
            return False

    def _import_errors(self) -> str:
        errors = self._get("importErrors").get("import_errors", [])
        return "".join(f"; {error['filename']}: {error['stack_trace'].strip().splitlines()[-1]}" for error in errors)

    def _get(self, path: str) -> dict[str, Any]:
        answer = self._request("GET", path)
        if not answer.ok:
            raise StackError(f"Airflow answers {answer.status_code} to {path}: {_detail(answer)}")
        content: dict[str, Any] = answer.json()
        return content

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        for _ in range(2):
            answer = self._session.request(method, f"{self._url}/api/v2/{path}", timeout=_REQUEST_SECONDS, **options)
            if answer.status_code != 401:
                break
            token = self._session.post(f"{self._url}/auth/token", json=self._login, timeout=_REQUEST_SECONDS)
            token.raise_for_status()
            self._session.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
        return answer


def _detail(answer: requests.Response) -> str:
    try:
        detail = answer.json().get("detail", answer.text)
    except ValueError:
        detail = answer.text
    return " ".join(str(detail).split())


def _reason(entries: list[dict[str, Any]]) -> str:
    """What the task itself said of a fault, else the exception of a bug, else the last error in the log."""
    errors = [entry for entry in entries if entry.get("level") in ("error", "critical")]
    own = [entry["event"] for entry in errors if entry.get("logger") == FAULT_LOGGER]
    bugs = [
        f"{error['exc_type']}: {error['exc_value']}" for entry in errors for error in entry.get("error_detail") or []
    ]
    said = own or bugs or [str(entry.get("event")) for entry in errors]
    return " ".join(said[-1].split()) if said else "its log gives no reason"
