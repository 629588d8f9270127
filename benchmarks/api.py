"""How fast the local SageMaker answers with many trials in its store, and how much memory it keeps.

    python benchmarks/api.py

Prints p50 and p99 in milliseconds for Describe, List and ListTrainingJobs at 10, 100 and 1,000 trials, as boto3 sees
them over loopback; then the same of a tuning job with early stopping that is under way: 997 trials of 50 values have
ended, three run and print ten values a second in all. Target: p99 under 50 ms at 1,000 trials, both times, resident
memory under 300 MB.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from local_sagemaker.records import Metric, TrainingJob, Transition, TuningJob  # noqa: E402
from local_sagemaker.store import Store  # noqa: E402

SIZES = (10, 100, 1000)
ACTIVE, VALUES, RUNNING = "active", 50, 3
SCRIPT = """
import time
while True:
    print("loss = 0.0001", flush=True)
    time.sleep(0.3)
"""
STEPS = ("Starting", "Downloading", "Training", "Uploading", "Completed")


def main() -> int:
    """0 if both targets are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300, help="calls of each operation (default: %(default)s)")
    calls = parser.parse_args().calls
    print(f"{'operation':44} {'trials':>6} {'p50 ms':>7} {'p99 ms':>7}")
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        fill(state)
        with serving(state) as (client, process):
            for size in SIZES:
                worst = measure(client, str(size), calls)
            memory = resident(process)
            upload_source(state)
        fill_active(state)
        with serving(state) as (client, process):
            wait_for_trials(client)
            worst = max(worst, measure(client, ACTIVE, calls))
            memory = max(memory, resident(process))
    print(f"\nresident memory {memory:.0f} MB (target 300); worst p99 at 1,000 trials {worst:.1f} ms (target 50)")
    return 0 if worst < 50 and memory < 300 else 1


@contextmanager
def serving(state: Path) -> Iterator[tuple[Any, "subprocess.Popen[bytes]"]]:
    """A service on `state` with a SageMaker client of it."""
    (state / "service.json").unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "local_sagemaker", "--port", "0", "--state", str(state)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield connect(state, process), process
    finally:
        process.terminate()
        process.wait()


def resident(process: "subprocess.Popen[bytes]") -> float:
    """Its resident memory in MB."""
    return float(psutil.Process(process.pid).memory_info().rss / 2**20)


def upload_source(state: Path) -> None:
    """What the trials of the active tuning job run and read."""
    s3 = client_of(state, "s3")
    s3.create_bucket(Bucket="bucket")
    archive, script = io.BytesIO(), SCRIPT.encode()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("mnist.py")
        member.size = len(script)
        tar.addfile(member, io.BytesIO(script))
    s3.put_object(Bucket="bucket", Key="code/sourcedir.tar.gz", Body=archive.getvalue())
    s3.put_object(Bucket="bucket", Key="data/train/part-0", Body=b"data")


def wait_for_trials(client: Any) -> None:
    """Until the last trials of the active tuning job print."""
    for number in range(SIZES[-1] - RUNNING + 1, SIZES[-1] + 1):
        deadline = time.monotonic() + 120
        while not client.list_training_jobs(NameContains=f"{ACTIVE}-{number:03d}")["TrainingJobSummaries"]:
            if time.monotonic() > deadline:
                raise SystemExit(f"trial {number} of the active tuning job did not start")
            time.sleep(0.1)
    time.sleep(3)


def measure(client: Any, job: str, calls: int) -> float:
    """Print the table's lines of one tuning job; the worst p99 in milliseconds."""
    name = f"tune-{job}"
    operations: dict[str, Callable[[], Any]] = {
        "DescribeHyperParameterTuningJob": lambda: client.describe_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name
        ),
        "ListHyperParameterTuningJobs": client.list_hyper_parameter_tuning_jobs,
        "ListTrainingJobsForHyper..., 10 a page": lambda: trials(client, name, 10),
        "ListTrainingJobsForHyper..., 100 a page": lambda: trials(client, name, 100),
        "ListTrainingJobsForHyper..., by objective": lambda: trials(
            client, name, 10, SortBy="FinalObjectiveMetricValue"
        ),
        "DescribeTrainingJob": lambda: client.describe_training_job(TrainingJobName=trial_name(job, 1)),
        "ListTrainingJobs": client.list_training_jobs,
    }
    worst = 0.0
    for operation, call in operations.items():
        p50, p99 = percentiles(call, calls)
        print(f"{operation:44} {job:>6} {p50:7.1f} {p99:7.1f}", flush=True)
        worst = max(worst, p99)
    return worst


