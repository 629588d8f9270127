"""Starts a run's tuning job, once, whatever befalls its worker."""

from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTuningOperator
from airflow.sdk import Context

from include.tuning import jobs
from include.tuning.jobs import Choice, WhenCleared
from sagemaker_tuning import links
from sagemaker_tuning.clients import PatientHook, patient_config
from sagemaker_tuning.plain import plain
from sagemaker_tuning.task_errors import PassingFault, one_line_errors

JOB_NAME = "job_name"
"""XCom key of the tuning job's name, for the sensor."""


class TuningJobOperator(PatientHook, SageMakerTuningOperator):
    """Creates the tuning job of `config` and returns at once; `TuningJobSensor` waits for it.

    A try that finds a job of the configured name with the same request goes on with it, so the name has to be the
    run's own (`include.tuning.naming`). A job of that name with another request is an error. In a run that was cleared,
    `when_cleared` says whether its finished job is reused ("reuse") or another one made ("new"); one that was stopped
    or failed is never reused. A killed try stops its job. XCom: {"Tuning": the job's description} in plain JSON, and
    its name as `job_name`.
    """

    template_fields = (*SageMakerTuningOperator.template_fields, "when_cleared")
    operator_extra_links = links.TUNING_LINKS

    def __init__(self, *, config: Any, when_cleared: WhenCleared = "reuse", **kwargs: Any) -> None:
        # Said outright: [operators] default_deferrable would else make the parent defer, and wait, all the same.
        super().__init__(config=config, wait_for_completion=False, deferrable=False, **kwargs)
        self.when_cleared = when_cleared
        self.links: dict[str, str] = {}
        self._job = ""
        self._killed = False

    @one_line_errors
    def execute(self, context: Context) -> dict[str, Any]:
        """Creates the job, or finds the one that an earlier try made."""
        sagemaker = self.hook.get_conn()
        round_ = str(context["dag_run"].clear_number)
        choice = jobs.choose(sagemaker, self.config, round_, self.when_cleared)
        self.log.info("%s", choice.reason)
        if choice.stop:
            jobs.stop(sagemaker, choice.stop)
        if choice.create:
            self._create(context, choice, round_)
        job = plain(self.hook.describe_tuning_job(choice.name))
        context["ti"].xcom_push(key=JOB_NAME, value=choice.name)
        self.links = links.of_tuning_job(sagemaker, context["dag_run"].dag_id, choice.name)
        return {"Tuning": job}

    def on_kill(self) -> None:
        """Stops the job that this try was making or has made."""
        self._killed = True
        if self._job and jobs.stop(self.hook.get_conn(), self._job):
            self.log.warning("Stopped tuning job %s, since its task was killed", self._job)

    def _create(self, context: Context, choice: Choice, round_: str) -> None:
        from botocore.exceptions import ClientError

        self.config = jobs.marked(self.config, choice.name, round_)
        self._job = choice.name
        # The hook looks whether the channels are there, with a client of its own.
        s3: dict[str, Any] = {"aws_conn_id": self.aws_conn_id, "region_name": self.region_name, "verify": self.verify}
        self.hook.s3_hook = S3Hook(**s3, config=patient_config(S3Hook(**s3)))
        try:
            super().execute(context)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceInUse":
                raise
            # The answer to an earlier attempt of this very call was lost on its way.
            self.log.info("Tuning job %s was created just now; going on with it", choice.name)
        if self._killed:  # Airflow lets a killed task run on for a few seconds, and on_kill may have come too early
            self.on_kill()
            raise PassingFault(f"killed while it created tuning job {choice.name}, which has been stopped")
