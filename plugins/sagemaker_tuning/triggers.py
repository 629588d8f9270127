"""Watches a tuning job from the triggerer, and stops it when a user acts on the task that waits for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.triggers.base import BaseTrigger, TriggerEvent
from airflow.utils.state import TaskInstanceState
from asgiref.sync import sync_to_async
from botocore.exceptions import ClientError

from include.tuning import jobs, trials
from sagemaker_tuning.task_errors import PassingFault, fault_of

LONGEST_PAUSE_SECONDS = 120


class TuningJobTrigger(BaseTrigger):
    """Fires once the job has ended: {"status": ...}, or {"error": ...} where it can't be looked at for good.

    Logs each change of the job's progress. Throttling, a service that is away and lost connections are waited out.
    """

    def __init__(
        self,
        *,
        job_name: str,
        poll_seconds: float,
        aws_conn_id: str | None,
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
        first_pause: float = 0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.job_name = job_name
        self.poll_seconds = poll_seconds
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config
        self.first_pause = first_pause
        self._client: Any = None
        self._open = AsyncExitStack()

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How Airflow keeps the trigger."""
        aws = ("aws_conn_id", "region_name", "verify", "botocore_config")
        names = ("job_name", "poll_seconds", *aws, "first_pause")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Looks at the job until it has ended, for the first time after `first_pause` seconds."""
        await asyncio.sleep(self.first_pause)
        said, failed = "", 0
        while True:
            try:
                job = await (await self._sagemaker()).describe_hyper_parameter_tuning_job(
                    HyperParameterTuningJobName=self.job_name
                )
            except Exception as error:
                fault = fault_of(error)
                if not isinstance(fault, PassingFault):
                    yield TriggerEvent({"error": str(fault or repr(error))})
                    return
                failed += 1
                self.log.warning("Tuning job %s can't be looked at for the moment: %s", self.job_name, fault)
                await asyncio.sleep(min(self.poll_seconds * 2**failed, LONGEST_PAUSE_SECONDS))
                continue
            failed = 0
            progress = trials.progress(job)
            if progress != said:
                said = progress
                self.log.info("Tuning job %s %s", self.job_name, progress)
            if not jobs.is_unfinished(job):
                yield TriggerEvent({"status": job["HyperParameterTuningJobStatus"]})
                return
            await asyncio.sleep(self.poll_seconds)

    async def on_kill(self) -> None:
        """Stops the job when its task was cleared, marked or timed out.

        Airflow also calls this when another triggerer has taken the trigger over; then the task is still deferred, and
        the job goes on (apache/airflow#73454).
        """
        if await self._is_deferred():
            self.log.info("Another triggerer waits for tuning job %s now", self.job_name)
            return
        try:
            await (await self._sagemaker()).stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=self.job_name)
        except ClientError as error:
            if not jobs.has_ended(error):
                raise
        else:
            self.log.warning("Stopped tuning job %s, since nobody waits for it any more", self.job_name)

    async def cleanup(self) -> None:
        """Closes the client; Airflow calls this last, after `on_kill` too."""
        await self._open.aclose()
        self._client = None

    async def _sagemaker(self) -> Any:
        """The one client of this trigger: to make one takes seconds, and `on_kill` has thirty."""
        if self._client is None:
            self._client = await self._open.enter_async_context(await self._hook().get_async_conn())
        return self._client

    async def _is_deferred(self) -> bool:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        task = self.task_instance
        if task is None:
            return False
        states = await sync_to_async(RuntimeTaskInstance.get_task_states)(
            dag_id=task.dag_id, task_ids=[task.task_id], run_ids=[task.run_id], map_index=task.map_index
        )
        return bool(states.get(task.run_id, {}).get(task.task_id) == TaskInstanceState.DEFERRED)

    def _hook(self) -> SageMakerHook:
        return SageMakerHook(
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
            verify=self.verify,
            config=self.botocore_config,
        )
