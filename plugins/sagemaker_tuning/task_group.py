"""The tuning half of a DAG, the same for every model: request, job, wait, best model, champion."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, TaskGroup, XComArg, task

from include.settings import Settings
from include.tuning.study import Study
from sagemaker_tuning.links import BestModelLink
from sagemaker_tuning.operators import JOB_NAME, TuningJobOperator
from sagemaker_tuning.sensors import TuningJobSensor


def tune(study: Study, data: XComArg, settings: Settings, best: Asset, *, max_wait: timedelta | None = None) -> None:
    """Six tasks that tune `study` on `data`, the XCom of a task that returned the S3 prefixes of its channels.

    The DAG needs the Params of `sagemaker_tuning.params`: TUNING and search_space(study). A tuning job that takes
    longer than `max_wait`, or else than its trials may take one after another, is stopped. Whenever a best model beats
    the reigning one, `best` has an event.
    """

    @task(multiple_outputs=True)
    def generate_tuning_config(data: dict[str, Any]) -> dict[str, Any]:
        """Writes the request for the tuning job and checks it, before anything is spent."""
        from sagemaker_tuning import tuning_tasks

        return tuning_tasks.generate_tuning_config(study, data)

    @task
    def extract_best_model(tuning_job: str, data: dict[str, Any], plan: dict[str, Any]) -> dict[str, Any]:
        """Keeps the best model and the record of how it was found."""
        from sagemaker_tuning import tuning_tasks

        return tuning_tasks.extract_best_model(tuning_job, data, plan)

    @task(outlets=[best])
    def crown_champion(record: dict[str, Any], *, outlet_events: Any = None) -> dict[str, Any]:
        """Publishes the best model, unless the reigning one is better."""
        from sagemaker_tuning import tuning_tasks

        return tuning_tasks.crown_champion(record, best, outlet_events)

    @task(retries=5)
    def stop_tuning_job(*, ti: Any = None) -> None:
        """Stops the tuning job if it still goes on when nobody waits for it any more."""
        from sagemaker_tuning import tuning_tasks

        tasks = {
            tuning_tasks.DATA: source.task_id,
            tuning_tasks.REQUEST: config.operator.task_id,
            tuning_tasks.RECORD: record.operator.task_id,
            tuning_tasks.CHAMPION: champion.operator.task_id,
        }
        ids = list(tasks.values())
        states = ti.get_task_states(dag_id=ti.dag_id, task_ids=ids, run_ids=[ti.run_id]).get(ti.run_id, {})
        tuning_tasks.stop_tuning_job({role: states.get(task) for role, task in tasks.items()})

    source = next(operator for operator, _ in data.iter_references())
    with TaskGroup("tuning", prefix_group_id=False, tooltip="Finds the best model within a budget"):
        config: Any = generate_tuning_config(data)  # type: ignore[arg-type]
        job: Any = TuningJobOperator(
            task_id="run_tuning_job",
            config=config["request"],
            when_cleared=config["when_cleared"],
            aws_conn_id=settings.connection,
        )
        name = job.output[JOB_NAME]
        wait = TuningJobSensor(
            task_id="wait_for_tuning_job",
            job_name=name,
            accept_stopped=config["accept_stopped"],
            poke_interval=settings.poll_seconds,
            longest_wait=config["longest_wait"] if max_wait is None else max_wait.total_seconds(),
            aws_conn_id=settings.connection,
        )
        record: Any = extract_best_model(name, data, config["plan"])  # type: ignore[arg-type]
        record.operator.operator_extra_links = (BestModelLink(),)
        wait >> record
        champion: Any = crown_champion(record)
        # A run that is marked failed skips every task but a teardown.
        wait >> stop_tuning_job().as_teardown(on_failure_fail_dagrun=True)
