"""Starts a run's tuning job, once."""

from typing import Any

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTuningOperator
from airflow.sdk import Context

from sagemaker_tuning.plain import plain
from sagemaker_tuning.task_errors import one_line_errors

JOB_NAME = "job_name"
"""XCom key of the tuning job's name, for the sensor."""


class TuningJobOperator(SageMakerTuningOperator):
    """Creates the tuning job of `config` and returns at once; `TuningJobSensor` waits for it.

    A try that finds a job of the configured name goes on with it, so the name has to be the run's own
    (`include.tuning.naming`). XCom: {"Tuning": the job's description} in plain JSON, and its name as `job_name`.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        # Said outright: [operators] default_deferrable would else make the parent defer, and wait, all the same.
        super().__init__(config=config, wait_for_completion=False, deferrable=False, **kwargs)

    @one_line_errors
    def execute(self, context: Context) -> dict[str, Any]:
        """Creates the job, or finds the one that an earlier try made."""
        from botocore.exceptions import ClientError

        name = self.config["HyperParameterTuningJobName"]
        try:
            super().execute(context)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceInUse":
                raise
            self.log.info("Tuning job %s exists since an earlier try of this run; going on with it", name)
        job = plain(self.hook.describe_tuning_job(name))
        context["ti"].xcom_push(key=JOB_NAME, value=name)
        return {"Tuning": job}
