"""Parsing the DAG costs no more imports than a DAG of the provider's own operators, and no network."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"tensorflow", "numpy", "boto3", "botocore", "sagemaker", "requests", "sklearn", "optuna", "pandas", "s3fs"}
STOCK_DAG = """
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTuningOperator
from airflow.providers.amazon.aws.sensors.sagemaker import SageMakerTuningSensor
from airflow.sdk import DAG, task

with DAG("stock", schedule=None):
    SageMakerTuningOperator(task_id="run", config={})
    SageMakerTuningSensor(task_id="wait", job_name="job")
"""
PARSE = """
import json, socket, sys

def refuse(*_, **__):
    raise AssertionError("parsing touched the network")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse
from airflow.plugins_manager import ensure_plugins_loaded
from airflow.dag_processing.dagbag import DagBag

ensure_plugins_loaded()
bag = DagBag(sys.argv[1])
print(json.dumps({"errors": bag.import_errors, "dags": list(bag.dags), "modules": sorted(sys.modules)}))
"""


def parse(dags: Path, home: Path, plugins: Path) -> dict[str, Any]:
    """Parses a folder in a fresh interpreter: what went wrong, the DAGs, and every module that was imported."""
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", PARSE, str(dags)],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A DAG with the provider's tuning operator and sensor, and no plugins."""
    home = tmp_path_factory.mktemp("stock")
    (home / "dags").mkdir()
    (home / "plugins").mkdir()
    (home / "dags" / "stock.py").write_text(STOCK_DAG)
    return parse(home / "dags", home, home / "plugins")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The project's DAGs and plugins."""
    return parse(ROOT / "dags", tmp_path_factory.mktemp("ours"), ROOT / "plugins")


def test_the_dag_parses_without_a_network(ours: dict[str, Any]) -> None:
    assert ours["errors"] == {}
    assert "mnist_tuning" in ours["dags"]


def test_parsing_imports_nothing_heavy_that_airflow_does_not(ours: dict[str, Any], stock: dict[str, Any]) -> None:
    assert stock["dags"] == ["stock"]
    more = {name.partition(".")[0] for name in set(ours["modules"]) - set(stock["modules"])}
    assert more & HEAVY == set()
    assert not {"tensorflow", "numpy", "sagemaker"} & set(ours["modules"])


def test_parsing_imports_of_its_own_only_the_projects_modules_and_airflow(
    ours: dict[str, Any], stock: dict[str, Any]
) -> None:
    more = {name.partition(".")[0] for name in set(ours["modules"]) - set(stock["modules"])}
    dag_files = {name for name in more if name.startswith("unusual_prefix_")}  # as Airflow calls the module of a DAG
    assert more - dag_files - set(sys.stdlib_module_names) <= {
        "airflow",
        "include",
        "sagemaker_tuning",
        "tuning_plugin",
    }
