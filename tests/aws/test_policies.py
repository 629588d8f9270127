"""The policies are enough for the whole DAG, and of what they hold nothing can go."""

import functools
import itertools
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from include.aws import policies
from tests.aws.conftest import Account, actions
from tests.aws.walk import StepFailedError, Walk
from tests.include.tuning.jobs import CRASHES

SLOW = "import time; time.sleep(60)"
CHECKPOINTS = """
import os, pathlib
folder = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints")
(folder / "step-1").write_text("half a model")
pathlib.Path(os.environ["SM_MODEL_DIR"], "model").write_text("a model")
print("loss = 1.0")
"""

AIRFLOW = {
    "FindObjects": ("upload_to_s3", "AccessDenied, it needs s3:ListBucket"),
    "ReadObjects": ("upload_to_s3", "AccessDenied, it needs s3:GetObject"),
    "WriteObjects": ("upload_to_s3", "AccessDenied, it needs s3:PutObject"),
    "FindTuningJobs": ("generate_tuning_config", "to perform: sagemaker:ListHyperParameterTuningJobs"),
    "StartTuningJobs": ("run_tuning_job", "to perform: sagemaker:CreateHyperParameterTuningJob"),
    "PassTheExecutionRole": ("run_tuning_job", "to perform: iam:PassRole"),
    "FollowTuningJobs": ("generate_tuning_config", "to perform: sagemaker:DescribeHyperParameterTuningJob"),
    "ReadTags": ("generate_tuning_config", "to perform: sagemaker:ListTags"),
    "LookAtTrials": ("extract_best_model", "to perform: sagemaker:DescribeTrainingJob"),
}
"""Without the statement, this task of the DAG fails, and its line says this."""

ROLE = {
    "FindDataAndCode": "s3:ListBucket",
    "ReadDataAndCode": "s3:GetObject",
    "WriteModels": "s3:PutObject",
    "KeepCheckpointsOnSpotInstances": "s3:PutObject",
    "LogInToPullImages": "ecr:GetAuthorizationToken",
    "PullTheImage": "ecr:BatchCheckLayerAvailability",
    "WriteLogs": "logs:CreateLogGroup",
    "WriteMetrics": "cloudwatch:PutMetricData",
}
"""Without the statement, every trial fails, and wait_for_tuning_job says that the role needs this."""

_seeds = itertools.count()


