"""`make aws-check` against a real IAM, STS and S3: what is amiss is named, each with its mend."""

import functools
import json
from collections.abc import Callable
from dataclasses import replace

import botocore.session
import pytest

from include.aws import policies
from sagemaker_tuning import aws_check
from tests.aws.conftest import ROLE, USER, Account

Check = Callable[..., tuple[int, str]]


@pytest.fixture
def aws_check_of(account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """Runs the command as the user, who has its own policy for it; its exit code and what it printed."""
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", account.connection)
    monkeypatch.setenv("TUNING_BUCKET", account.deployment.bucket)
    monkeypatch.setattr(botocore.session, "create_loader", functools.lru_cache(botocore.session.create_loader))
    account.put_user_policy(policies.AWS_CHECK, policies.read(policies.AWS_CHECK, account.deployment))

    def run(**params: object) -> tuple[int, str]:
        code = aws_check.main(["--params", json.dumps(params)])
        lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("ok ", "no ", "?  "))]
        return code, "\n".join(lines)

    return run


@pytest.fixture(autouse=True)
def _a_private_bucket(account: Account) -> None:
    blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    account.owner.client("s3").put_public_access_block(
        Bucket=account.deployment.bucket, PublicAccessBlockConfiguration=dict.fromkeys(blocks, True)
    )


def test_a_deployment_made_by_the_book_is_ready(account: Account, aws_check_of: Check) -> None:
    code, said = aws_check_of()
    role = account.deployment.role_arn
    assert code == 0
    assert said.splitlines()[:5] == [
        f"ok  who am I     arn:aws:iam::000000000000:user/{USER} in us-east-1",
        f"ok  may I        arn:aws:iam::000000000000:user/{USER} may all that airflow.json allows",
        f"ok  role         {role} trusts SageMaker",
        f"ok  role may     {role} may all that execution-role.json allows",
        f"ok  bucket       {account.deployment.bucket} is there, in us-east-1; closed to the public",
    ]
    # The local SageMaker has neither a registry nor quotas.
    image, quotas = said.splitlines()[5:]
    assert image.startswith("?   image        the SageMaker SDK knows 763104351884.dkr.ecr.us-east-1.amazonaws.com/")
    assert quotas.startswith("?   quotas       can't be read")
    assert quotas.endswith("'ml.m5.xlarge for training job usage' under Service Quotas, Amazon SageMaker; it takes 3")


@pytest.mark.parametrize(
    ("sid", "action"),
    [
        ("WriteObjects", "s3:PutObject"),
        ("PassTheExecutionRole", "iam:PassRole"),
        ("StartTuningJobs", "sagemaker:CreateHyperParameterTuningJob"),
        ("NameTheLogsOfFailedTrials", "logs:DescribeLogStreams"),
    ],
)
def test_keys_that_lack_a_permission_are_told_which_statement_has_it(
    account: Account, aws_check_of: Check, sid: str, action: str
) -> None:
    with account.without(policies.AIRFLOW, sid):
        code, said = aws_check_of()
    (line,) = [line for line in said.splitlines() if line.startswith("no ")]
    assert code == 1
    assert line.startswith(f"no  may I        arn:aws:iam::000000000000:user/{USER} may not {action} on ")
    assert line.endswith(f"give it airflow.json (docs/deploy-to-aws.md), statement {sid}")


def test_keys_without_any_policy_are_one_line(account: Account, aws_check_of: Check) -> None:
    account.owner.client("iam").delete_user_policy(UserName=USER, PolicyName=policies.AIRFLOW)
    try:
        _, said = aws_check_of()
    finally:
        account.put_user_policy(policies.AIRFLOW, policies.read(policies.AIRFLOW, account.deployment))
    assert "may nothing of what it needs: give it airflow.json" in said


def test_where_iam_may_not_be_asked_what_changes_nothing_is_tried(account: Account, aws_check_of: Check) -> None:
    with (
        account.without(policies.AWS_CHECK, "AskWhatIsAllowed"),
        account.without(policies.AIRFLOW, "FindTuningJobs"),
    ):
        code, said = aws_check_of()
    refused, rest = [line for line in said.splitlines() if " may I " in line]
    assert code == 1
    assert refused == "no  may I        sagemaker:ListHyperParameterTuningJobs is refused: give the caller airflow.json"
    assert "8 of 9 actions are allowed, and not tried were s3:PutObject" in rest
    assert "?   role may     iam:SimulatePrincipalPolicy is not allowed: aws-check.json allows it" in said


