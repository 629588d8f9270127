"""Follows a run from the outside, as a person would: each task's start and end, the trials as they finish."""

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.errors import RunFailedError
from include.local_stack.airflow_api import DAG_ID, AirflowApi
from include.tuning.naming import tuning_job_name
from include.tuning.trials import progress

WAITING = "wait_for_tuning_job"
_LOOK_SECONDS = 1.0
_ENDED = {"success", "failed", "upstream_failed", "skipped", "removed"}


def watch(api: AirflowApi, run_id: str, sagemaker: Any, say: Callable[[str], None], check: Callable[[], None]) -> None:
    """Say what happens until the run has succeeded. Raises RunFailedError naming the failed task and its reason.

    `check` is called at every look, and may raise where the stack itself is in trouble.
    """
    told: dict[str, str] = {}
    while True:
        check()
        state, tasks = api.run_state(run_id), api.tasks(run_id)
        for task in sorted(tasks, key=lambda task: task["start_date"] or "9"):
            _tell(task, told, say)
        if any(task["task_id"] == WAITING and task["state"] not in (None, *_ENDED) for task in tasks):
            _tell_trials(sagemaker, run_id, told, say)
        if state == "success":
            return
        if state == "failed":
            raise RunFailedError(_why(api, run_id, tasks))
        time.sleep(_LOOK_SECONDS)


def _tell(task: dict[str, Any], told: dict[str, str], say: Callable[[str], None]) -> None:
    name, state = task["task_id"], task["state"] or ""
    if told.get(name) == state:
        return
    told[name] = state
    if state == "running" and name == WAITING:
        say(f"{name:22} waiting for the trials")
    elif state == "success":
        say(f"{name:22} done in {task['duration'] or 0:.1f} s")
    elif state == "up_for_retry":
        say(f"{name:22} failed, will be tried again")


def _tell_trials(sagemaker: Any, run_id: str, told: dict[str, str], say: Callable[[str], None]) -> None:
    try:
        name = tuning_job_name(DAG_ID, run_id)
        line = progress(sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name))
    except (BotoCoreError, ClientError):
        return
    if told.get("trials") != line:
        told["trials"] = line
        say(f"{'':22} {line}")


def _why(api: AirflowApi, run_id: str, tasks: list[dict[str, Any]]) -> str:
    failed = [task for task in tasks if task["state"] == "failed"]
    reasons = [f"task {task['task_id']} failed: {api.failure(run_id, task)}" for task in failed]
    return "; ".join(reasons) or f"the run {run_id} failed and no task of it did"
