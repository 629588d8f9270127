"""Follows a run from the outside, as a person would: each task's end and retries, the trials as they go."""

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
_SILENCE_SECONDS = 20.0
_WAITING_STATES = {"running", "deferred", "up_for_reschedule"}


class Watch:
    """One run under watch; says what has changed since it last looked."""

    def __init__(self, api: AirflowApi, run_id: str, sagemaker: Any, say: Callable[[str], None]) -> None:
        self._api, self._run_id, self._sagemaker, self._say = api, run_id, sagemaker, say
        self._tuning_job = tuning_job_name(DAG_ID, run_id)
        self._states: dict[str, str] = {}
        self._trials = ""
        self._said_at = time.monotonic()

    def until_success(self, check: Callable[[], None]) -> None:
        """Return once the run has succeeded. Raises RunFailedError naming the failed task and its reason.

        `check` is called at every look, and may raise where the stack itself is in trouble.
        """
        while True:
            check()
            state, tasks = self._api.run_state(self._run_id), self._api.tasks(self._run_id)
            for task in sorted(tasks, key=lambda task: task["start_date"] or "9"):
                self._tell_task(task)
            if self._states.get(WAITING) in _WAITING_STATES:
                self._tell_trials()
            if state == "success":
                return
            if state == "failed":
                raise RunFailedError(self._why(tasks))
            time.sleep(_LOOK_SECONDS)

    def _tell_task(self, task: dict[str, Any]) -> None:
        name, state = task["task_id"], task["state"] or ""
        if self._states.get(name) == state:
            return
        self._states[name] = state
        if state == "success":
            self._tell(f"{name:22} done in {task['duration'] or 0:.1f} s")
        elif state == "up_for_retry":
            self._tell(f"{name:22} failed, will be tried again: {self._api.failure(self._run_id, task)}")

    def _tell_trials(self) -> None:
        try:
            line = progress(
                self._sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=self._tuning_job)
            )
            silent = time.monotonic() - self._said_at > _SILENCE_SECONDS
            if line == self._trials and silent:
                self._tell(f"{WAITING:22} running trials: {self._running_trials()}")
        except (BotoCoreError, ClientError):
            return
        if line != self._trials:
            self._trials = line
            self._tell(f"{WAITING:22} {line}")

    def _running_trials(self) -> str:
        """The latest values that the running trials have printed."""
        running = self._sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=self._tuning_job, StatusEquals="InProgress"
        )["TrainingJobSummaries"]
        return "; ".join(self._latest(trial["TrainingJobName"]) for trial in running) or "none"

    def _latest(self, training_job: str) -> str:
        job = self._sagemaker.describe_training_job(TrainingJobName=training_job)
        number = training_job.removeprefix(self._tuning_job + "-").partition("-")[0]
        values = {item["MetricName"]: item["Value"] for item in job.get("FinalMetricDataList", [])}
        said = ", ".join(f"{name} {value:.4f}" for name, value in sorted(values.items(), reverse=True))
        return f"{number} {said or job['SecondaryStatus'].lower()}"

    def _tell(self, line: str) -> None:
        self._said_at = time.monotonic()
        self._say(line)

    def _why(self, tasks: list[dict[str, Any]]) -> str:
        failed = [task for task in tasks if task["state"] == "failed"]
        reasons = [f"task {task['task_id']} failed: {self._api.failure(self._run_id, task)}" for task in failed]
        return "; ".join(reasons) or f"the run {self._run_id} failed and no task of it did"
