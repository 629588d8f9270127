import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import ObjectStoragePath

from include import settings
from include.errors import RoleError
from sagemaker_tuning.data_tasks import layout_of
from sagemaker_tuning.run import Run
from sagemaker_tuning.task_errors import FinalFault, one_line_errors
from tests.conftest import LocalService
from tests.include.tuning.jobs import PARAMS
from tests.plugins.conftest import connection


def make_run(run_id: str = "manual__2026-11-23", environ: dict[str, str] | None = None, **params: Any) -> Run:
    return Run("mnist_tuning", run_id, datetime.now(UTC), PARAMS | params, settings.read(environ or {}))


def test_the_role_is_the_param_before_the_connections_extra(service: LocalService) -> None:
    assert make_run().execution_role() == service.role_arn
    other = "arn:aws:iam::000000000000:role/Other"
    assert make_run(role=other).execution_role() == other


def test_a_roles_name_is_looked_up_in_iam(service: LocalService) -> None:
    assert make_run(role=service.role_arn.rpartition("/")[2]).execution_role() == service.role_arn


def test_a_role_that_iam_does_not_know_is_named(service: LocalService) -> None:
    with pytest.raises(RoleError, match="IAM knows no role 'NoSuchRole'"):
        make_run(role="NoSuchRole").execution_role()


def test_no_role_at_all_says_where_to_put_one(
    sagemaker_endpoint: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connection(sagemaker_endpoint))
    with pytest.raises(RoleError, match=r"no execution role: .* 'aws_default', as \"sagemaker_execution_role\""):
        make_run().execution_role()


def test_a_wrong_key_is_one_line(sagemaker_endpoint: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = connection(sagemaker_endpoint).replace(sagemaker_endpoint.secret_key, "wrong")
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", stranger)
    with pytest.raises(FinalFault, match="AWS refused GetCallerIdentity: SignatureDoesNotMatch"):
        one_line_errors(lambda: make_run().account)()


def test_the_bucket_is_the_param_then_the_deployments_then_sagemakers_default(service: LocalService) -> None:
    deployment = {"TUNING_BUCKET": "of-the-team", "TUNING_PREFIX": "/a/b/"}
    assert layout_of(make_run()).uri("k") == "s3://sagemaker-us-east-1-000000000000/k"
    assert layout_of(make_run()).jobs("t") == "mnist-tuning/jobs/t"
    assert layout_of(make_run(environ=deployment)).bucket == "of-the-team"
    assert layout_of(make_run(environ=deployment)).jobs("t") == "a/b/jobs/t"
    assert layout_of(make_run(environ=deployment, bucket="mine", prefix="p")).bucket == "mine"


def test_each_run_stages_in_a_folder_of_its_own(tmp_path: Path) -> None:
    environ = {"TUNING_STAGING_URL": tmp_path.as_uri()}
    first, second = make_run("a", environ).staging("raw"), make_run("b", environ).staging("raw")
    assert str(first).startswith(tmp_path.as_uri())
    assert first != second
    assert first == make_run("a", environ).staging("raw")


def test_staging_on_s3_goes_through_the_airflow_connection(service: LocalService) -> None:
    bucket = f"staging-{uuid.uuid4().hex[:8]}"
    service.client("s3").create_bucket(Bucket=bucket)
    run = make_run(environ={"TUNING_STAGING_URL": f"s3://aws_default@{bucket}/shared"})
    with (run.staging("raw") / "file").open("wb") as file:
        file.write(b"bytes")
    # The next task has the URI alone, from XCom, maybe on another machine.
    handed_on = ObjectStoragePath(str(run.staging("raw")))
    assert (handed_on / "file").open("rb").read() == b"bytes"
    stored = service.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert [entry["Key"].rpartition("/")[2] for entry in stored] == ["file"]
