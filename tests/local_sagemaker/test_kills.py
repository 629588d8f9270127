"""SIGKILL of the service at random moments: no trial is lost, forgotten, or run twice, and nothing is left running."""

import json
import os
import random
import signal
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LocalService, running_service
from tests.local_sagemaker.conftest import BUCKET, processes_below, tuned, tuning_request, wait_until

JOBS, TRIALS, PARALLEL, SEED = 3, 8, 3, 11
SCRIPT = """
import argparse, os, pathlib, time
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
given, _ = parser.parse_known_args()
time.sleep(0.3)
print(f"loss = {(given.rate - 0.3) ** 2:.6f}")
with open("@@MARKS@@", "a") as marks:
    marks.write(os.environ["TRAINING_JOB_NAME"] + "\\n")
"""


def test_a_few_kills(tmp_path: Path) -> None:
    survive(tmp_path, kills=6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_many_kills(tmp_path: Path, seed: int) -> None:
    """3 x 20 kills."""
    survive(tmp_path, kills=20, seed=seed)


def survive(state: Path, *, kills: int, seed: int = 0) -> None:
    moments = random.Random(seed)
    marks = state / "marks"
    names: list[str] = []
    for number in range(kills):
        with running_service(state) as service:
            if number == 0:
                prepare(service)
            if number % max(1, kills // JOBS) == 0 and len(names) < JOBS:
                names.append(create(service, marks))
            time.sleep(moments.uniform(0.0, 0.8))
            os.kill(json.loads((state / "service.json").read_text())["pid"], signal.SIGKILL)
    with running_service(state) as service:
        finished = [outcome(service, name) for name in names]
        wait_until(lambda: processes_below(state) == [])
    completions = marks.read_text().split()
    assert len(completions) == len(set(completions)) == TRIALS * len(names), "a trial is lost or ran twice"
    assert all(trials == finished[0] for trials in finished), "the same seed, the same answers, kill or no kill"


def prepare(service: LocalService) -> None:
    s3 = service.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="data/train/part-0", Body=b"zero")


def create(service: LocalService, marks: Path) -> str:
    script = SCRIPT.replace("@@MARKS@@", str(marks))
    request = tuning_request(service, script, jobs=TRIALS, parallel=PARALLEL, RandomSeed=SEED)
    request["HyperParameterTuningJobName"] = f"kill-{uuid.uuid4().hex[:8]}"
    service.client("sagemaker").create_hyper_parameter_tuning_job(**request)
    return str(request["HyperParameterTuningJobName"])


def outcome(service: LocalService, name: str) -> list[tuple[Any, ...]]:
    """Each trial's number, status, tuned values and objective, after the job's end."""
    job = tuned(service, name)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["Completed"] == TRIALS
    trials = service.client("sagemaker").list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, MaxResults=100
    )["TrainingJobSummaries"]
    assert len({trial["TrainingJobName"] for trial in trials}) == len(trials) == TRIALS
    return [
        (
            trial["TrainingJobName"].split("-")[2],
            trial["TrainingJobStatus"],
            trial["TunedHyperParameters"],
            trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
        )
        for trial in trials
    ]
