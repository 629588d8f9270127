"""The three data tasks in three processes that share nothing but a staging URL on S3."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """
import json, sys
from airflow.sdk import ObjectStoragePath
from include.datasets.catalogue import find_dataset
from include.datasets.convert import convert
from include.datasets.sources import download
from include.storage.s3_errors import s3_config
from include.storage.s3_layout import S3Layout
from include.storage.upload import upload_dataset

task, staging, given = sys.argv[1], ObjectStoragePath(sys.argv[2]), json.loads(sys.argv[3])
dataset = find_dataset("digits")
if task == "download":
    result = download(dataset, staging / "raw")
elif task == "convert":
    result = convert(ObjectStoragePath(given["uri"]), staging / "converted", dataset=dataset)
else:
    import boto3
    s3 = boto3.client("s3", endpoint_url=sys.argv[4], config=s3_config())
    converted = ObjectStoragePath(given["uri"])
    names = {"dataset": given["dataset"], "fingerprint": given["fingerprint"]}
    result = upload_dataset(s3, converted, S3Layout(sys.argv[5], "p"), **names)
print(json.dumps(result))
"""


@pytest.fixture
def environment(s3_endpoint: str, tmp_path: Path) -> dict[str, str]:
    connection = {
        "conn_type": "aws",
        "login": "test",
        "password": "test",
        "extra": {"endpoint_url": s3_endpoint, "region_name": "us-east-1"},
    }
    return os.environ | {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PYTHONPATH": str(ROOT),
    }


def test_download_convert_and_upload_on_three_workers(
    s3: Any, s3_endpoint: str, bucket: str, environment: dict[str, str], tmp_path: Path
) -> None:
    def run(task: str, given: dict[str, Any]) -> dict[str, Any]:
        worker = tmp_path / task
        worker.mkdir()
        staging = f"s3://aws_default@{bucket}/staging/run-1"
        process = subprocess.run(
            [sys.executable, "-c", PROGRAM, task, staging, json.dumps(given), s3_endpoint, bucket],
            env=environment | {"AIRFLOW_HOME": str(worker / "airflow")},
            cwd=worker,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert process.returncode == 0, process.stderr
        return dict(json.loads(process.stdout.splitlines()[-1]))

    downloaded = run("download", {})
    assert downloaded["uri"] == f"s3://aws_default@{bucket}/staging/run-1/raw"
    converted = run("convert", downloaded)
    uploaded = run("upload", converted)
    assert uploaded["examples"] == {"train": 1293, "validation": 144, "test": 360}
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"p/data/digits/{converted['fingerprint']}/")["Contents"]
    assert len(listed) == 13
