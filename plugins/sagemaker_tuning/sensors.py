"""Waits for a tuning job and says how it goes."""

from collections.abc import Mapping
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.sensors.sagemaker import SageMakerTuningSensor
from airflow.sdk import Context, PokeReturnValue

from include.errors import TuningJobError
from include.tuning import trials
from sagemaker_tuning.plain import plain
from sagemaker_tuning.task_errors import one_line_errors


class TuningJobSensor(SageMakerTuningSensor):
    """Pokes until the tuning job has ended, logging its progress each time.

    Completed passes, and so does Stopped if a trial has a metric by then. Everything else fails at once with the job's
    reason and each failed trial's name, reason and log. XCom: the job's last description in plain JSON.
    """

    @one_line_errors
    def poke(self, context: Context) -> PokeReturnValue:  # noqa: ARG002 - the parent's signature
        """Looks once. Raises TaskFault where the job ended badly."""
        job = self.hook.describe_tuning_job(self.job_name)
        self.log.info("Tuning job %s %s", self.job_name, trials.progress(job))
        status = job["HyperParameterTuningJobStatus"]
        if status in SageMakerHook.non_terminal_states:
            return PokeReturnValue(is_done=False)
        failures = self._failures()
        if not _is_success(status, job):
            raise TuningJobError(self._verdict(status, job, failures))
        if failures:
            self.log.warning("Failed trials: %s", failures)
        return PokeReturnValue(is_done=True, xcom_value={"Tuning": plain(job)})

    def _failures(self) -> str:
        logs = AwsBaseHook(aws_conn_id=self.aws_conn_id, client_type="logs", region_name=self.region_name).get_conn()
        return trials.describe_failures(trials.list_trials(self.hook.get_conn(), self.job_name), logs)

    def _verdict(self, status: str, job: Mapping[str, Any], failures: str) -> str:
        reason = " ".join(job.get("FailureReason", "SageMaker gives no reason.").split())
        told = f" Failed trials: {failures}." if failures else ""
        return f"tuning job {self.job_name} ended as {status}: {reason}{told} Trigger a new run once it is mended."


def _is_success(status: str, job: Mapping[str, Any]) -> bool:
    return status == "Completed" or (status == "Stopped" and bool(job.get("BestTrainingJob")))
