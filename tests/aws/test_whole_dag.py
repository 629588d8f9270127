"""A real Airflow runs the whole DAG, training included, with the policies alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.aws.conftest import Account
from tests.conftest import ROOT

CONF = {"dataset": "digits", "jobs": 2, "parallel_jobs": 2, "training_steps": 40, "evaluation_steps": 4, "spot": True}


@pytest.mark.slow
@pytest.mark.e2e
def test_the_whole_dag_succeeds_with_the_policies_alone(account: Account, tmp_path: Path) -> None:
    bucket, prefix = account.deployment.bucket, account.deployment.prefix
    settings = {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW_CONN_AWS_DEFAULT": account.connection,
        "TUNING_BUCKET": bucket,
        "TUNING_STAGING_URL": f"s3://aws_default@{bucket}/{prefix}/staging",
        "PYTHONPATH": str(ROOT),
    }

    def airflow(*arguments: str) -> str:
        command = [sys.executable, "-m", "airflow", *arguments]
        done = subprocess.run(
            command, env=os.environ | settings, capture_output=True, text=True, check=False, timeout=400
        )
        return done.stdout + done.stderr

    airflow("db", "migrate")
    output = airflow("dags", "test", "mnist_tuning", "--conf", json.dumps(CONF))
    assert "state=success" in output, output[-5000:]
    assert "AccessDenied" not in output
    champions = account.owner.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/champions/mnist_tuning/")
    assert [item["Key"].rpartition("/")[2] for item in champions["Contents"]] == ["champion.json", "last_success.json"]
