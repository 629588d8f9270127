"""Runs that nobody triggers: the second is skipped, new data starts a third, which learns from the first."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.storage.s3_layout import S3Layout, default_bucket
from include.tuning.naming import tuning_job_name
from tests.e2e.quick_stack import LAST_STATES, QuickStack, quick_stack, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
DAG = "scheduled_tuning"
LAYOUT = S3Layout(default_bucket("us-east-1", "000000000000"), "mnist-tuning")


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuickStack]:
    with quick_stack(tmp_path_factory.mktemp("schedule")) as stack:
        yield stack


def run_number(quick: QuickStack, number: int) -> dict[str, Any]:
    """The DAG's run of that number, counted from 0, once it has ended well."""
    api = quick.api(DAG)
    wait_until(lambda: len(api.runs()) > number and api.runs()[number]["state"] in LAST_STATES, 300)
    run = api.runs()[number]
    assert run["state"] == "success"
    return run


def champion(quick: QuickStack) -> str:
    s3 = quick.stack.client("s3")
    body = s3.get_object(Bucket=LAYOUT.bucket, Key=LAYOUT.champion(DAG, "quick"))["Body"].read()
    return str(json.loads(body)["tuning_job"])


def test_two_scheduled_runs_then_new_data(quick: QuickStack, tmp_path: Path) -> None:
    api = quick.api(DAG)
    api.pause(False)
    first, second = run_number(quick, 0), run_number(quick, 1)
    assert {first["run_type"], second["run_type"]} == {"scheduled"}
    job = tuning_job_name(DAG, first["dag_run_id"])
    assert quick.jobs(DAG, first["dag_run_id"]) == {job: "Completed"}

    # Nothing has changed: the second run is skipped, and says why.
    assert quick.jobs(DAG, second["dag_run_id"]) == {}
    assert quick.task_state(DAG, second["dag_run_id"], "generate_tuning_config") == "skipped"
    log = api.log(second["dag_run_id"], "generate_tuning_config", 1)
    assert f"data, code, image and search are those of {job}, which succeeded at " in log
    assert (champion(quick), len(api.asset_events("quick_best_model"))) == (job, 1)

    # Better data: the third run learns from the first, and its model reigns.
    third = _after_update(quick, "0.5")
    warm = tuning_job_name(DAG, third["dag_run_id"])
    described = quick.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=warm)
    parents = described["WarmStartConfig"]["ParentHyperParameterTuningJobs"]
    assert parents == [{"HyperParameterTuningJobName": job}]
    assert described["WarmStartConfig"]["WarmStartType"] == "TransferLearning"
    assert champion(quick) == warm
    event = api.asset_events("quick_best_model")[-1]
    assert event["extra"]["tuning_job"] == warm
    assert event["extra"]["metric"]["value"] < 1

    # Worse data: the reigning model stays, the run says so, and nobody is told of a new one.
    fourth = _after_update(quick, "2.0")
    assert quick.task_state(DAG, fourth["dag_run_id"], "crown_champion") == "skipped"
    said = api.log(fourth["dag_run_id"], "crown_champion", 1)
    assert f"of the reigning {warm}, which stays; they were measured on different data" in said
    assert (champion(quick), len(api.asset_events("quick_best_model"))) == (warm, 2)


def _after_update(quick: QuickStack, height: str) -> dict[str, Any]:
    """The run that an update of the data's asset starts, between two scheduled ones."""
    api = quick.api(DAG)
    known = {run["dag_run_id"] for run in api.runs()}
    api.update_asset("quick_data", {"dataset": "quick", "source": height})
    found: list[dict[str, Any]] = []

    def ended() -> bool:
        new = [run for run in api.runs() if run["dag_run_id"] not in known]
        found[:] = [run for run in new if run["state"] in LAST_STATES and quick.jobs(DAG, run["dag_run_id"])]
        return bool(found)

    wait_until(ended, 300)
    assert found[0]["state"] == "success"
    return found[0]
