"""AWS's own sagemaker-training toolkit, in an environment of its own, as the reference of how a script is run."""

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

TOOLKIT = "sagemaker-training==5.1.4"
# Says what the script was given, in the folder that becomes the model.
REPORT = """
import json, os, pathlib, sys
report = {
    "argv": sys.argv,
    "cwd": os.getcwd(),
    "env": {name: value for name, value in os.environ.items() if name.startswith("SM_")},
}
pathlib.Path(os.environ["SM_MODEL_DIR"], "report.json").write_text(json.dumps(report))
"""
OF_THE_TOOLKIT_ALONE = {"SM_STUDIO_LOCAL_MODE"}


def toolkit_python(*packages: str) -> Path:
    """The Python of an environment with the toolkit and `packages`, in the versions that this project has of each.

    It is made once, below .local/; where that can't be done, the test is skipped.
    """
    folder = ROOT / ".local" / "conformance" / "+".join((TOOLKIT, *packages))
    if not (folder / "ready").exists():
        uv, python = [sys.executable, "-m", "uv"], str(folder / "bin" / "python")
        constraints = ["--constraints", str(ROOT / "requirements.txt")]
        for command in (
            [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
            [*uv, "pip", "install", "--quiet", "--python", python, *constraints, TOOLKIT, *packages],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
            if done.returncode != 0:
                pytest.skip(f"{TOOLKIT} can't be installed: {done.stderr.strip()[-300:]}")
        (folder / "ready").touch()
    return folder / "bin" / "python"


def run_under_the_toolkit(
    python: Path, service: LocalService, request: dict[str, Any], base: Path, data: Path | None = None
) -> OptMl:
    """Run a job's request below `base`, with the channels of `data` or empty ones: the folders that it leaves."""
    folders = OptMl(base)
    folders.create(request, "algo-1")
    shutil.rmtree(folders.code)
    for channel in request["InputDataConfig"]:
        name = channel["ChannelName"]
        if data:
            shutil.copytree(data / name, folders.data / name)
        else:
            (folders.data / name).mkdir()
    done = subprocess.run(
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
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folders


def report_of(text: str | bytes, base: Path) -> dict[str, Any]:
    """A report with the container's own paths, and what is JSON read as such."""
    report = text if isinstance(text, str) else text.decode()
    told: dict[str, Any] = json.loads(report.replace(str(base), "/opt/ml"))
    told["env"] = {
        name: json.loads(value) if value.startswith(("{", "[")) else value
        for name, value in told["env"].items()
        if name not in OF_THE_TOOLKIT_ALONE
    }
    return told
