"""The data half's Params reach the library: what the trigger form says is what is written and uploaded."""

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time.context import set_current_context

from dags.mnist_tuning import PARAMS, STUDY
from include.datasets import upload
from include.storage import buckets
from sagemaker_tuning import data_tasks
from sagemaker_tuning.run import Run
from sagemaker_tuning.task_errors import FinalFault


def in_a_run(**params: Any) -> Any:
    """The context of a task of a run on the bundled digits."""
    chosen = {name: param.value for name, param in PARAMS.items()} | {"dataset": "digits"} | params
    run = SimpleNamespace(dag_id="d", run_id="r", run_after=datetime.now(UTC))
    dag = SimpleNamespace(params=PARAMS)
    return set_current_context({"dag_run": run, "dag": dag, "params": chosen})  # type: ignore[typeddict-item]


def manifest_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **params: Any) -> dict[str, Any]:
    monkeypatch.setenv("TUNING_STAGING_URL", tmp_path.as_uri())
    with in_a_run(**params):
        converted = data_tasks.convert_to_tfrecord(data_tasks.download_dataset(STUDY))
    folder = Path(converted["uri"].removeprefix("file://"))
    return dict(json.loads((folder / "manifest.json").read_text()))


@pytest.mark.parametrize(
    ("params", "shards"), [({}, 4), ({"instance_count": 5}, 5), ({"instance_count": 5, "shards": 2}, 2)]
)
def test_shards_are_the_param_or_enough_for_every_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: dict[str, int], shards: int
) -> None:
    manifest = manifest_of(tmp_path, monkeypatch, **params)
    assert {len(split["shards"]) for split in manifest["splits"].values()} == {shards}


def test_stratified_split_keeps_each_classs_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = manifest_of(tmp_path, monkeypatch, stratify=True)
    train, validation = (manifest["splits"][name]["labels"] for name in ("train", "validation"))
    for in_train, held_out in zip(train, validation, strict=True):
        assert abs(held_out - (in_train + held_out) * 144 / 1437) <= 1


@pytest.mark.parametrize(
    ("param", "setting", "used"), [("", "", ""), ("", "alias/team", "alias/team"), ("mine", "alias/team", "mine")]
)
def test_kms_key_is_the_param_then_the_deployments(
    monkeypatch: pytest.MonkeyPatch, param: str, setting: str, used: str
) -> None:
    given: dict[str, Any] = {}
    connection = {"conn_type": "aws", "login": "a", "password": "b", "extra": {"region_name": "us-east-1"}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("TUNING_KMS_KEY", setting)
    monkeypatch.setattr(Run, "account", "000000000000")
    monkeypatch.setattr(buckets, "ensure_bucket", lambda *args, **options: None)
    monkeypatch.setattr(upload, "upload_dataset", lambda *args, **options: given.update(options) or {})
    with in_a_run(kms_key=param, bucket="bucket"):
        data_tasks.upload_to_s3({"uri": "file:///none", "dataset": "digits", "fingerprint": "0"})
    assert given["kms_key"] == used


def test_a_param_that_the_dag_does_not_have_is_refused_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNING_STAGING_URL", tmp_path.as_uri())
    with in_a_run(jobz=1), pytest.raises(FinalFault, match="the DAG has no Param 'jobz'; the nearest is jobs"):
        data_tasks.download_dataset(STUDY)
    assert list(tmp_path.iterdir()) == []
