"""One tuning request for every client that takes SageMaker's own JSON."""

import io
import tarfile
import uuid
from pathlib import Path
from typing import Any

import boto3

from tests.contract.conftest import Target


def upload_source(target: Target, folder: Path) -> str:
    """The s3:// address of a source archive of `folder`."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, arcname=path.name)
    key = f"contract/code/{uuid.uuid4().hex}/sourcedir.tar.gz"
    boto3.client("s3").put_object(Bucket=target.bucket, Key=key, Body=archive.getvalue())
    return f"s3://{target.bucket}/{key}"


def tuning_request(target: Target, folder: Path, kind: str) -> dict[str, Any]:
    """A CreateHyperParameterTuningJob of three trials, two at a time."""
    return {
        "HyperParameterTuningJobName": target.name(kind),
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "rate", "MinValue": "0", "MaxValue": "1"}]},
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": {
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": upload_source(target, folder),
            },
            "AlgorithmSpecification": {
                "TrainingImage": target.image,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss = ([0-9.]+)"}],
            },
            "RoleArn": target.role_arn,
            "InputDataConfig": [
                {
                    "ChannelName": "train",
                    "DataSource": {
                        "S3DataSource": {
                            "S3DataType": "S3Prefix",
                            "S3Uri": target.data,
                            "S3DataDistributionType": "FullyReplicated",
                        }
                    },
                }
            ],
            "OutputDataConfig": {"S3OutputPath": f"s3://{target.bucket}/contract/jobs"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        },
    }
