"""The same job under AWS's own sagemaker-training toolkit and here: a script sees the same arguments and variables."""

from pathlib import Path

import pytest

from tests.conftest import LocalService
from tests.local_sagemaker.conftest import IMAGE, TENSORFLOW_IMAGE, trained, training_request
from tests.local_sagemaker.test_training_jobs import model_file
from tests.local_sagemaker.toolkit import REPORT, report_of, run_under_the_toolkit, toolkit_python

pytestmark = pytest.mark.conformance

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


@pytest.mark.parametrize("image", [IMAGE, TENSORFLOW_IMAGE], ids=["cold", "warm"])
def test_a_script_sees_what_the_toolkit_shows_it(service: LocalService, tmp_path: Path, image: str) -> None:
    request = training_request(service, REPORT, image=image)
    request["HyperParameters"] |= HYPERPARAMETERS
    request["ResourceConfig"]["InstanceType"] = "ml.m5.24xlarge"  # as many CPUs as this machine, or more
    service.client("sagemaker").create_training_job(**request)
    job = trained(service, request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    folder = service.state / "training-jobs" / request["TrainingJobName"] / "algo-1" / "opt_ml"
    ours = report_of(model_file(service, job, "report.json"), folder)
    base = tmp_path.resolve() / "opt-ml"
    theirs = run_under_the_toolkit(toolkit_python(), service, request, base)
    assert ours == report_of((theirs.model / "report.json").read_text(), base)
