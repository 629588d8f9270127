"""The tuning half of a DAG, the same for every model: request, job, wait, best model."""

from typing import Any

from airflow.sdk import TaskGroup, XComArg, task

from include.settings import Settings
from include.tuning.study import Study
from sagemaker_tuning.operators import JOB_NAME, TuningJobOperator
from sagemaker_tuning.sensors import TuningJobSensor

MAX_WAIT_SECONDS = 24 * 3600


def tune(study: Study, data: XComArg, settings: Settings) -> XComArg:
    """Four tasks that tune `study` on `data`, the XCom of a task that returned the S3 prefixes of its channels.

    The DAG needs the Params of `sagemaker_tuning.params.TUNING` and those that the study names. Returns the XCom of
    extract_best_model: the content of best_model.json.
    """

    @task(multiple_outputs=True)
    def generate_tuning_config(data: dict[str, Any]) -> dict[str, Any]:
        """Writes the request for the tuning job and checks it, before anything is spent."""
        from sagemaker_tuning import tuning_tasks

        return tuning_tasks.generate_tuning_config(study, data)

    @task
    def extract_best_model(tuning_job: str, data: dict[str, Any], code: dict[str, Any]) -> dict[str, Any]:
        """Keeps the best model and the record of how it was found."""
        from sagemaker_tuning import tuning_tasks

        return tuning_tasks.extract_best_model(tuning_job, data, code)

    with TaskGroup("tuning", prefix_group_id=False, tooltip="Finds the best model within a budget"):
        config: Any = generate_tuning_config(data)  # type: ignore[arg-type]
        job: Any = TuningJobOperator(
            task_id="run_tuning_job", config=config["request"], aws_conn_id=settings.connection
        )
        name = job.output[JOB_NAME]
        wait = TuningJobSensor(
            task_id="wait_for_tuning_job",
            job_name=name,
            aws_conn_id=settings.connection,
            poke_interval=settings.poll_seconds,
            timeout=MAX_WAIT_SECONDS,
        )
        best = extract_best_model(name, data, config["code"])  # type: ignore[arg-type]
        wait >> best
    return best
