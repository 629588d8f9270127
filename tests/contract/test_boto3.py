"""boto3, its paginators and its validation, against SageMaker's contract."""

import time
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.contract.conftest import Target
from tests.contract.requests import tuning_request


def test_a_tuning_job_from_create_to_best(target: Target, source_dir: Path) -> None:
    client = boto3.client("sagemaker")
    request = tuning_request(target, source_dir, "boto3")
    name = request["HyperParameterTuningJobName"]
    arn = client.create_hyper_parameter_tuning_job(**request)["HyperParameterTuningJobArn"]
    deadline = time.monotonic() + target.patience
    while (job := client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name))[
        "HyperParameterTuningJobStatus"
    ] == "InProgress":
        assert time.monotonic() < deadline
        time.sleep(target.patience / 600)
    assert (job["HyperParameterTuningJobStatus"], job["HyperParameterTuningJobArn"]) == ("Completed", arn)
    pages = client.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    trials = [
        trial
        for page in pages.paginate(HyperParameterTuningJobName=name, PaginationConfig={"PageSize": 1})
        for trial in page["TrainingJobSummaries"]
    ]
    assert len(trials) == 3
    values = [trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for trial in trials]
    assert job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == min(values)
    assert name in {
        item["HyperParameterTuningJobName"]
        for page in client.get_paginator("list_hyper_parameter_tuning_jobs").paginate(NameContains=name)
        for item in page["HyperParameterTuningJobSummaries"]
    }


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        (
            "InstanceType",
            "ml.huge",
            "at 'trainingJobDefinition.resourceConfig.instanceType' failed to satisfy "
            "constraint: Member must satisfy enum value set: [",
        ),
        ("InstanceCount", -1, "Member must have value greater than or equal to 0"),
    ],
)
def test_what_the_model_forbids_is_refused_by_the_server(
    target: Target, source_dir: Path, member: str, value: object, message: str
) -> None:
    request = tuning_request(target, source_dir, "refused")
    request["TrainingJobDefinition"]["ResourceConfig"][member] = value
    client = boto3.client("sagemaker", config=boto3.session.Config(parameter_validation=False))
    with pytest.raises(ClientError) as refused:
        client.create_hyper_parameter_tuning_job(**request)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert message in refused.value.response["Error"]["Message"]
