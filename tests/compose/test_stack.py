"""docker-compose.yaml for real, in the order of a day: started, used, hit by failures, down and up, sent to AWS."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import requests

from include.local_stack.airflow_api import DAG_ID
from include.storage.s3_layout import parse_s3_uri
from tests.compose.running import ComposeStack, docker
from tests.conftest import running_service
from tests.e2e.conftest import QUICK

pytestmark = pytest.mark.docker

WAITING_SECONDS = 600


def eventually(found: Callable[[], Any]) -> Any:
    """What `found` returns, once that is something."""
    deadline = time.monotonic() + WAITING_SECONDS
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return value


def read_json(s3: Any, uri: str) -> Any:
    bucket, key = parse_s3_uri(uri)
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


@pytest.fixture(scope="module")
def started(stack: ComposeStack) -> ComposeStack:
    """With two workers and no .env of the user's."""
    stack.up(workers=2)
    return stack


def test_every_service_is_healthy(started: ComposeStack) -> None:
    services = [container.service for container in started.containers()]
    assert len(services) == len(set(services)) + 1 == 11
    assert all(container.ready for container in started.containers()), started.states()


def test_strangers_get_in_nowhere(started: ComposeStack) -> None:
    assert requests.get(f"{started.url}/api/v2/dags", timeout=30).status_code == 401
    login = {"username": "admin", "password": "admin"}
    assert requests.post(f"{started.url}/auth/token", json=login, timeout=30).status_code == 401
    assert requests.get(f"http://127.0.0.1:{started.sagemaker_port}/", timeout=30).status_code == 403


def test_the_ui_asks_for_a_login(started: ComposeStack) -> None:
    assert "password" in requests.get(f"{started.url}/auth/login/", timeout=30).text


def test_no_process_of_ours_is_root(started: ComposeStack) -> None:
    ours = [c for c in started.containers() if re.match("airflow-[^i]|local-", c.service)]
    assert len(ours) == 7
    for container in ours:
        lines = docker("top", container.id, "-eo", "pid,uid").splitlines()
        assert {line.split()[1] for line in lines[1:]} == {"50000"}, container.service


def test_a_task_finds_no_secret_of_airflows_and_no_database(started: ComposeStack) -> None:
    worker = started.containers("airflow-worker")[0]
    assert docker("exec", worker.id, "find", "/secrets", "-type", "f") == ""
    assert docker("exec", worker.id, "sh", "-c", "getent hosts postgres || echo nowhere") == "nowhere"


@dataclass(frozen=True)
class Survivor:
    """A run, and the worker that was killed under one of its tasks."""

    run: str
    task: str
    worker: str


def await_trials(stack: ComposeStack) -> None:
    """Until training jobs run."""
    sagemaker = stack.client("sagemaker")
    eventually(lambda: sagemaker.list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"])


@pytest.fixture(scope="module")
def survivor(started: ComposeStack) -> Survivor:
    """A run whose first worker was killed under its task, and whose scheduler was killed while its trials ran."""
    api, began = started.api(), time.monotonic()
    run_id = api.trigger(QUICK)

    def running() -> list[dict[str, Any]]:
        return [task for task in api.tasks(run_id) if task["state"] == "running" and task["hostname"]]

    hit = eventually(running)[0]
    docker("kill", hit["hostname"])
    print(f"killed {hit['hostname']} under {hit['task_id']}")
    await_trials(started)
    docker("exec", started.one("airflow-scheduler").id, "bash", "-c", "kill -9 -1 || true")
    print("killed the scheduler while trials ran")
    started.watch(run_id, started.client("sagemaker"))
    print(f"the whole run took {time.monotonic() - began:.0f} s, on {started.workers_of(run_id)}")
    return Survivor(run_id, hit["task_id"], hit["hostname"])


def test_a_killed_workers_task_goes_on_elsewhere(started: ComposeStack, survivor: Survivor) -> None:
    workers = started.workers_of(survivor.run)
    other = {container.id[:12] for container in started.containers("airflow-worker")} - {survivor.worker}
    assert workers[survivor.task][0] == survivor.worker
    assert {workers[survivor.task][-1], workers["extract_best_model"][-1]} == other


def test_a_killed_scheduler_starts_again(started: ComposeStack, survivor: Survivor) -> None:
    scheduler = started.one("airflow-scheduler")
    assert scheduler.about["RestartCount"] == 1
    eventually(lambda: started.one("airflow-scheduler").ready)


def test_the_best_model_is_in_s3(started: ComposeStack, survivor: Survivor) -> None:
    best, s3 = started.api().result(survivor.run, "extract_best_model"), started.client("s3")
    assert read_json(s3, best["record"]) == best
    assert [trial["status"] for trial in best["leaderboard"]] == ["Completed"] * QUICK["jobs"]
    bucket, key = parse_s3_uri(best["artifact"])
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] > 100_000


