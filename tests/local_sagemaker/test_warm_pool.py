"""The warm interpreter runs a script as a cold one does: same arguments, variables, exit codes, signals and numbers."""

import json

import pytest

from local_sagemaker.training.warm_pool import fits
from tests.conftest import LocalService
from tests.local_sagemaker.conftest import TENSORFLOW_IMAGE, log_of, trained, training_request, wait_until
from tests.local_sagemaker.test_training_jobs import model_file

# A variable that counts before TensorFlow is imported, so that the job starts cold.
COLD = {"TF_CPP_MIN_LOG_LEVEL": "2"}
SCRIPT = """
import json, os, pathlib, subprocess, sys
import tensorflow as tf
tf.keras.utils.set_random_seed(5)
model = tf.keras.Sequential([tf.keras.layers.Input((4,)), tf.keras.layers.Dense(3)])
value = float(tf.reduce_sum(model(tf.ones((2, 4)))))
report = {
    "value": value, "argv": sys.argv, "name": __name__, "file": os.path.basename(__file__),
    "cwd": os.getcwd() == sys.path[0],
    "env": sorted(name for name in os.environ if name.startswith(("SM_", "TRAINING", "AWS_"))),
    "session": os.getsid(0) == os.getpid(),
    "child": subprocess.run([sys.executable, "-c", "raise SystemExit(3)"]).returncode,
}
pathlib.Path(os.environ["SM_MODEL_DIR"], "report.json").write_text(json.dumps(report))
print("loss = 1")
"""


def run(service: LocalService, script: str, environment: dict[str, str]) -> dict:
    request = training_request(service, script, image=TENSORFLOW_IMAGE, Environment=environment)
    service.client("sagemaker").create_training_job(**request)
    return trained(service, request["TrainingJobName"])


def test_warm_and_cold_jobs_see_the_same(service: LocalService) -> None:
    reports = []
    for environment in ({}, COLD):
        job = run(service, SCRIPT, environment)
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        reports.append(json.loads(model_file(service, job, "report.json")))
    assert reports[0] == reports[1]
    assert reports[0]["cwd"]
    assert reports[0]["child"] == 3
    assert (service.state / "warm-pool.log").exists()


@pytest.mark.parametrize(
    ("ending", "code"), [("raise ValueError('wrong')", 1), ("raise SystemExit(7)", 7), ("import os; os.abort()", -6)]
)
def test_a_warm_job_that_fails_tells_its_code(service: LocalService, ending: str, code: int) -> None:
    job = run(service, f"print('begun', flush=True)\n{ending}", {})
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].endswith(f"exit code: {code}")
    assert log_of(service, job["TrainingJobName"])[0] == "begun"


def test_a_warm_job_stops_on_sigterm(service: LocalService) -> None:
    script = "import time; print('begun', flush=True); time.sleep(60)"
    request = training_request(service, script, image=TENSORFLOW_IMAGE)
    client, name = service.client("sagemaker"), request["TrainingJobName"]
    client.create_training_job(**request)
    wait_until(lambda: client.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Training")
    client.stop_training_job(TrainingJobName=name)
    assert trained(service, name)["TrainingJobStatus"] == "Stopped"


def test_what_a_warm_start_would_change_starts_cold(tmp_path) -> None:
    assert fits(TENSORFLOW_IMAGE, {"MY_SETTING": "1"}, tmp_path)
    assert not fits(TENSORFLOW_IMAGE, {"TF_DETERMINISTIC_OPS": "1"}, tmp_path)
    assert not fits("123.dkr.ecr.us-east-1.amazonaws.com/xgboost:1", {}, tmp_path)
    (tmp_path / "requirements.txt").touch()
    assert not fits(TENSORFLOW_IMAGE, {}, tmp_path)
