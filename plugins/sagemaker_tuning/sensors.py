"""Waits for a tuning job without holding a worker slot, and judges how it ended."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.amazon.aws.sensors.sagemaker import SageMakerTuningSensor
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSensorTimeout

from include.errors import TuningJobError
from include.tuning import jobs, trials
from sagemaker_tuning import links
from sagemaker_tuning.clients import PatientHook
from sagemaker_tuning.plain import plain
from sagemaker_tuning.task_errors import one_line_errors
from sagemaker_tuning.triggers import TuningJobTrigger

MOST_BLIND_LOOKS = 5


class TuningJobSensor(PatientHook, SageMakerTuningSensor):
    """Defers until the tuning job has ended; the triggerer logs its progress meanwhile.

    Completed passes. Stopped passes where `accept_stopped` allows it and a trial has a metric by then. Everything else
    fails at once with the job's reason and each failed trial's name, reason and log. A sensor that times out, or is
    killed, cleared or marked, stops the job; it times out after `longest_wait` seconds, however often it is deferred.
    XCom: the job's last description in plain JSON.
    """

    template_fields = (*SageMakerTuningSensor.template_fields, "accept_stopped", "longest_wait")
    operator_extra_links = links.TUNING_LINKS

    def __init__(self, *, longest_wait: float, accept_stopped: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.accept_stopped = accept_stopped
        self.longest_wait = longest_wait
        self.links: dict[str, str] = {}

    @one_line_errors
    def execute(self, context: Context) -> dict[str, Any]:
        """Looks once, then waits in the triggerer. Raises TaskFault where the job ended badly."""
        # Clearing the task stops its job. The trigger may do so only after this try has begun to wait again, and then
        # can't tell it from a try that another triggerer has taken over.
        if jobs.stop_if_cleared(self.hook.get_conn(), self.job_name, str(context["dag_run"].clear_number)):
            self.log.warning("Stopped tuning job %s, since the run was cleared", self.job_name)
        return self.execute_complete(context)

    @one_line_errors
    def execute_complete(
        self,
        context: Context,
        event: Mapping[str, Any] | None = None,
        deadline: float | None = None,
        blind_looks: int = 0,
    ) -> dict[str, Any]:
        """Judges the job as it is now, whatever `event` says; waits again where it still goes on.

        `deadline` is in seconds since the epoch, `blind_looks` how often in a row the triggerer could not see the job.
        """
        error = (event or {}).get("error")
        blind_looks = blind_looks + 1 if error else 0
        if error:
            self.log.warning("The triggerer could not look at tuning job %s: %s", self.job_name, error)
        self.links = links.of_tuning_job(self.hook.get_conn(), context["dag_run"].dag_id, self.job_name)
        job = self.hook.describe_tuning_job(self.job_name)
        if jobs.is_unfinished(job):
            if blind_looks >= MOST_BLIND_LOOKS:
                raise TuningJobError(f"the triggerer can't look at tuning job {self.job_name}: {error}")
            self._wait(deadline or time.time() + float(self.longest_wait), blind_looks)
        self.log.info("Tuning job %s %s", self.job_name, trials.progress(job))
        failures = self._failures()
        if not self._is_success(job):
            raise TuningJobError(self._verdict(job, failures))
        if failures:
            self.log.warning("Failed trials: %s", failures)
        return {"Tuning": plain(job)}

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Goes on after the trigger; one that has timed out stops the job first."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except AirflowSensorTimeout:
            return self._time_out()

    def on_kill(self) -> None:
        """Stops the job, in the moments in which the sensor has a process; the trigger does it in all others."""
        self._stop("its sensor was killed")

    def _wait(self, deadline: float, blind_looks: int) -> None:
        left = deadline - time.time()
        if left <= 0:
            self._time_out()
        self.defer(
            trigger=TuningJobTrigger(
                job_name=self.job_name,
                poll_seconds=self.poke_interval,
                aws_conn_id=self.aws_conn_id,
                region_name=self.region_name,
                verify=self.verify,
                botocore_config=self.botocore_config,
                first_pause=self.poke_interval * 2**blind_looks if blind_looks else 0,
            ),
            method_name="execute_complete",
            kwargs={"deadline": deadline, "blind_looks": blind_looks},
            timeout=timedelta(seconds=left),
        )

    @one_line_errors
    def _time_out(self) -> None:
        self._stop("it was waited for long enough")
        after = f"{float(self.longest_wait):g} s"
        raise TuningJobError(f"tuning job {self.job_name} has not ended after {after} and is stopped")

    def _stop(self, why: str) -> None:
        if jobs.stop(self.hook.get_conn(), self.job_name):
            self.log.warning("Stopped tuning job %s: %s", self.job_name, why)

    def _is_success(self, job: Mapping[str, Any]) -> bool:
        status = job["HyperParameterTuningJobStatus"]
        return status == "Completed" or (
            status == "Stopped" and self.accept_stopped and bool(job.get("BestTrainingJob"))
        )

    def _failures(self) -> str:
        logs = AwsBaseHook(aws_conn_id=self.aws_conn_id, client_type="logs", region_name=self.region_name).get_conn()
        return trials.describe_failures(trials.list_trials(self.hook.get_conn(), self.job_name), logs)

    def _verdict(self, job: Mapping[str, Any], failures: str) -> str:
        status = job["HyperParameterTuningJobStatus"]
        reason = " ".join(job.get("FailureReason", "SageMaker gives no reason.").split())
        if status == "Stopped" and job.get("BestTrainingJob") and not self.accept_stopped:
            reason = "Somebody stopped it. With the Param accept_stopped its best trial would do."
        told = f" Failed trials: {failures}." if failures else ""
        return f"tuning job {self.job_name} ended as {status}: {reason}{told} Trigger a new run once it is mended."
