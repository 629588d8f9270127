import itertools
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTuningOperator
from airflow.providers.amazon.aws.sensors.sagemaker import SageMakerTuningSensor
from airflow.sdk import DAG

from include.datasets.catalogue import DATASETS

ROOT = Path(__file__).resolve().parents[2]
TASKS = [
    "download_dataset",
    "convert_to_tfrecord",
    "upload_to_s3",
    "generate_tuning_config",
    "run_tuning_job",
    "wait_for_tuning_job",
    "extract_best_model",
]


@pytest.fixture(scope="module")
def dag() -> DAG:
    bag = DagBag(str(ROOT / "dags"))
    assert bag.import_errors == {}
    return bag.dags["mnist_tuning"]


def test_the_tasks_follow_each_other(dag: DAG) -> None:
    assert {task.task_id for task in dag.tasks} == set(TASKS)
    for before, after in itertools.pairwise(TASKS):
        assert after in {task.task_id for task in dag.get_task(before).get_flat_relatives(upstream=False)}


def test_the_job_is_run_by_the_providers_operator_and_watched_by_its_sensor(dag: DAG) -> None:
    assert isinstance(dag.get_task("run_tuning_job"), SageMakerTuningOperator)
    assert isinstance(dag.get_task("wait_for_tuning_job"), SageMakerTuningSensor)


def test_the_defaults_are_those_of_the_tutorial(dag: DAG) -> None:
    params = dag.params.dump()
    assert params["dataset"] == "mnist"
    assert (params["jobs"], params["parallel_jobs"], params["instance_count"]) == (9, 3, 1)
    assert (params["learning_rate_min"], params["learning_rate_max"]) == (0.01, 0.2)
    assert (params["training_steps"], params["evaluation_steps"]) == (1000, 100)
    assert DATASETS["mnist"].validation == 5000


def test_the_form_offers_every_dataset_of_the_catalogue(dag: DAG) -> None:
    schema = dag.params.get_param("dataset").schema
    assert set(schema["enum"]) == set(DATASETS)
    assert set(schema["values_display"]) == set(DATASETS)


def test_every_param_has_a_title_a_help_a_section_and_a_valid_default(dag: DAG) -> None:
    for name in dag.params:
        param = dag.params.get_param(name)
        assert param.description, name
        assert {"title", "section", "type"} <= set(param.schema), name
        param.resolve()


def test_it_runs_on_demand_one_run_at_a_time(dag: DAG) -> None:
    assert (dag.catchup, dag.max_active_runs, dag.schedule) == (False, 1, None)
    assert dag.doc_md


def test_every_task_knows_which_errors_are_worth_another_try(dag: DAG) -> None:
    assert all(task.retry_policy and task.retries for task in dag.tasks)
