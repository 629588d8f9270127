"""The AWS command line, in an environment of its own (it pins another botocore), against SageMaker's contract."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.contract.conftest import Target
from tests.contract.requests import tuning_request


def run(command: Path, *arguments: str) -> Any:
    argv = [str(command), *arguments, "--output", "json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout or "null")


def test_a_tuning_job_from_create_to_stop(target: Target, source_dir: Path, aws_cli: Path) -> None:
    request = tuning_request(target, source_dir, "cli")
    name = request["HyperParameterTuningJobName"]
    created = run(aws_cli, "sagemaker", "create-hyper-parameter-tuning-job", "--cli-input-json", json.dumps(request))
    assert created["HyperParameterTuningJobArn"].endswith(name)
    described = run(
        aws_cli, "sagemaker", "describe-hyper-parameter-tuning-job", "--hyper-parameter-tuning-job-name", name
    )
    assert described["HyperParameterTuningJobConfig"] == request["HyperParameterTuningJobConfig"]
    tags = run(aws_cli, "sagemaker", "list-tags", "--resource-arn", created["HyperParameterTuningJobArn"])
    assert tags == {"Tags": []}
    stop = [str(aws_cli), "sagemaker", "stop-hyper-parameter-tuning-job", "--hyper-parameter-tuning-job-name", name]
    stopped = subprocess.run(stop, capture_output=True, text=True, check=False)
    assert stopped.returncode == 0 or "is in status Completed" in stopped.stderr
    listed = run(aws_cli, "s3api", "list-objects-v2", "--bucket", target.bucket, "--prefix", "contract/data/")
    assert [item["Key"] for item in listed["Contents"]] == ["contract/data/part-0"]
