"""The DAG's task bodies one after the other, through the code that the DAG's tasks run, in one process."""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred
from airflow.sdk.execution_time.context import set_current_context

from dags.mnist_tuning import BEST_MODEL, PARAMS, STUDY
from sagemaker_tuning import data_tasks, tuning_tasks
from sagemaker_tuning.operators import TuningJobOperator
from sagemaker_tuning.sensors import TuningJobSensor
from sagemaker_tuning.task_errors import TaskFault
from tests.include.tuning.jobs import LEARNS

QUICK = {"dataset": "digits", "jobs": 1, "parallel_jobs": 1}
Context = dict[str, Any]


class StepFailedError(Exception):
    """A task ended with the line that its log shows."""

    def __init__(self, step: str, line: str) -> None:
        super().__init__(f"{step}: {line}")
        self.step, self.line = step, line


@dataclass
class Walk:
    """One run of the DAG on the digits, with a training script of a few lines; `params` beside the form's defaults."""

    folder: Path
    script: str = LEARNS
    params: dict[str, Any] = field(default_factory=dict)
    before_the_job: Callable[[str], None] = lambda job: None
    """Called with the name of the tuning job before it is created."""
    tries: int = 1
    """How often run_tuning_job is run, as after a worker that died."""

    def to_the_end(self) -> dict[str, Any]:
        """Run every task; the record of the best model. Raises StepFailedError."""
        with self._context() as context:
            data, config = self._prepare()
            job = self._start(context, config)
            with _step("wait_for_tuning_job"):
                _wait(context, job)
            with _step("extract_best_model"):
                record = tuning_tasks.extract_best_model(job, data, config["plan"])
            with _step("crown_champion"), suppress(AirflowSkipException):
                tuning_tasks.crown_champion(record, BEST_MODEL, {BEST_MODEL: SimpleNamespace()})
            with _step("stop_tuning_job"):
                tuning_tasks.stop_tuning_job({})
        return record

    def given_up(self) -> None:
        """Run every task up to the tuning job, then the teardown, as after a run marked failed."""
        with self._context() as context:
            _, config = self._prepare()
            self._start(context, config)
            with _step("stop_tuning_job"):
                tuning_tasks.stop_tuning_job({})

    def _prepare(self) -> tuple[dict[str, Any], dict[str, Any]]:
        (self.folder / STUDY.entry_point).write_text(self.script)
        study = replace(STUDY, code=str(self.folder))
        with _step("download_dataset"):
            downloaded = data_tasks.download_dataset(study)
        with _step("convert_to_tfrecord"):
            converted = data_tasks.convert_to_tfrecord(downloaded)
        with _step("upload_to_s3"):
            data = data_tasks.upload_to_s3(converted)
        with _step("generate_tuning_config"):
            config = tuning_tasks.generate_tuning_config(study, data)
        return data, config

    def _start(self, context: Context, config: dict[str, Any]) -> str:
        self.before_the_job(config["request"]["HyperParameterTuningJobName"])
        for _ in range(self.tries):
            with _step("run_tuning_job"):
                TuningJobOperator(task_id="run_tuning_job", config=config["request"]).execute(context)  # type: ignore[arg-type]
        return str(context["ti"].job)

    @contextmanager
    def _context(self) -> Iterator[Context]:
        params = {name: param.value for name, param in PARAMS.items()} | QUICK | self.params
        run = SimpleNamespace(
            dag_id="mnist_tuning", run_id=f"manual__{uuid.uuid4().hex}", run_after=datetime.now(UTC), clear_number=0
        )
        context = {"dag": SimpleNamespace(params=PARAMS), "dag_run": run, "params": params, "ti": _Instance()}
        with set_current_context(context):  # type: ignore[arg-type]
            yield context


@dataclass
class _Instance:
    """What a task needs of its task instance."""

    job: str = ""
    task: Any = field(default_factory=SimpleNamespace)

    def xcom_push(self, key: str, value: Any) -> None:
        self.job = value


@contextmanager
def _step(name: str) -> Iterator[None]:
    try:
        yield
    except TaskFault as fault:
        raise StepFailedError(name, str(fault)) from None


def _wait(context: Any, job: str) -> None:
    """As Airflow does: the sensor looks, the triggerer waits, the sensor judges."""
    sensor = TuningJobSensor(task_id="wait_for_tuning_job", job_name=job, poke_interval=0.1, longest_wait=60)
    deadline, event = time.monotonic() + 60, None
    while time.monotonic() < deadline:
        try:
            sensor.execute_complete(context, event)
        except TaskDeferred as wait:
            event = asyncio.run(_fired(wait.trigger))
        else:
            return
    raise AssertionError(f"{job} is not done after a minute")


async def _fired(trigger: Any) -> Any:
    try:
        async for event in trigger.run():
            return event.payload
        return None
    finally:
        await trigger.cleanup()
