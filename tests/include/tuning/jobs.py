"""Real tuning jobs for tests: the project's own request on the local SageMaker, with a script of a few lines."""

import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from include.storage.buckets import ensure_bucket
from include.storage.objects import upload_file_once
from include.storage.s3_layout import S3Layout
from include.tuning import request, source_code
from include.tuning.study import Choice, Objective, Range, Study
from tests.conftest import LocalService

NUMBER = r"([0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?)"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-training:2.19-cpu-py312"
STUDY = Study(
    code="training",
    entry_point="mnist.py",
    framework="tensorflow",
    framework_version="2.19",
    objective=Objective(metric="loss", pattern=rf"\bloss = {NUMBER}", direction="Minimize"),
    watched={"accuracy": rf"\baccuracy = {NUMBER}"},
    hyperparameters=(
        Range("learning_rate", "continuous", value=0.05, low=0.01, high=0.2, least=0, most=10),
        Range("batch_size", "integer", value=100, low=32, high=256, least=1, most=65536),
        Choice("optimizer", value="sgd", values=("sgd", "adam")),
    ),
    tuned=("learning_rate",),
    fixed=("training_steps", "evaluation_steps", "evaluate_every", "seed"),
    emissions=("training_steps", "evaluate_every"),
    shared="batch_size",
)
PARAMS: dict[str, Any] = {
    "strategy": "Random",
    "jobs": 3,
    "parallel_jobs": 3,
    "early_stopping": False,
    "seed": 0,
    "warm_start": "off",
    "budget_usd": None,
    "force": False,
    "tune": ["learning_rate"],
    "learning_rate": 0.05,
    "learning_rate_min": 0.01,
    "learning_rate_max": 0.2,
    "batch_size": 100,
    "batch_size_min": 32,
    "batch_size_max": 256,
    "optimizer": "sgd",
    "optimizer_values": ["sgd", "adam"],
    "training_steps": 10,
    "evaluation_steps": 1,
    "evaluate_every": 5,
    "instance_type": "ml.m5.xlarge",
    "instance_count": 1,
    "max_runtime_minutes": 60,
    "spot": False,
    "spot_wait_minutes": 60,
    "tags": {},
    "accept_stopped": False,
    "when_cleared": "reuse",
    "bucket": "",
    "prefix": "",
    "role": "",
}
LAYOUT = S3Layout("tuning-tests", "prefix")
DATA = {
    "dataset": "tiny",
    "fingerprint": "abc",
    "train": LAYOUT.uri(LAYOUT.split("tiny", "abc", "train")) + "/",
    "validation": LAYOUT.uri(LAYOUT.split("tiny", "abc", "validation")) + "/",
}
LEARNS = """
import os, pathlib, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
print(f"accuracy = {1 - float(given['--learning_rate'])}")
print(f"loss = {given['--learning_rate']}")
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(given["--learning_rate"])
"""
SILENT = "print('no metric here')"
CRASHES = "raise SystemExit('the kernel melted')"


def tuning_request(service: LocalService, script: str, folder: Path, **params: Any) -> dict[str, Any]:
    """A checked request of a fresh name, its data and code uploaded."""
    study = replace(STUDY, code=str(folder))
    (folder / study.entry_point).write_text(script)
    s3 = service.client("s3")
    ensure_bucket(s3, LAYOUT.bucket, service.region)
    for channel in ("train", "validation"):
        s3.put_object(Bucket=LAYOUT.bucket, Key=LAYOUT.split("tiny", "abc", channel) + "/part-0", Body=b"data")
    code = source_code.pack(folder, study.entry_point)
    upload_file_once(s3, code.archive, LAYOUT.bucket, LAYOUT.code(code.sha256))
    wanted = PARAMS | params
    built = request.build(
        f"test-{uuid.uuid4().hex[:12]}",
        study,
        wanted,
        image=IMAGE,
        account=request.Account(service.region, service.role_arn),
        places=request.Locations(
            DATA["train"],
            DATA["validation"],
            LAYOUT.uri(LAYOUT.code(code.sha256)),
            LAYOUT.uri(LAYOUT.jobs("tune")),
            LAYOUT.uri(LAYOUT.checkpoints("tune")),
        ),
        tags={"airflow-run": "a test"},
    )
    request.validate(built)
    return built


def finished_job(service: LocalService, script: str, folder: Path, **params: Any) -> str:
    """The name of a tuning job that ran to its end."""
    built = tuning_request(service, script, folder, **params)
    sagemaker = service.client("sagemaker")
    sagemaker.create_hyper_parameter_tuning_job(**built)
    name: str = built["HyperParameterTuningJobName"]
    deadline = time.monotonic() + 90
    while True:
        job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        if job["HyperParameterTuningJobStatus"] not in ("InProgress", "Stopping"):
            return name
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
