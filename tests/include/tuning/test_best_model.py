import json
from pathlib import Path

import pytest

from include.errors import NoBestModelError
from include.storage.s3_layout import parse_s3_uri
from include.tuning import best_model, trials
from tests.conftest import LocalService
from tests.include.tuning.jobs import CRASHES, DATA, LAYOUT, LEARNS, SILENT, finished_job

PLAN = {"code": {"uri": "s3://tuning-tests/code", "sha256": "f00"}, "signature": "s"}


def extract(service: LocalService, job: str) -> dict[str, object]:
    clients = [service.client(name) for name in ("sagemaker", "s3", "logs")]
    return best_model.extract(*clients, job, LAYOUT, data=DATA, plan=PLAN)


def read(service: LocalService, uri: str) -> bytes:
    bucket, key = parse_s3_uri(uri)
    body: bytes = service.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def test_the_record_names_the_best_of_all_trials_and_lies_beside_its_model(
    sagemaker_endpoint: LocalService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "PAGE_SIZE", 2)  # so that three trials are two pages
    job = finished_job(sagemaker_endpoint, LEARNS, tmp_path)
    record = extract(sagemaker_endpoint, job)
    board = record["leaderboard"]
    rates = [float(row["hyperparameters"]["learning_rate"]) for row in board]
    assert len(rates) == 3
    assert rates == sorted(rates)
    assert record["training_job"] == board[0]["training_job"]
    assert record["metric"]["value"] == pytest.approx(rates[0], rel=1e-6)
    assert record["metrics"]["accuracy"] == pytest.approx(1 - rates[0], rel=1e-6)
    assert record["hyperparameters"] == board[0]["hyperparameters"]
    assert record["fixed_hyperparameters"] == {
        "batch_size": "100",
        "optimizer": "sgd",
        "training_steps": "10",
        "evaluation_steps": "1",
        "evaluate_every": "5",
        "seed": "0",
    }
    assert (record["data"], record["code"], record["signature"]) == (DATA, PLAN["code"], "s")
    assert all(row["status"] == "Completed" and row["seconds"] >= 0 for row in board)
    assert json.loads(read(sagemaker_endpoint, record["record"])) == record
    assert read(sagemaker_endpoint, record["artifact"]) == read(sagemaker_endpoint, record["trained_artifact"])


def test_a_best_trial_that_left_no_model_is_passed_over(sagemaker_endpoint: LocalService, tmp_path: Path) -> None:
    job = finished_job(sagemaker_endpoint, LEARNS, tmp_path)
    first, second, third = extract(sagemaker_endpoint, job)["leaderboard"]
    s3 = sagemaker_endpoint.client("s3")
    for trial, best in ((first, second), (second, third)):
        training = sagemaker_endpoint.client("sagemaker").describe_training_job(TrainingJobName=trial["training_job"])
        bucket, key = parse_s3_uri(training["ModelArtifacts"]["S3ModelArtifacts"])
        s3.delete_object(Bucket=bucket, Key=key)
        record = extract(sagemaker_endpoint, job)
        assert record["training_job"] == best["training_job"]
        assert record["metric"]["value"] == best["value"]


def test_extracting_again_gives_the_same_record(sagemaker_endpoint: LocalService, tmp_path: Path) -> None:
    job = finished_job(sagemaker_endpoint, LEARNS, tmp_path, jobs=1, parallel_jobs=1)
    assert extract(sagemaker_endpoint, job) == extract(sagemaker_endpoint, job)


def test_trials_without_a_metric_are_refused_with_what_to_look_for(
    sagemaker_endpoint: LocalService, tmp_path: Path
) -> None:
    job = finished_job(sagemaker_endpoint, SILENT, tmp_path, jobs=1, parallel_jobs=1)
    with pytest.raises(NoBestModelError, match=rf"{job} has no best model: .* value of 'loss'\. the script printed no"):
        extract(sagemaker_endpoint, job)


def test_failed_trials_are_refused_each_with_its_reason_and_log(
    sagemaker_endpoint: LocalService, tmp_path: Path
) -> None:
    job = finished_job(sagemaker_endpoint, CRASHES, tmp_path, jobs=2, parallel_jobs=2)
    with pytest.raises(NoBestModelError) as caught:
        extract(sagemaker_endpoint, job)
    text = str(caught.value)
    assert "\n" not in text
    for number in ("001", "002"):
        assert f"log group /aws/sagemaker/TrainingJobs, stream {job}-{number}-" in text
    assert "/algo-1-" in text
    assert text.count("AlgorithmError") == 2
