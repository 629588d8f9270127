"""The local SageMaker behind an Airflow connection, which Airflow reads from the environment: no database."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import LocalService


class TaskInstance:
    """Keeps what a task pushes."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


@pytest.fixture
def task_instance() -> TaskInstance:
    return TaskInstance()


def context(task_instance: Any = None, *, cleared: int = 0) -> Any:
    """What a task is told of its run, which has been cleared so many times."""
    return {"ti": task_instance, "dag_run": SimpleNamespace(dag_id="a_dag", run_id="a_run", clear_number=cleared)}


def connection(service: LocalService, **extra: str) -> str:
    """An aws connection to the service, as AIRFLOW_CONN_... takes it."""
    return json.dumps(
        {
            "conn_type": "aws",
            "login": service.access_key,
            "password": service.secret_key,
            "extra": {"endpoint_url": service.endpoint_url, "region_name": service.region} | extra,
        }
    )


@pytest.fixture
def service(sagemaker_endpoint: LocalService, monkeypatch: pytest.MonkeyPatch) -> LocalService:
    """The local SageMaker, with `aws_default` leading to it, also for file systems that Airflow would have kept."""
    monkeypatch.setattr("airflow.sdk.io.store._STORE_CACHE", {})
    role = {"sagemaker_execution_role": sagemaker_endpoint.role_arn}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connection(sagemaker_endpoint, **role))
    return sagemaker_endpoint
