import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTuningOperator
from airflow.providers.amazon.aws.sensors.sagemaker import SageMakerTuningSensor
from airflow.sdk import DAG, AssetOrTimeSchedule

from dags.mnist_tuning import STUDY
from include.datasets.catalogue import DATASETS
from include.tuning.study import Range

ROOT = Path(__file__).resolve().parents[2]
TASKS = [
    "download_dataset",
    "convert_to_tfrecord",
    "upload_to_s3",
    "generate_tuning_config",
    "run_tuning_job",
    "wait_for_tuning_job",
    "extract_best_model",
    "crown_champion",
]
TEARDOWN = "stop_tuning_job"


@pytest.fixture(scope="module")
def dag() -> DAG:
    bag = DagBag(str(ROOT / "dags"))
    assert bag.import_errors == {}
    return bag.dags["mnist_tuning"]


def test_the_tasks_follow_each_other(dag: DAG) -> None:
    assert {task.task_id for task in dag.tasks} == {*TASKS, TEARDOWN}
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


def test_it_runs_weekly_or_when_there_is_new_data_one_run_at_a_time(dag: DAG) -> None:
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert isinstance(dag.schedule, AssetOrTimeSchedule)
    assert "0 3 * * 1" in str(dag.schedule.timetable)
    assert [asset.name for asset in dag.schedule.asset_condition.objects] == ["mnist_dataset"]
    assert dag.doc_md


def test_what_nobody_waits_for_is_stopped_by_a_teardown_which_no_mark_skips(dag: DAG) -> None:
    assert dag.get_task(TEARDOWN).is_teardown
    assert dag.get_task(TEARDOWN).upstream_task_ids == {"wait_for_tuning_job"}


def test_the_form_tunes_or_fixes_what_the_training_script_takes_within_its_bounds(dag: DAG) -> None:
    options = subprocess.run(
        [sys.executable, ROOT / "training" / "mnist.py", "--help"],
        env=os.environ | {"COLUMNS": "1000"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    bounds = {
        name: (float(low), float(high))
        for name, low, high in re.findall(r"--(\w+) <[^<]*?\(([\d.e+-]+) to ([\d.e+-]+);", " ".join(options.split()))
    }
    scripts = {*bounds, "optimizer"}
    known = {item.name: item for item in STUDY.hyperparameters}
    assert {*known, *STUDY.fixed} == scripts
    for name, item in known.items():
        if isinstance(item, Range):
            assert (item.least, item.most) == bounds[name], name
    for name in STUDY.fixed:
        schema = dag.params.get_param(name).schema
        assert (schema["minimum"], schema["maximum"]) == pytest.approx(bounds[name], rel=1e-5), name


def test_the_form_has_five_sections(dag: DAG) -> None:
    sections = [dag.params.get_param(name).schema["section"] for name in dag.params]
    assert list(dict.fromkeys(sections)) == ["Data", "Search space", "Search", "Training", "Afterwards"]


def test_every_task_knows_which_errors_are_worth_another_try(dag: DAG) -> None:
    assert all(task.retry_policy and task.retries for task in dag.tasks)
