"""The AWS clients of an Airflow connection; nothing is called."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from include import settings
from include.storage.s3_errors import s3_config
from sagemaker_tuning.run import Run


def retries_of(monkeypatch: pytest.MonkeyPatch, service: str, **extra: Any) -> dict[str, Any]:
    connection = {"conn_type": "aws", "login": "a", "password": "b", "extra": {"region_name": "eu-west-1"} | extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    config = Run("dag", "run", datetime.now(UTC), {}, settings.read({})).client(service).meta.config
    return {**config.retries, "read_timeout": config.read_timeout}


@pytest.mark.parametrize("service", ["s3", "sts", "sagemaker"])
def test_every_client_retries_as_s3_needs_it(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    wanted = s3_config()
    assert retries_of(monkeypatch, service) == {**wanted.retries, "read_timeout": wanted.read_timeout}


def test_what_the_connection_says_goes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"retries": {"mode": "adaptive", "total_max_attempts": 2}}
    assert retries_of(monkeypatch, "s3", config_kwargs=own) == {
        "mode": "adaptive",
        "total_max_attempts": 2,
        "read_timeout": s3_config().read_timeout,
    }