@pytest.fixture(autouse=True)
def _as_airflow(account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", account.connection)
    monkeypatch.setenv("TUNING_BUCKET", account.deployment.bucket)
    monkeypatch.setenv("TUNING_STAGING_URL", (tmp_path / "staging").as_uri())
    # Every hook makes clients from a fresh session; one loader keeps the service models between them.
    monkeypatch.setattr(botocore.session, "create_loader", functools.lru_cache(botocore.session.create_loader))


def a_walk(tmp_path: Path, script: str | None = None, tries: int = 1, **params: Any) -> Walk:
    """A run with a seed of its own, which makes a split, and so an upload, of its own."""
    given = {} if script is None else {"script": script}
    return Walk(tmp_path, params={"seed": next(_seeds)} | params, tries=tries, **given)


def failure(walk: Callable[[], Any]) -> tuple[str, str]:
    """Where the DAG fails, and the line that its log shows."""
    with pytest.raises(StepFailedError) as failed:
        walk()
    assert "\n" not in failed.value.line
    return failed.value.step, failed.value.line


def test_the_policies_are_enough(tmp_path: Path) -> None:
    record = a_walk(tmp_path, tries=2).to_the_end()
    assert record["metric"]["value"] > 0
    a_walk(tmp_path, script=SLOW).given_up()


def test_the_policies_are_enough_for_staging_on_s3_and_spot_instances(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging = f"s3://aws_default@{account.deployment.bucket}/{account.deployment.prefix}/staging"
    monkeypatch.setenv("TUNING_STAGING_URL", staging)
    assert a_walk(tmp_path, script=CHECKPOINTS, spot=True).to_the_end()["metric"]["value"] == 1


@pytest.fixture
def _an_earlier_run(account: Account, tmp_path: Path) -> None:
    """A finished tuning job of the DAG: without one, a run asks for no tags and for no job but its own."""
    finished = account.owner.client("sagemaker").list_hyper_parameter_tuning_jobs(StatusEquals="Completed")
    if not finished["HyperParameterTuningJobSummaries"]:
        a_walk(tmp_path).to_the_end()


@pytest.mark.usefixtures("_an_earlier_run")
@pytest.mark.parametrize("sid", AIRFLOW)
def test_without_a_statement_of_airflows_a_task_fails_and_names_it(account: Account, tmp_path: Path, sid: str) -> None:
    with account.without(policies.AIRFLOW, sid):
        step, line = failure(a_walk(tmp_path, tries=2).to_the_end)
    assert (step, AIRFLOW[sid][1] in line) == (AIRFLOW[sid][0], True), line
    assert "AccessDenied" in line


def test_without_the_permission_to_stop_the_teardown_fails_and_names_it(account: Account, tmp_path: Path) -> None:
    with account.without(policies.AIRFLOW, "StopTuningJobs"):
        step, line = failure(a_walk(tmp_path, script=SLOW).given_up)
    assert step == "stop_tuning_job"
    assert "AccessDeniedException" in line
    assert "to perform: sagemaker:StopHyperParameterTuningJob" in line


def test_without_its_logs_a_failed_trial_says_what_keeps_them(account: Account, tmp_path: Path) -> None:
    with account.without(policies.AIRFLOW, "NameTheLogsOfFailedTrials"):
        step, line = failure(a_walk(tmp_path, script=CRASHES).to_the_end)
    assert step == "wait_for_tuning_job"
    assert "(AccessDeniedException at logs:DescribeLogStreams)" in line


@pytest.mark.parametrize("sid", ROLE)
def test_without_a_statement_of_the_roles_the_trials_fail_and_name_it(
    account: Account, tmp_path: Path, sid: str
) -> None:
    with account.without(policies.EXECUTION_ROLE, sid):
        step, line = failure(a_walk(tmp_path, script=CHECKPOINTS, spot=True).to_the_end)
    assert step == "wait_for_tuning_job"
    assert f"AccessDenied: {account.deployment.role_arn} needs {ROLE[sid]} on " in line


def test_a_role_that_does_not_trust_sagemaker_is_named(account: Account, tmp_path: Path) -> None:
    trust = policies.read(policies.TRUST, account.deployment)
    other = json.loads(json.dumps(trust).replace("sagemaker.amazonaws.com", "lambda.amazonaws.com"))
    account.set_trust(other)
    try:
        step, line = failure(a_walk(tmp_path).to_the_end)
    finally:
        account.set_trust(trust)
    assert step == "run_tuning_job"
    assert f"Could not assume role {account.deployment.role_arn}" in line


def test_a_missing_bucket_is_made_by_whoever_may(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNING_BUCKET", f"missing-{uuid.uuid4().hex[:8]}")
    step, line = failure(a_walk(tmp_path).to_the_end)
    assert (step, "AccessDenied, it needs s3:CreateBucket" in line) == ("upload_to_s3", True), line


@pytest.mark.parametrize("sid", ["FindObjects", "ReadObjects", "WriteObjects"])
def test_staging_on_s3_that_is_forbidden_is_one_line(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sid: str
) -> None:
    staging = f"s3://aws_default@{account.deployment.bucket}/{account.deployment.prefix}/staging"
    monkeypatch.setenv("TUNING_STAGING_URL", staging)
    with account.without(policies.AIRFLOW, sid):
        step, line = failure(a_walk(tmp_path).to_the_end)
    assert step in ("download_dataset", "convert_to_tfrecord")
    assert f"s3://aws_default@{account.deployment.bucket}" in line
    assert "AccessDenied" in line


UNSEEN = {
    (policies.AIRFLOW, "s3:AbortMultipartUpload"): "asked only when an upload in parts breaks off",
    (policies.EXECUTION_ROLE, "s3:AbortMultipartUpload"): "asked only when an upload in parts breaks off",
    (
        policies.EXECUTION_ROLE,
        "logs:DescribeLogStreams",
    ): "on AWS's list for the role; the local SageMaker asks no such thing",
}
"""Actions that no run here shows to be needed, and why they stay."""


def every_action() -> list[tuple[str, str, str]]:
    documents = {
        name: json.loads((policies.FOLDER / f"{name}.json").read_text())
        for name in (policies.AIRFLOW, policies.EXECUTION_ROLE)
    }
    return [
        (name, statement["Sid"], action)
        for name, document in documents.items()
        for statement in document["Statement"]
        for action in actions(statement)
        if (name, action) not in UNSEEN
    ]


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.parametrize(("name", "sid", "action"), every_action())
def test_without_a_single_action_something_fails_and_names_it(
    account: Account, tmp_path: Path, name: str, sid: str, action: str
) -> None:
    def everything() -> None:
        walk = a_walk(tmp_path, script=CHECKPOINTS, tries=2, spot=True)
        walk.before_the_job = lambda job: leave_a_checkpoint(account, job)
        walk.to_the_end()
        a_walk(tmp_path, script=SLOW).given_up()
        a_walk(tmp_path, script=CRASHES).to_the_end()

    with account.without(name, sid, action):
        _, line = failure(everything)
    assert "AccessDenied" in line
    assert action in line


def leave_a_checkpoint(account: Account, job: str) -> None:
    key = f"{account.deployment.prefix}/checkpoints/{job}/step-0"
    account.owner.client("s3").put_object(Bucket=account.deployment.bucket, Key=key, Body=b"a quarter of a model")


def test_every_statement_is_taken_away_once() -> None:
    here = {
        policies.AIRFLOW: {*AIRFLOW, "StopTuningJobs", "NameTheLogsOfFailedTrials"},
        policies.EXECUTION_ROLE: {*ROLE},
    }
    for name, sids in here.items():
        document = json.loads((policies.FOLDER / f"{name}.json").read_text())
        assert {statement["Sid"] for statement in document["Statement"]} == sids
