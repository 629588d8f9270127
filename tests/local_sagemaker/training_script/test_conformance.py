"""training/mnist.py under AWS's own sagemaker-training toolkit, as a plain process and in the warm pool: one result."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LocalService
from tests.local_sagemaker.conftest import IMAGE, TENSORFLOW_IMAGE
from tests.local_sagemaker.test_training_jobs import model_file
from tests.local_sagemaker.toolkit import REPORT, report_of, run_under_the_toolkit, toolkit_python
from tests.local_sagemaker.training_script.jobs import mnist_request, run

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

REPORT_AND_TRAIN = (
    REPORT
    + """
import runpy
runpy.run_path(str(pathlib.Path(__file__).with_name("mnist.py")), run_name="__main__")
"""
)
SETTINGS = {"optimizer": '"nesterov"', "training_steps": 30, "evaluate_every": 20, "model_dir": '"s3://b/model"'}


def test_it_is_given_the_same_and_ends_with_the_same_loss(
    service: LocalService, digits: Path, digits_in_s3: str, tmp_path: Path
) -> None:
    reports: dict[str, dict[str, Any]] = {}
    metrics: dict[str, dict[str, Any]] = {}
    for way, image in (("plain process", IMAGE), ("warm pool", TENSORFLOW_IMAGE)):
        request = mnist_request(service, digits_in_s3, SETTINGS, image=image, first=REPORT_AND_TRAIN)
        request["ResourceConfig"]["InstanceType"] = "ml.m5.24xlarge"  # as many CPUs as this machine, or more
        job = run(service, request)
        folder = service.state / "training-jobs" / request["TrainingJobName"] / "algo-1" / "opt_ml"
        reports[way] = report_of(model_file(service, job, "report.json"), folder)
        metrics[way] = job["metrics"]
        base = tmp_path.resolve() / way.replace(" ", "-")
        theirs = run_under_the_toolkit(toolkit_python("tensorflow"), service, request, base, digits)
        assert reports[way] == report_of((theirs.model / "report.json").read_text(), base)
        assert metrics[way] == json.loads((theirs.model / "metrics.json").read_text())
    assert metrics["plain process"] == metrics["warm pool"]
    assert metrics["warm pool"]["hyperparameters"]["optimizer"] == "nesterov"
    assert metrics["warm pool"]["step"] == 30
    print(metrics["warm pool"]["validation"])
