"""The same job under AWS's own sagemaker-training toolkit and here: the script sees the same arguments and variables.

The toolkit is installed once, into an environment below .local/; where that can't be done, the test is skipped.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local_sagemaker.training.opt_ml import OptMl
from tests.conftest import ROOT, LocalService
from tests.local_sagemaker.conftest import IMAGE, TENSORFLOW_IMAGE, trained, training_request
from tests.local_sagemaker.test_training_jobs import model_file

pytestmark = pytest.mark.conformance

TOOLKIT = "sagemaker-training==5.1.4"
SCRIPT = """
import json, os, pathlib, sys
report = {
    "argv": sys.argv,
    "cwd": os.getcwd(),
    "env": {name: value for name, value in os.environ.items() if name.startswith("SM_")},
}
pathlib.Path(os.environ["SM_MODEL_DIR"], "report.json").write_text(json.dumps(report))
"""
# Of all kinds that clients send: JSON and bare strings, numbers, booleans, lists, objects, one letter, the tuner's.
HYPERPARAMETERS = {
    "rate": "0.05",
    "quoted-name": '"sgd"',
    "bare": "adam",
    "k": "3",
    "flag": "true",
    "Flag": "True",
    "sizes": "[1, 2]",
    "nested": '{"b": 1, "a": "x"}',
    "nothing": "null",
    "small": "1e-05",
    "spaces": "one two",
    "model_dir": '"s3://bucket/model"',
    "_tuning_objective_metric": "loss",
    "sagemaker_container_log_level": "20",
    "sagemaker_job_name": '"name"',
}
OF_THE_TOOLKIT_ALONE = {"SM_STUDIO_LOCAL_MODE"}


@pytest.fixture(scope="session")
def toolkit() -> Path:
    """The Python of an environment with the toolkit."""
    folder = ROOT / ".local" / "conformance" / TOOLKIT
    if not (folder / "ready").exists():
        uv = [sys.executable, "-m", "uv"]
        for command in (
            [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
            [*uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), TOOLKIT],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode != 0:
                pytest.skip(f"{TOOLKIT} can't be installed: {done.stderr.strip()[-300:]}")
        (folder / "ready").touch()
    return folder / "bin" / "python"


def under_the_toolkit(python: Path, service: LocalService, request: dict[str, Any], base: Path) -> dict[str, Any]:
    folders = OptMl(base)
    folders.create(request, "algo-1")
    shutil.rmtree(folders.code)
    (folders.data / "train").mkdir()
    toolkit_process = subprocess.run(
        [str(python), "-m", "sagemaker_training.cli.train"],
        env={
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "SAGEMAKER_BASE_DIR": str(base),
            "SM_STUDIO_LOCAL_MODE": "true",
            "S3_ENDPOINT_URL": service.endpoint_url,
            "AWS_ACCESS_KEY_ID": service.access_key,
            "AWS_SECRET_ACCESS_KEY": service.secret_key,
            "AWS_REGION": service.region,
            "AWS_DEFAULT_REGION": service.region,
            "TRAINING_JOB_NAME": request["TrainingJobName"],
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert toolkit_process.returncode == 0, toolkit_process.stderr
    return without_paths(json.loads((folders.model / "report.json").read_text()), base)


def without_paths(report: dict[str, Any], base: Path) -> dict[str, Any]:
    """The report with the container's own paths, and what is JSON read as such."""
    text = json.dumps(report).replace(str(base), "/opt/ml")
    told: dict[str, Any] = json.loads(text)
    for name, value in told["env"].items():
        if value.startswith(("{", "[")):
            told["env"][name] = json.loads(value)
    return told


@pytest.mark.parametrize("image", [IMAGE, TENSORFLOW_IMAGE], ids=["cold", "warm"])
def test_a_script_sees_what_the_toolkit_shows_it(
    toolkit: Path, service: LocalService, tmp_path: Path, image: str
) -> None:
    request = training_request(service, SCRIPT, image=image)
    request["HyperParameters"] |= HYPERPARAMETERS
    request["ResourceConfig"]["InstanceType"] = "ml.m5.24xlarge"  # as many CPUs as this machine, or more
    service.client("sagemaker").create_training_job(**request)
    job = trained(service, request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    folder = service.state / "training-jobs" / request["TrainingJobName"] / "algo-1" / "opt_ml"
    ours = without_paths(json.loads(model_file(service, job, "report.json")), folder)
    theirs = under_the_toolkit(toolkit, service, request, tmp_path.resolve() / "opt-ml")
    assert ours["argv"] == theirs["argv"]
    assert ours["cwd"] == theirs["cwd"]
    theirs["env"] = {name: value for name, value in theirs["env"].items() if name not in OF_THE_TOOLKIT_ALONE}
    assert ours["env"] == theirs["env"]
