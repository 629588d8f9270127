"""The UI as a user meets it, in Debian's chromium: the form, the run, the links, and a closed door for strangers."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from include.tuning.naming import tuning_job_name
from tests.conftest import ROOT
from tests.e2e.conftest import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
PLAYWRIGHT = "playwright==1.65.2"
WALK = Path(__file__).parent / "browser" / "walk.py"


@pytest.fixture(scope="session")
def browser_python() -> Path:
    """The Python of an environment with Playwright, made once under .local."""
    if not shutil.which("chromium"):
        pytest.skip("no chromium here; apt-get install chromium")
    folder = ROOT / ".local" / "browser"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        uv = [sys.executable, "-m", "uv"]
        for command in (
            [*uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)],
            [*uv, "pip", "install", "-q", "--python", str(python), PLAYWRIGHT],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode:
                pytest.skip(f"{PLAYWRIGHT} can't be installed: {done.stderr.strip()[-300:]}")
        (folder / "ready").touch()
    return python


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots go: the folder that SCREENSHOTS names, else one that goes away."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_a_user_fills_the_form_watches_the_run_and_opens_the_best_model(
    stack: RunningStack, browser_python: Path, pictures: Path
) -> None:
    config = stack.stack.config
    command = [browser_python, WALK, config.airflow_url, config.password(), pictures]
    walk = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=900, check=False)
    assert walk.returncode == 0, walk.stderr
    seen: dict[str, Any] = json.loads(walk.stdout.splitlines()[-1])
    assert seen["trials"] == 2
    assert seen["model_bytes"] > 1_000_000
    assert "loss = " in seen["log"]
    # What was typed into the form is what SageMaker was asked for.
    job = stack.stack.client("sagemaker").describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=tuning_job_name("mnist_tuning", seen["run_id"])
    )
    asked, static = job["HyperParameterTuningJobConfig"], job["TrainingJobDefinition"]["StaticHyperParameters"]
    ranges = {item["Name"]: item["MinValue"] for item in asked["ParameterRanges"]["ContinuousParameterRanges"]}
    assert ranges == {"learning_rate": "0.02", "momentum": "0.5"}
    assert (asked["Strategy"], asked["ResourceLimits"]["MaxNumberOfTrainingJobs"]) == ("Random", 2)
    assert (static["training_steps"], static["evaluate_every"]) == ("40", "20")
    assert sorted(path.name for path in pictures.glob("form-*.png")) == [
        "form-afterwards.png",
        "form-data.png",
        "form-search-space.png",
        "form-search.png",
        "form-training.png",
    ]


@pytest.mark.parametrize("path", ["any-job", "any-job/log", "any-job/model"])
def test_a_stranger_sees_no_page(stack: RunningStack, path: str) -> None:
    page = f"{stack.stack.config.airflow_url}/sagemaker-tuning/mnist_tuning/{path}"
    assert requests.get(page, timeout=60).status_code == 401


def test_a_job_that_is_not_there_is_not_shown(stack: RunningStack) -> None:
    url, password = stack.stack.config.airflow_url, stack.stack.config.password()
    session = requests.Session()
    token = session.post(f"{url}/auth/token", json={"username": "admin", "password": password}, timeout=60)
    session.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
    missing = session.get(f"{url}/sagemaker-tuning/mnist_tuning/no-such-job", timeout=60)
    assert missing.status_code == 404
    assert missing.json()["detail"] == "DAG mnist_tuning has no tuning job no-such-job"
