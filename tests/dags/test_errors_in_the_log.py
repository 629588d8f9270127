"""What a user sees in the log of a task: a real Airflow runs it, on a database of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs an airflow command and returns all that it printed."""
    home = tmp_path_factory.mktemp("airflow")
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "PYTHONPATH": str(ROOT),
    }

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "airflow", *arguments]
        done = subprocess.run(
            command, env=os.environ | settings, capture_output=True, text=True, check=False, timeout=180
        )
        return done.stdout + done.stderr

    run("db", "migrate")
    return run


def test_params_that_contradict_each_other_are_one_line_without_a_traceback_and_no_retry(
    airflow: Callable[..., str],
) -> None:
    conf = '{"dataset": "digits", "jobs": 2, "parallel_jobs": 4, "learning_rate_min": 0.5, "jobz": 1}'
    output = airflow("dags", "test", "mnist_tuning", "--conf", conf)
    line = (
        "3 faults in the Params: the DAG has no Param 'jobz'; the nearest is jobs; learning_rate_min (0.5) is "
        "above learning_rate_max (0.2); give a minimum below the "
        "maximum; parallel_jobs (4) is above jobs (2); give at most as many as there are jobs"
    )
    assert output.count(line) == 1
    assert "Traceback" not in output
    assert "another try would fail the same way" in output
    assert "starting task_id=convert_to_tfrecord" not in output
