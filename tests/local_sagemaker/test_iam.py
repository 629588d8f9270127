"""With --check-iam, callers and execution roles may what their policies allow, and are told what they lack."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import LocalService, running_service
from tests.local_sagemaker.conftest import BUCKET, log_of, trained, training_request, tuned, tuning_request

ACCOUNT = "arn:aws:sagemaker:us-east-1:000000000000"
WHO_AM_I = """
import boto3, os
assert os.environ["AWS_SESSION_TOKEN"]
print(boto3.client("sts").get_caller_identity()["Arn"])
"""
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with running_service(tmp_path_factory.mktemp("checked"), "--check-iam") as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="data/train/part-0", Body=b"zero")
        allow_role(running, EVERYTHING)
        yield running


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow_role(owner: LocalService, *statements: dict[str, Any]) -> None:
    role = owner.role_arn.rpartition("/")[2]
    owner.client("iam").put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=document(*statements))


def user(owner: LocalService, *statements: dict[str, Any]) -> LocalService:
    """The service with the keys of a new user who has these statements."""
    iam, name = owner.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return replace(owner, access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])


def allow(*actions: str, resource: str = "*", **condition: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


def refusal(service: LocalService, operation: str, **request: Any) -> str:
    with pytest.raises(ClientError) as refused:
        getattr(service.client("sagemaker"), operation)(**request)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return str(refused.value.response["Error"]["Message"])


@pytest.mark.parametrize(
    ("operation", "request_", "resource"),
    [
        (
            "describe_hyper_parameter_tuning_job",
            {"HyperParameterTuningJobName": "one"},
            f"{ACCOUNT}:hyper-parameter-tuning-job/one",
        ),
        (
            "list_training_jobs_for_hyper_parameter_tuning_job",
            {"HyperParameterTuningJobName": "one"},
            f"{ACCOUNT}:hyper-parameter-tuning-job/one",
        ),
        ("stop_training_job", {"TrainingJobName": "One"}, f"{ACCOUNT}:training-job/one"),
        ("list_tags", {"ResourceArn": f"{ACCOUNT}:training-job/one"}, f"{ACCOUNT}:training-job/one"),
        ("list_hyper_parameter_tuning_jobs", {"NameContains": "one"}, "*"),
    ],
)
def test_a_user_without_a_policy_learns_the_action_and_the_resource(
    owner: LocalService, operation: str, request_: dict[str, str], resource: str
) -> None:
    said = refusal(user(owner, allow("s3:*")), operation, **request_)
    action = "sagemaker:" + "".join(word.title() for word in operation.split("_"))
    assert f" is not authorized to perform: {action} on resource: {resource} because no identity-based policy" in said


def test_a_user_may_what_a_policy_allows_and_no_other_resource(owner: LocalService) -> None:
    mine = user(owner, allow("sagemaker:Describe*", resource=f"{ACCOUNT}:training-job/mine-*"))
    assert "describe-other" not in refusal(mine, "describe_training_job", TrainingJobName="other")
    with pytest.raises(ClientError, match="Requested resource not found"):
        mine.client("sagemaker").describe_training_job(TrainingJobName="mine-1")


def test_a_deny_goes_before_every_allow(owner: LocalService) -> None:
    denied = user(owner, EVERYTHING, {"Effect": "Deny", "Action": "sagemaker:List*", "Resource": "*"})
    assert "with an explicit deny" in refusal(denied, "list_training_jobs")


def test_a_role_can_only_be_passed_by_whoever_may_pass_it_to_sagemaker(owner: LocalService) -> None:
    request = tuning_request(owner)
    nobody = user(owner, allow("sagemaker:*"))
    said = refusal(nobody, "create_hyper_parameter_tuning_job", **request)
    assert f"is not authorized to perform: iam:PassRole on resource: {owner.role_arn}" in said
    elsewhere = allow("iam:PassRole", StringEquals={"iam:PassedToService": "lambda.amazonaws.com"})
    assert "iam:PassRole" in refusal(
        user(owner, allow("sagemaker:*"), elsewhere), "create_hyper_parameter_tuning_job", **request
    )
    here = allow("iam:PassRole", StringEquals={"iam:PassedToService": "sagemaker.amazonaws.com"})
    user(owner, allow("sagemaker:*"), here).client("sagemaker").create_hyper_parameter_tuning_job(**request)
    assert tuned(owner, request["HyperParameterTuningJobName"])["HyperParameterTuningJobStatus"] == "Completed"


def test_tags_at_creation_need_the_permission_to_tag_and_meet_its_conditions(owner: LocalService) -> None:
    request = training_request(owner, "print()") | {"Tags": [{"Key": "team", "Value": "vision"}]}
    create = allow("sagemaker:CreateTrainingJob", "iam:PassRole")
    assert "sagemaker:AddTags" in refusal(user(owner, create), "create_training_job", **request)
    ours = allow("sagemaker:AddTags", StringEquals={"aws:RequestTag/team": "speech"})
    assert "sagemaker:AddTags" in refusal(user(owner, create, ours), "create_training_job", **request)
    theirs = allow("sagemaker:AddTags", StringEquals={"aws:RequestTag/team": "vision"})
    user(owner, create, theirs).client("sagemaker").create_training_job(**request)


def test_a_training_script_acts_as_the_jobs_role(owner: LocalService) -> None:
    request = training_request(owner, WHO_AM_I)
    owner.client("sagemaker").create_training_job(**request)
    assert trained(owner, request["TrainingJobName"])["TrainingJobStatus"] == "Completed"
    role = owner.role_arn.rpartition("/")[2]
    assert log_of(owner, request["TrainingJobName"]) == [f"arn:aws:sts::000000000000:assumed-role/{role}/SageMaker"]


def test_a_role_may_read_what_its_policies_allow_also_where_another_has_read_it(owner: LocalService) -> None:
    first, second = training_request(owner, "print()"), training_request(owner, "print()")
    owner.client("sagemaker").create_training_job(**first)
    assert trained(owner, first["TrainingJobName"])["TrainingJobStatus"] == "Completed"
    allow_role(owner, EVERYTHING, {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::*/data/*"})
    try:
        owner.client("sagemaker").create_training_job(**second)
        reason = trained(owner, second["TrainingJobName"])["FailureReason"]
    finally:
        allow_role(owner, EVERYTHING)
    assert f"Data download failed:AccessDenied: {owner.role_arn} needs s3:GetObject on s3://{BUCKET}/data" in reason


@pytest.mark.parametrize(
    ("principal", "condition"),
    [
        ({"Service": "lambda.amazonaws.com"}, {}),
        ({"AWS": "arn:aws:iam::000000000000:root"}, {}),
        ({"Service": "sagemaker.amazonaws.com"}, {"StringEquals": {"aws:SourceAccount": "111111111111"}}),
    ],
    ids=["another service", "the account", "SageMaker for another account"],
)
def test_a_role_that_does_not_trust_sagemaker_for_this_account_is_refused(
    owner: LocalService, principal: dict[str, str], condition: dict[str, Any]
) -> None:
    name = f"role-{uuid.uuid4().hex[:8]}"
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition}
    arn = owner.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document(statement))["Role"]["Arn"]
    request = training_request(owner, "print()", RoleArn=arn)
    with pytest.raises(ClientError, match=f"Could not assume role {arn}"):
        owner.client("sagemaker").create_training_job(**request)


def test_iams_simulation_answers_with_the_context_that_it_is_given(owner: LocalService) -> None:
    condition = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    asked = user(owner, allow("iam:PassRole", resource=owner.role_arn, **condition))
    arn = asked.client("sts").get_caller_identity()["Arn"]

    def decision(resource: str, **context: str) -> str:
        entries = [
            {"ContextKeyName": f"iam:{key}", "ContextKeyType": "string", "ContextKeyValues": [value]}
            for key, value in context.items()
        ]
        answer = owner.client("iam").simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=["iam:PassRole"], ResourceArns=[resource], ContextEntries=entries
        )
        return str(answer["EvaluationResults"][0]["EvalDecision"])

    assert decision(owner.role_arn, PassedToService="sagemaker.amazonaws.com") == "allowed"
    assert decision(owner.role_arn, PassedToService="lambda.amazonaws.com") == "implicitDeny"
    assert decision(owner.role_arn) == "implicitDeny"
    assert decision("arn:aws:iam::000000000000:role/Other", PassedToService="sagemaker.amazonaws.com") == "implicitDeny"
    with pytest.raises(ClientError, match="AccessDenied"):
        asked.client("iam").simulate_principal_policy(PolicySourceArn=arn, ActionNames=["iam:PassRole"])


def test_without_the_option_every_user_of_the_service_may_train(service: LocalService) -> None:
    assert user(service, allow("s3:*")).client("sagemaker").list_training_jobs()["TrainingJobSummaries"] is not None
