"""The archive of `make mwaa` in an environment of MWAA's kind: Python 3.12, Airflow in place, no SageMaker SDK."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT, LocalService

pytestmark = pytest.mark.mwaa

CONF = {"dataset": "digits", "jobs": 2, "parallel_jobs": 2, "training_steps": 40, "evaluation_steps": 4}
LOOK = """
import json, sys
from airflow.plugins_manager import ensure_plugins_loaded, get_plugin_info
from airflow.dag_processing.dagbag import DagBag

ensure_plugins_loaded()
bag = DagBag(sys.argv[1])
import include, sagemaker_tuning
print(json.dumps({
    "python": sys.version_info[:2],
    "errors": bag.import_errors,
    "dags": list(bag.dags),
    "plugins": [plugin["name"] for plugin in get_plugin_info()],
    "imported": [name for name in ("training", "mnist", "settings", "sagemaker") if name in sys.modules],
    "homes": [include.__path__[0], sagemaker_tuning.__path__[0]],
}))
"""


@dataclass(frozen=True)
class Environment:
    """An interpreter with Airflow and the archive's requirements, and the folder that stands for /usr/local/airflow."""

    python: Path
    home: Path

    def run(self, *arguments: str, **variables: str) -> str:
        """All that `python <arguments>` prints, there and with nothing of this checkout on its path."""
        settings = {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.home / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(self.home / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        }
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TUNING_", "AIRFLOW"))
        }
        done = subprocess.run(
            [self.python, *arguments],
            env=kept | settings | variables,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make mwaa` leaves."""
    to = tmp_path_factory.mktemp("archive") / "mwaa"
    done = subprocess.run(
        [sys.executable, "-m", "sagemaker_tuning.mwaa", "--to", str(to)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return to


@pytest.fixture(scope="module")
def environment(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Airflow and the provider as this project pins them, then the archive's requirements on top, as MWAA does it."""
    python = ROOT / ".local" / "mwaa-environment" / "bin" / "python"
    if not python.exists():
        install("venv", "-q", "--clear", "--python", find_python(), str(python.parents[1]))
    wanted = ("apache-airflow==", "apache-airflow-providers-amazon==")
    pins = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line.startswith(wanted)]
    install("pip", "install", "-q", "--python", str(python), *pins)
    install("pip", "install", "-q", "--python", str(python), *pins, "-r", str(archive / "requirements.txt"))
    home = tmp_path_factory.mktemp("root") / "usr" / "local" / "airflow"
    shutil.copytree(archive / "dags", home / "dags")
    with zipfile.ZipFile(archive / "plugins.zip") as plugins:
        plugins.extractall(home / "plugins")
    return Environment(python, home)


def install(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "uv", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def find_python() -> str:
    """A Python 3.12: the variable PYTHON312, the one on the path, or one of pyenv's; skips where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    found = map(str, pyenv.glob("versions/3.12.*/bin/python"))
    for candidate in (os.environ.get("PYTHON312", ""), "python3.12", *found):
        if candidate and shutil.which(candidate):
            said = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
            if said.returncode == 0 and said.stdout.startswith("Python 3.12."):
                return candidate
    pytest.skip("no Python 3.12 here; name one: make test-mwaa PYTHON312=/path/to/python3.12")


def test_the_requirements_fit_airflow_and_leave_the_sdk_out(environment: Environment) -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "check", "--python", str(environment.python)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert listed.returncode == 0, listed.stderr
    assert environment.run("-m", "airflow", "version").splitlines()[-1] == "3.3.2"
    assert "No module named 'sagemaker'" in environment.run("-c", "import sagemaker")


def test_dag_and_plugin_load_from_the_archive_alone(environment: Environment) -> None:
    said = environment.run("-c", LOOK, str(environment.home / "dags"))
    seen = json.loads(said.splitlines()[-1])
    assert seen["python"] == [3, 12]
    assert seen["errors"] == {}
    assert seen["dags"] == ["mnist_tuning"]
    assert "sagemaker_tuning" in seen["plugins"]
    assert seen["imported"] == [], "Airflow imported as a plugin what only lies beside the plugins"
    assert all(home.startswith(str(environment.home / "plugins")) for home in seen["homes"])


def test_the_whole_dag_succeeds_there(environment: Environment, sagemaker_endpoint: LocalService) -> None:
    service = sagemaker_endpoint
    extra = {
        "endpoint_url": service.endpoint_url,
        "region_name": service.region,
        "sagemaker_execution_role": service.role_arn,
    }
    keys = {"conn_type": "aws", "login": service.access_key, "password": service.secret_key}
    service.client("s3").create_bucket(Bucket="mwaa-tests")
    variables = {
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(keys | {"extra": extra}),
        "TUNING_BUCKET": "mwaa-tests",
        "TUNING_STAGING_URL": "s3://aws_default@mwaa-tests/mnist-tuning/staging",
    }
    environment.run("-m", "airflow", "db", "migrate")
    said = environment.run("-m", "airflow", "dags", "test", "mnist_tuning", "--conf", json.dumps(CONF), **variables)
    assert re.search(r"state=.?success", said), said[-5000:]
    found = service.client("s3").list_objects_v2(Bucket="mwaa-tests", Prefix="mnist-tuning/best/")["Contents"]
    assert [item["Key"].rpartition("/")[2] for item in found] == ["best_model.json", "model.tar.gz"]
