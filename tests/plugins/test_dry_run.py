"""`make dry-run` prints what the run would send, and refuses what no run would."""

import json
import socket
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time.context import set_current_context

from dags.mnist_tuning import PARAMS, STUDY
from include.tuning import jobs
from sagemaker_tuning import dry_run, tuning_tasks
from tests.conftest import LocalService

RUN_ID = "manual__2026-11-23"
ASKED = {"dataset": "digits", "jobs": 4, "spot": True, "tags": {"team": "vision"}, "warm_start": "off", "force": True}


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert dry_run.main([*arguments]) == 0
    said = capsys.readouterr()
    assert said.err.startswith("not sent; at most ")
    return dict(json.loads(said.out))


def sent(bucket: str) -> dict[str, Any]:
    """What the tasks of a run with these Params would send."""
    params = {name: param.value for name, param in PARAMS.items()} | ASKED | {"bucket": bucket}
    data = {name: f"s3://{bucket}/mnist-tuning/data/digits/abc/{name}/" for name in ("train", "validation")}
    run = SimpleNamespace(dag_id="mnist_tuning", run_id=RUN_ID, run_after=datetime.now(UTC))
    with set_current_context({"dag": SimpleNamespace(params=PARAMS), "dag_run": run, "params": params}):  # type: ignore[typeddict-item]
        config = tuning_tasks.generate_tuning_config(STUDY, {"dataset": "digits", "fingerprint": "abc", **data})
    return jobs.marked(config["request"], config["request"]["HyperParameterTuningJobName"], "0")


def test_it_is_word_for_word_what_the_run_sends(service: LocalService, capsys: pytest.CaptureFixture[str]) -> None:
    params = json.dumps(ASKED | {"bucket": "dry-run-tests"})
    given = ("--params", params, "--run-id", RUN_ID, "--role", service.role_arn, "--fingerprint", "abc")
    assert printed(capsys, *given) == sent("dry-run-tests")


def test_it_asks_nobody(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a dry run touched the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    request = printed(capsys, "--account", "123456789012", "--region", "eu-west-1", "--role", "TuningRole")
    definition = request["TrainingJobDefinition"]
    assert definition["RoleArn"] == "arn:aws:iam::123456789012:role/TuningRole"
    assert definition["OutputDataConfig"]["S3OutputPath"].startswith(
        "s3://sagemaker-eu-west-1-123456789012/mnist-tuning/"
    )
    assert ".dkr.ecr.eu-west-1." in definition["AlgorithmSpecification"]["TrainingImage"]


@pytest.mark.parametrize(
    ("params", "says"),
    [
        (
            '{"learning_rate_min": 0.5}',
            "1 fault in the Params: learning_rate_min (0.5) is above learning_rate_max (0.2)",
        ),
        ('{"strategy": "Best"}', "1 fault in the Params: Invalid input for param strategy: 'Best' is not one of"),
        ('{"instance_type": "ml.m5.tiny"}', "1 fault in the tuning request: TrainingJobDefinition.ResourceConfig"),
    ],
)
def test_what_sagemaker_would_refuse_is_one_line(params: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert dry_run.main(["--params", params]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = [line for line in said.err.splitlines() if line.startswith("failed: ")]
    assert line.startswith(f"failed: {says}")
