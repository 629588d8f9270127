"""Ends runs that nobody waits for any more, since the DAG's one run at a time would hold up every later one."""

import time
from collections.abc import Callable
from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError

from include.errors import StackError
from include.local_stack.airflow_api import DAG_ID, AirflowApi
from include.local_stack.stack import Stack
from include.tuning.naming import tuning_job_name

_TEARDOWN_SECONDS = 30


def abandon(stack: Stack, run_id: str) -> None:
    """Fail an unfinished run and stop its tuning job, as far as the stack still answers; about a minute at most."""
    api = stack.api()
    failed = False
    with suppress(StackError):
        if api.run_state(run_id, attempts=1) == "success":
            return
        api.fail(run_id, attempts=1)
        failed = True
    _stop_tuning_job(stack, run_id)
    if failed:
        with suppress(StackError):
            _await_teardown(api, run_id)


def abandon_leftovers(stack: Stack, say: Callable[[str], None]) -> None:
    """Fail every run that an earlier stack left unfinished. Raises StackError where Airflow refuses."""
    api = stack.api()
    left = api.unfinished_runs()
    for run_id in left:
        api.fail(run_id)
        _stop_tuning_job(stack, run_id)
    if left:
        say(f"ended what an earlier start left unfinished: {', '.join(left)}")


def _stop_tuning_job(stack: Stack, run_id: str) -> None:
    with suppress(BotoCoreError, ClientError, OSError, ValueError):
        sagemaker = stack.client("sagemaker", connect_timeout=3, read_timeout=7, retries={"total_max_attempts": 1})
        sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning_job_name(DAG_ID, run_id))


def _await_teardown(api: AirflowApi, run_id: str) -> None:
    """Airflow ends a run that was failed only when its teardown has run; stopped before, it would be unfinished."""
    deadline = time.monotonic() + _TEARDOWN_SECONDS
    while api.run_state(run_id, attempts=1) in ("queued", "running") and time.monotonic() < deadline:
        time.sleep(0.5)
