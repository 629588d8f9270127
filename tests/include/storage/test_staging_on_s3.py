"""The DAG's three data tasks in processes that share nothing but a staging URL on S3, also when they are killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
TASKS = ("download_dataset", "convert_to_tfrecord", "upload_to_s3")

# What Airflow's task runner does for these bodies: a context, a call, its result as JSON.
PROGRAM = """
import json, sys
from datetime import UTC, datetime
from types import SimpleNamespace
from airflow.sdk.execution_time.context import set_current_context
from dags.mnist_tuning import PARAMS, STUDY
from sagemaker_tuning import data_tasks

task, given, params = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
params = {name: param.value for name, param in PARAMS.items()} | params
run = SimpleNamespace(dag_id="mnist_tuning", run_id="manual__1", run_after=datetime.now(UTC))
with set_current_context({"dag_run": run, "dag": SimpleNamespace(params=PARAMS), "params": params}):
    print(json.dumps(getattr(data_tasks, task)(given or STUDY)))
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(faulty_s3: Any, bucket: str, tmp_path: Path) -> Start:
    """start(task, given) begins a task in a process with an empty home and folder of its own; S3 is the faulty one."""
    extra = {"endpoint_url": faulty_s3.url, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}
    settings = {
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        "TUNING_STAGING_URL": f"s3://aws_default@{bucket}/staging",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
    }
    params = json.dumps({"dataset": "digits", "bucket": bucket, "prefix": "p"})

    def begin(task: str, given: dict[str, Any]) -> "subprocess.Popen[str]":
        worker = tmp_path / f"{task}-{len(list(tmp_path.iterdir()))}"
        worker.mkdir()
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, task, json.dumps(given), params],
            env=os.environ | settings | {"AIRFLOW_HOME": str(worker / "airflow")},
            cwd=worker,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


def result_of(process: "subprocess.Popen[str]") -> dict[str, Any]:
    output, errors = process.communicate(timeout=180)
    assert process.returncode == 0, errors
    return dict(json.loads(output.splitlines()[-1]))


def objects(s3: Any, bucket: str, prefix: str) -> dict[str, str]:
    """ETags by key, relative to the prefix."""
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return {entry["Key"].removeprefix(prefix): entry["ETag"] for entry in listed}


def test_download_convert_and_upload_on_three_workers(s3: Any, bucket: str, start: Start) -> None:
    given: dict[str, Any] = {}
    for task in TASKS:
        given = result_of(start(task, given))
    assert given["examples"] == {"train": 1293, "validation": 144, "test": 360}
    home = f"p/data/digits/{given['fingerprint']}/"
    assert (given["train"], given["uploaded_files"]) == (f"s3://{bucket}/{home}train/", 13)
    assert len(objects(s3, bucket, home)) == 13
    assert any(key.endswith("/raw/train-images-idx3-ubyte") for key in objects(s3, bucket, "staging/mnist_tuning/"))


@pytest.mark.slow
def test_each_task_killed_in_the_middle_goes_on_at_its_next_try(
    s3: Any, bucket: str, start: Start, faulty_s3: Any
) -> None:
    given: dict[str, Any] = {}
    # The write at which each task dies: its third file of four, its eighth shard of twelve, its sixth upload.
    for task, inside, nth in zip(TASKS, ("/raw/", "/tfrecord/", "/p/data/"), (3, 8, 6), strict=True):
        process = start(task, given)
        kill_at_write(faulty_s3, process, inside, nth)
        process.communicate(timeout=180)
        assert process.returncode == -signal.SIGKILL
        assert not [key for key in objects(s3, bucket, "p/data/") if key.endswith("manifest.json")]
        faulty_s3.fails = lambda method, path: False
        given = result_of(start(task, given))
    assert 7 <= given["uploaded_files"] < 13  # up to four at a time were on their way when it died
    home = f"p/data/digits/{given['fingerprint']}/"
    manifest = json.loads(s3.get_object(Bucket=bucket, Key=f"{home}manifest.json")["Body"].read())
    shards = {f"{name}/{shard['name']}": shard for name, part in manifest["splits"].items() for shard in part["shards"]}
    assert set(objects(s3, bucket, home)) == {*shards, "manifest.json"}
    for key, shard in shards.items():
        head = s3.head_object(Bucket=bucket, Key=home + key)
        assert (head["ContentLength"], head["Metadata"]["sha256"]) == (shard["bytes"], shard["sha256"])


def kill_at_write(faulty_s3: Any, process: "subprocess.Popen[str]", inside: str, nth: int) -> None:
    """SIGKILL for the process when its nth write under `inside` reaches S3, which then does not take it."""
    seen = 0

    def look(method: str, path: str) -> bool:
        nonlocal seen
        seen += method in ("PUT", "POST") and inside in path
        if seen >= nth:
            process.kill()
        return seen >= nth

    faulty_s3.fails = look
