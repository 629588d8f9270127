"""Before Airflow starts, its connection leads to a SageMaker and a bucket to stage in; or one line says what lacks."""

import json
from pathlib import Path
from typing import Any

import pytest

from include.compose_stack import preparation, secret_files
from include.compose_stack.preparation import LocalSageMaker, connect, prepare
from include.errors import StackError
from tests.conftest import LocalService

STAGING = "s3://aws_default@sagemaker-us-east-1-000000000000/staging"
AWS = '{"conn_type": "aws", "extra": {"region_name": "eu-central-1"}}'


class Airflow:
    """Airflow's command line: remembers what it was told, and the connections that it was given."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, ...]] = []
        self.connections: dict[str, Any] = {}

    def __call__(self, *command: str) -> None:
        self.commands.append(command)
        if command[:2] == ("connections", "import"):
            self.connections = json.loads(Path(command[-1]).read_text())


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The volumes after the service `secrets` and the local SageMaker have started."""
    for volume in ("airflow", "postgres", "sagemaker"):
        (tmp_path / volume).mkdir()
    secret_files.make_missing(tmp_path)
    (tmp_path / "sagemaker" / "credentials.json").write_text('{"access_key": "AKIA", "secret_key": "s3cr3t"}')
    return tmp_path


def test_the_local_sagemaker_is_waited_for(sagemaker_endpoint: LocalService, secrets: Path) -> None:
    local = LocalSageMaker.wait_for(secrets, sagemaker_endpoint.endpoint_url)
    assert (local.access_key, local.endpoint_url) == ("AKIA", sagemaker_endpoint.endpoint_url)


def test_a_local_sagemaker_that_does_not_start_is_one_line(secrets: Path) -> None:
    with pytest.raises(StackError, match=r"does not answer at http://127\.0\.0\.1:9 after 0 s: look into"):
        LocalSageMaker.wait_for(secrets, "http://127.0.0.1:9", seconds=0)


def test_the_connection_leads_to_the_local_sagemaker(sagemaker_endpoint: LocalService) -> None:
    service, airflow = sagemaker_endpoint, Airflow()
    connect(LocalSageMaker(service.access_key, service.secret_key, service.endpoint_url), STAGING, airflow)
    connection = airflow.connections["aws_default"]
    assert (connection["login"], connection["password"]) == (service.access_key, service.secret_key)
    assert json.loads(connection["extra"]) == {
        "endpoint_url": service.endpoint_url,
        "region_name": "us-east-1",
        "config_kwargs": {"s3": {"addressing_style": "path"}},
        "sagemaker_execution_role": service.role_arn,
    }
    s3 = service.client("s3")
    assert s3.get_public_access_block(Bucket="sagemaker-us-east-1-000000000000")["PublicAccessBlockConfiguration"]


def test_a_staging_folder_needs_no_bucket(sagemaker_endpoint: LocalService) -> None:
    service = sagemaker_endpoint
    connect(LocalSageMaker(service.access_key, service.secret_key, service.endpoint_url), "file:///tmp/x", Airflow())


def test_a_connection_of_the_users_own_is_left_alone(secrets: Path) -> None:
    airflow = Airflow()
    prepare(secrets, {"AIRFLOW_CONN_AWS_DEFAULT": AWS, "TUNING_STAGING_URL": "s3://aws_default@mine/staging"}, airflow)
    assert [command[:2] for command in airflow.commands] == [("db", "migrate"), ("users", "create")]


def test_the_first_login_has_the_generated_password(secrets: Path) -> None:
    airflow = Airflow()
    prepare(secrets, {"AIRFLOW_CONN_AWS_DEFAULT": AWS, "TUNING_STAGING_URL": "s3://aws_default@mine/staging"}, airflow)
    created = airflow.commands[1]
    assert created[created.index("--password") + 1] == (secrets / "airflow" / "admin_password").read_text()
    assert created[created.index("--role") + 1] == "Admin"


def test_neither_aws_nor_the_local_sagemaker_is_one_line(secrets: Path) -> None:
    airflow = Airflow()
    with pytest.raises(StackError) as refused:
        prepare(secrets, {"LOCAL_SAGEMAKER": "0", "TUNING_STAGING_URL": STAGING}, airflow)
    assert "LOCAL_SAGEMAKER=0" in str(refused.value)
    assert "AIRFLOW_CONN_AWS_DEFAULT" in str(refused.value)
    assert airflow.commands == [], "before anything is done"


def test_staging_in_the_local_sagemaker_while_the_connection_leads_to_aws_is_one_line(secrets: Path) -> None:
    with pytest.raises(StackError) as refused:
        prepare(secrets, {"AIRFLOW_CONN_AWS_DEFAULT": AWS, "TUNING_STAGING_URL": STAGING}, Airflow())
    assert f"TUNING_STAGING_URL={STAGING}" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_command_of_airflow_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "airflow").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "airflow").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="`airflow db migrate` ended with exit code 3"):
        preparation.run_airflow("db", "migrate")