def test_a_role_that_does_not_trust_sagemaker_is_told_how_it_would(account: Account, aws_check_of: Check) -> None:
    trust = policies.read(policies.TRUST, account.deployment)
    for wrong in (
        json.dumps(trust).replace("sagemaker.amazonaws.com", "lambda.amazonaws.com"),
        json.dumps(trust).replace("000000000000", "111111111111"),
    ):
        account.set_trust(json.loads(wrong))
        try:
            code, said = aws_check_of()
        finally:
            account.set_trust(trust)
        assert code == 1
        assert (
            f"no  role         {account.deployment.role_arn} does not let sagemaker.amazonaws.com assume it: "
            f"aws iam update-assume-role-policy --role-name {ROLE} "
            "--policy-document file://.local/aws/execution-role-trust.json"
        ) in said


def test_a_role_that_is_not_there_is_named(account: Account, aws_check_of: Check) -> None:
    account.put_user_policy(
        policies.AWS_CHECK, policies.read(policies.AWS_CHECK, replace(account.deployment, role="Gone"))
    )
    code, said = aws_check_of(role="arn:aws:iam::000000000000:role/Gone")
    assert code == 1
    assert "no  role         arn:aws:iam::000000000000:role/Gone does not exist: make it, " in said


def test_a_role_that_lacks_a_permission_is_told_which_statement_has_it(account: Account, aws_check_of: Check) -> None:
    with account.without(policies.EXECUTION_ROLE, "WriteModels"):
        code, said = aws_check_of()
    assert code == 1
    assert f"no  role may     {account.deployment.role_arn} may not s3:PutObject on arn:aws:s3:::" in said
    assert "execution-role.json (docs/deploy-to-aws.md), statement WriteModels" in said


def test_a_missing_bucket_is_to_be_made_or_its_making_allowed(account: Account, aws_check_of: Check) -> None:
    code, said = aws_check_of(bucket="missing-here")
    assert code == 1
    assert (
        "no  bucket       missing-here does not exist, and the DAG may not make it: make it (docs/deploy-to-aws.md), "
        "or give the caller airflow-makes-bucket.json"
    ) in said


def test_a_missing_bucket_that_the_dag_may_make_is_fine(account: Account, aws_check_of: Check) -> None:
    elsewhere = policies.read(policies.MAKES_BUCKET, account.deployment)
    account.put_user_policy(
        policies.MAKES_BUCKET, json.loads(json.dumps(elsewhere).replace(account.deployment.bucket, "*"))
    )
    try:
        _, said = aws_check_of(bucket="missing-here")
    finally:
        account.owner.client("iam").delete_user_policy(UserName=USER, PolicyName=policies.MAKES_BUCKET)
    assert "ok  bucket       missing-here does not exist; the first run makes it in us-east-1" in said


def test_a_bucket_elsewhere_or_open_to_the_public_is_named(account: Account, aws_check_of: Check) -> None:
    s3 = account.owner.client("s3")
    s3.create_bucket(Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    account.put_user_policy("far", {"Statement": {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}})
    try:
        _, said = aws_check_of(bucket="far-away")
    finally:
        account.owner.client("iam").delete_user_policy(UserName=USER, PolicyName="far")
    assert "no  bucket       far-away lies in eu-west-1; SageMaker in us-east-1 needs one in us-east-1" in said
    s3.delete_public_access_block(Bucket=account.deployment.bucket)
    assert f"no  bucket       {account.deployment.bucket} is not closed to the public" in aws_check_of()[1]


def test_wrong_keys_are_one_line(account: Account, aws_check_of: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", account.connection.replace(account.airflow.secret_key, "wrong"))
    code, said = aws_check_of()
    assert code == 1
    assert said.startswith("no  who am I     nobody that AWS knows: ")
    assert len(said.splitlines()) == 1


def test_params_that_no_run_would_take_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert aws_check.main(["--params", '{"jobs": "many"}']) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("failed: ")]
    assert line == "failed: 1 fault in the Params: Invalid input for param jobs: 'many' is not of type 'integer'"
