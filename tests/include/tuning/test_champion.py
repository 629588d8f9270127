"""The reigning model on a real S3: replaced by a better one alone, whoever else writes at the same time."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from include.storage.s3_layout import S3Layout
from include.tuning import champion
from tests.conftest import LocalService


@pytest.fixture
def layout(sagemaker_endpoint: LocalService) -> S3Layout:
    """A bucket of the test's own."""
    bucket = f"champions-{uuid.uuid4().hex[:8]}"
    sagemaker_endpoint.client("s3").create_bucket(Bucket=bucket)
    return S3Layout(bucket, "p")


def record(job: str, value: float, **changes: Any) -> dict[str, Any]:
    metric = {"name": "loss", "objective": "Minimize", "value": value}
    return {"tuning_job": job, "metric": metric, "data": {"dataset": "mnist", "fingerprint": "abc"}} | changes


def reigning(service: LocalService, layout: S3Layout) -> str:
    body = service.client("s3").get_object(Bucket=layout.bucket, Key=layout.champion("dag", "mnist"))["Body"].read()
    return str(json.loads(body)["tuning_job"])


def test_only_a_better_model_takes_the_place_and_a_draw_leaves_it(
    sagemaker_endpoint: LocalService, layout: S3Layout
) -> None:
    s3 = sagemaker_endpoint.client("s3")
    outcomes = [
        champion.challenge(s3, layout, "dag", record(job, value)).reigns
        for job, value in (("first", 0.5), ("worse", 0.6), ("equal", 0.5), ("better", 0.4))
    ]
    assert outcomes == [True, False, False, True]
    assert reigning(sagemaker_endpoint, layout) == "better"


def test_the_verdict_names_both_models_their_values_and_other_data() -> None:
    old = record("old", 0.5)
    new = record("new", 0.6, data={"dataset": "mnist", "fingerprint": "xyz"})
    verdict = champion.judge(old, new)
    assert not verdict.reigns
    assert verdict.reason == (
        "loss 0.6 of new is not better than 0.5 of the reigning old, which stays; they were measured on different data"
    )


def test_a_maximised_metric_is_better_when_it_is_larger() -> None:
    def of(value: float) -> dict[str, Any]:
        return {"metric": {"name": "accuracy", "objective": "Maximize", "value": value}}

    assert champion.judge(record("old", 0) | of(0.8), record("new", 0) | of(0.9)).reigns
    assert not champion.judge(record("old", 0) | of(0.8), record("new", 0) | of(0.7)).reigns


def test_the_same_job_reigns_again_when_its_run_is_cleared(sagemaker_endpoint: LocalService, layout: S3Layout) -> None:
    s3 = sagemaker_endpoint.client("s3")
    for _ in range(2):
        assert champion.challenge(s3, layout, "dag", record("only", 0.5)).reigns


def test_of_many_that_challenge_at_once_the_best_reigns(sagemaker_endpoint: LocalService, layout: S3Layout) -> None:
    s3 = sagemaker_endpoint.client("s3")
    with ThreadPoolExecutor(4) as pool:
        challenges = [
            pool.submit(champion.challenge, s3, layout, "dag", record(f"job-{value}", value))
            for value in (0.4, 0.3, 0.2, 0.1)
        ]
        assert any(challenge.result().reigns for challenge in challenges)
    assert reigning(sagemaker_endpoint, layout) == "job-0.1"