def kept(stack: ComposeStack) -> dict[str, Any]:
    """Everything that a restart has to keep; last_success.json is each next run's to replace."""
    s3, sagemaker = stack.client("s3"), stack.client("sagemaker")
    runs = stack.get(f"dags/{DAG_ID}/dagRuns")["dag_runs"]
    objects = [
        item
        for bucket in s3.list_buckets()["Buckets"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"])
        for item in page.get("Contents", [])
    ]
    tuning_jobs = sagemaker.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"]
    training_jobs = sagemaker.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
    return {
        "runs": {run["dag_run_id"]: run["state"] for run in runs},
        "objects": {item["Key"]: item["ETag"] for item in objects if not item["Key"].endswith("/last_success.json")},
        "tuning jobs": {
            job["HyperParameterTuningJobName"]: job["HyperParameterTuningJobStatus"] for job in tuning_jobs
        },
        "training jobs": {job["TrainingJobName"]: job["TrainingJobStatus"] for job in training_jobs},
    }


@dataclass(frozen=True)
class Restarted:
    """What was there before `down` and what is there after `up`, and a run whose trials it fell into."""

    before: dict[str, Any]
    after: dict[str, Any]
    run: str


@pytest.fixture(scope="module")
def restarted(started: ComposeStack, survivor: Survivor) -> Restarted:
    """Taken down while trials of a second run like the first go on, and up again with three workers."""
    before = kept(started)
    run_id = started.api().trigger(QUICK | {"force": True})
    await_trials(started)
    started.compose("down")
    assert started.containers() == []
    started.up(workers=3)
    return Restarted(before, kept(started), run_id)


def test_down_and_up_keep_runs_s3_and_tuning_jobs(restarted: Restarted) -> None:
    for kind, before in restarted.before.items():
        assert before
        assert before.items() <= restarted.after[kind].items(), kind


def test_down_and_up_keep_the_login_and_the_logs(
    started: ComposeStack, survivor: Survivor, restarted: Restarted
) -> None:
    assert started.one("airflow-api-server").read("/secrets/airflow/admin_password") == started.password
    log = started.get(f"dags/{DAG_ID}/dagRuns/{survivor.run}/taskInstances/extract_best_model/logs/1")
    assert "Model: s3://" in json.dumps(log)


def test_a_run_goes_on_where_down_cut_it_off(started: ComposeStack, restarted: Restarted) -> None:
    started.watch(restarted.run, started.client("sagemaker"))
    best = started.api().result(restarted.run, "extract_best_model")
    assert [trial["status"] for trial in best["leaderboard"]] == ["Completed"] * QUICK["jobs"]
    assert started.api().result(restarted.run, "upload_to_s3")["uploaded_files"] == 0, "the data of the run before"
    print(f"after down and up: {started.workers_of(restarted.run)}")


def test_the_connection_in_env_sends_the_same_stack_elsewhere(started: ComposeStack, tmp_path: Path) -> None:
    """A SageMaker outside of the stack stands for AWS; the stack's own is not started."""
    started.compose("down")
    subnet = json.loads(docker("network", "inspect", "bridge"))[0]["IPAM"]["Config"][0]["Subnet"]
    this_machine = str(next(ip_network(subnet).hosts()))
    with running_service(tmp_path, host=this_machine) as elsewhere:
        elsewhere.client("s3").create_bucket(Bucket="ours")
        connection = {
            "conn_type": "aws",
            "login": elsewhere.access_key,
            "password": elsewhere.secret_key,
            "extra": {
                "endpoint_url": elsewhere.endpoint_url,
                "region_name": elsewhere.region,
                "sagemaker_execution_role": elsewhere.role_arn,
            },
        }
        started.up(
            workers=1,
            LOCAL_SAGEMAKER="0",
            AIRFLOW_CONN_AWS_DEFAULT=json.dumps(connection),
            TUNING_STAGING_URL="s3://aws_default@ours/staging",
            TUNING_BUCKET="ours",
        )
        assert started.containers("local-sagemaker") == []
        run_id = started.run(elsewhere.client("sagemaker"), jobs=1, parallel_jobs=1)
        best = started.api().result(run_id, "extract_best_model")
        assert best["record"].startswith("s3://ours/mnist-tuning/best/")
        assert read_json(elsewhere.client("s3"), best["record"]) == best
