"""What a CreateTrainingJob must name, and that nothing of it is taken without being done."""

import pytest
from botocore.exceptions import ClientError

from tests.conftest import LocalService
from tests.local_sagemaker.conftest import BUCKET, training_request

HOOK = {"S3OutputPath": f"s3://{BUCKET}/debug"}
FILES = {"FileSystemId": "fs-01234567890", "FileSystemAccessMode": "ro", "FileSystemType": "EFS", "DirectoryPath": "/"}


def refusal(service: LocalService, request: dict) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        service.client("sagemaker").create_training_job(**request)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("DebugHookConfig", HOOK),
        ("TensorBoardOutputConfig", HOOK),
        ("ProfilerConfig", HOOK),
        ("ExperimentConfig", {"ExperimentName": "one"}),
        ("InfraCheckConfig", {"EnableInfraCheck": True}),
        ("RemoteDebugConfig", {"EnableRemoteDebug": True}),
    ],
)
def test_what_is_not_done_is_refused_by_name(service: LocalService, member: str, value: dict) -> None:
    request = training_request(service, "") | {member: value}
    code, message = refusal(service, request)
    assert code == "UnsupportedOperationException"
    assert f"CreateTrainingJob.{member}" in message


def test_a_second_data_source_is_refused(service: LocalService) -> None:
    request = training_request(service, "")
    request["InputDataConfig"][0]["DataSource"]["FileSystemDataSource"] = FILES
    assert "FileSystemDataSource is not supported" in refusal(service, request)[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 0, "VolumeSizeInGB": 1}}, "Value '0' at"),
        ({"ResourceConfig": {"InstanceCount": 1, "VolumeSizeInGB": 1}}, "needs an InstanceType"),
        ({"AlgorithmSpecification": {"TrainingInputMode": "File"}}, "needs a TrainingImage"),
    ],
)
def test_a_job_must_say_what_runs_and_where(service: LocalService, changes: dict, message: str) -> None:
    code, said = refusal(service, training_request(service, "") | changes)
    assert (code, message in said) == ("ValidationException", True), said


def test_an_algorithm_of_the_marketplace_is_refused(service: LocalService) -> None:
    algorithm = {"AlgorithmName": "someones-algorithm", "TrainingInputMode": "File"}
    request = training_request(service, "") | {"AlgorithmSpecification": algorithm}
    assert "AlgorithmSpecification.AlgorithmName is not supported" in refusal(service, request)[1]