def trials(client: Any, name: str, page: int, **options: Any) -> Any:
    """One page of a tuning job's trials."""
    return client.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, MaxResults=page, **options
    )


def percentiles(call: Callable[[], Any], calls: int) -> tuple[float, float]:
    """p50 and p99 of `calls` calls, in milliseconds, after three to warm up."""
    for _ in range(3):
        call()
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1000)
    cuts = statistics.quantiles(times, n=100)
    return cuts[49], cuts[98]


def trial_name(job: str, number: int) -> str:
    """The name of a tuning job's trial."""
    return f"tune-{job}-{number:03d}-0a1b2c3d"


def fill(state: Path) -> None:
    """A store as finished tuning jobs of 10, 100 and 1,000 trials leave it."""
    store = Store(state / "sagemaker.sqlite")
    for size in SIZES:
        request = tuning_request(str(size), size)
        store.add_tuning_job(replace(tuning_job(request), status="Completed", ended=2.0), {})
        for number in range(1, size + 1):
            store.add_training_job(trial(request, str(size), number), {})
    store.close()


def fill_active(state: Path) -> None:
    """A tuning job that has its last trials before it; those that have ended have printed all their values."""
    store = Store(state / "sagemaker.sqlite")
    request = tuning_request(ACTIVE, SIZES[-1])
    request["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"] = "Auto"
    request["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"] = "plain"
    store.add_tuning_job(tuning_job(request), {})
    for number in range(1, SIZES[-1] - RUNNING + 1):
        job = trial(request, ACTIVE, number)
        store.add_training_job(job, {})
        values = [Metric("loss", 1.0 + 1.0 / epoch, float(epoch)) for epoch in range(1, VALUES + 1)]
        store.add_log_progress(job.name, 1, values, float(number))
    store.close()


def tuning_request(job: str, trials: int) -> dict[str, Any]:
    """A CreateHyperParameterTuningJob."""
    request: dict[str, Any] = json.loads((Path(__file__).parent / "tuning_request.json").read_text())
    request["HyperParameterTuningJobName"] = f"tune-{job}"
    request["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"] = trials
    return request


def tuning_job(request: dict[str, Any]) -> TuningJob:
    """The record of a tuning job that is under way."""
    name = request["HyperParameterTuningJobName"]
    arn = f"arn:aws:sagemaker:us-east-1:000000000000:hyper-parameter-tuning-job/{name}"
    return TuningJob(name, arn, request, 0, 1.0, 2.0)


def trial(request: dict[str, Any], owner: str, number: int) -> TrainingJob:
    """A completed trial."""
    definition = request["TrainingJobDefinition"]
    name = trial_name(owner, number)
    job = TrainingJob(
        name=name,
        arn=f"arn:aws:sagemaker:us-east-1:000000000000:training-job/{name}",
        request={"TrainingJobName": name, "HyperParameters": definition["StaticHyperParameters"], **definition},
        created=float(number),
        modified=float(number) + 1,
        tuning_job=f"tune-{owner}",
        trial=number,
        tuned={"learning_rate": repr(0.01 + number / 1e4)},
    )
    return replace(
        job,
        status="Completed",
        secondary_status="Completed",
        started=float(number),
        ended=float(number) + 1,
        objective_status="Succeeded",
        objective=1.0 / number,
        transitions=tuple(Transition(step, float(number), float(number)) for step in STEPS),
    )


def connect(state: Path, process: "subprocess.Popen[bytes]") -> Any:
    """A boto3 client once the service has said where it is."""
    while not (state / "service.json").exists():
        if process.poll() is not None:
            raise SystemExit("the local SageMaker did not start")
        time.sleep(0.05)
    return client_of(state, "sagemaker")


def client_of(state: Path, name: str) -> Any:
    """A boto3 client of a service that has said where it is."""
    service = json.loads((state / "service.json").read_text())
    keys = json.loads((state / "credentials.json").read_text())
    return boto3.client(
        name,
        endpoint_url=service["endpoint_url"],
        region_name=service["region"],
        aws_access_key_id=keys["access_key"],
        aws_secret_access_key=keys["secret_key"],
    )


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    sys.exit(main())
