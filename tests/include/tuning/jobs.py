"""Real tuning jobs for tests: the project's own request on the local SageMaker, with a script of a few lines."""

import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from include.storage.buckets import ensure_bucket
from include.storage.s3_layout import S3Layout
from include.storage.upload import upload_file_once
from include.tuning import request, source_code
from include.tuning.study import Objective, Range, Study
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
    ranges=(Range("learning_rate", "continuous"),),
    fixed=("training_steps", "evaluation_steps", "seed"),
)
PARAMS: dict[str, Any] = {
    "jobs": 3,
    "parallel_jobs": 3,
    "learning_rate_min": 0.01,
    "learning_rate_max": 0.2,
    "training_steps": 10,
    "evaluation_steps": 1,
    "seed": 0,
    "bucket": "",
    "prefix": "",
    "role": "",
}
LAYOUT = S3Layout("tuning-tests", "prefix")
DATA = {"train": LAYOUT.uri("data/train/"), "validation": LAYOUT.uri("data/validation/"), "fingerprint": "abc"}
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
        s3.put_object(Bucket=LAYOUT.bucket, Key=f"data/{channel}/part-0", Body=b"data")
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
            DATA["train"], DATA["validation"], LAYOUT.uri(LAYOUT.code(code.sha256)), LAYOUT.uri(LAYOUT.jobs("tune"))
        ),
        limits=request.Limits(wanted["jobs"], wanted["parallel_jobs"], "ml.m5.xlarge"),
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
