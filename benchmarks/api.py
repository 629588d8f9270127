"""How fast the local SageMaker answers with many trials in its store, and how much memory it keeps.

    python benchmarks/api.py

Prints p50 and p99 in milliseconds for Describe, List and ListTrainingJobs at 10, 100 and 1,000 trials, as boto3 sees
them over loopback. Target: p99 under 50 ms at 1,000 trials, resident memory under 300 MB with no training running.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from local_sagemaker.records import TrainingJob, Transition, TuningJob  # noqa: E402
from local_sagemaker.store import Store  # noqa: E402

SIZES = (10, 100, 1000)
STEPS = ("Starting", "Downloading", "Training", "Uploading", "Completed")


def main() -> int:
    """0 if both targets are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300, help="calls of each operation (default: %(default)s)")
    calls = parser.parse_args().calls
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        fill(state)
        process = subprocess.Popen(
            [sys.executable, "-m", "local_sagemaker", "--port", "0", "--state", str(state)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            worst = measure(connect(state, process), calls)
            memory = psutil.Process(process.pid).memory_info().rss / 2**20
        finally:
            process.terminate()
            process.wait()
    print(f"\nresident memory {memory:.0f} MB (target 300); worst p99 at 1,000 trials {worst:.1f} ms (target 50)")
    return 0 if worst < 50 and memory < 300 else 1


def measure(client: Any, calls: int) -> float:
    """Print the table; the worst p99 at the largest size, in milliseconds."""
    print(f"{'operation':44} {'trials':>6} {'p50 ms':>7} {'p99 ms':>7}")
    worst = 0.0
    for size in SIZES:
        name = f"tune-{size}"
        operations: dict[str, Callable[[], Any]] = {
            "DescribeHyperParameterTuningJob": lambda name=name: client.describe_hyper_parameter_tuning_job(
                HyperParameterTuningJobName=name
            ),
            "ListHyperParameterTuningJobs": client.list_hyper_parameter_tuning_jobs,
            "ListTrainingJobsForHyper..., 10 a page": lambda name=name: trials(client, name, 10),
            "ListTrainingJobsForHyper..., 100 a page": lambda name=name: trials(client, name, 100),
            "ListTrainingJobsForHyper..., by objective": lambda name=name: trials(
                client, name, 10, SortBy="FinalObjectiveMetricValue"
            ),
            "DescribeTrainingJob": lambda size=size: client.describe_training_job(TrainingJobName=trial_name(size, 1)),
            "ListTrainingJobs": client.list_training_jobs,
        }
        for operation, call in operations.items():
            p50, p99 = percentiles(call, calls)
            print(f"{operation:44} {size:6} {p50:7.1f} {p99:7.1f}", flush=True)
            worst = max(worst, p99) if size == SIZES[-1] else worst
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


def trial_name(size: int, number: int) -> str:
    """The name of a tuning job's trial."""
    return f"tune-{size}-{number:03d}-0a1b2c3d"


def fill(state: Path) -> None:
    """A store as finished tuning jobs of 10, 100 and 1,000 trials leave it."""
    store = Store(state / "sagemaker.sqlite")
    for size in SIZES:
        request = json.loads((Path(__file__).parent / "tuning_request.json").read_text())
        request["HyperParameterTuningJobName"] = f"tune-{size}"
        request["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"] = size
        arn = f"arn:aws:sagemaker:us-east-1:000000000000:hyper-parameter-tuning-job/tune-{size}"
        job = TuningJob(f"tune-{size}", arn, request, 0, 1.0, 2.0, status="Completed", ended=2.0)
        store.add_tuning_job(job, {})
        for number in range(1, size + 1):
            store.add_training_job(trial(request, size, number), {})
    store.close()


def trial(request: dict[str, Any], size: int, number: int) -> TrainingJob:
    """A completed trial."""
    definition = request["TrainingJobDefinition"]
    name = trial_name(size, number)
    job = TrainingJob(
        name=name,
        arn=f"arn:aws:sagemaker:us-east-1:000000000000:training-job/{name}",
        request={"TrainingJobName": name, "HyperParameters": definition["StaticHyperParameters"], **definition},
        created=float(number),
        modified=float(number) + 1,
        tuning_job=f"tune-{size}",
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
    service = json.loads((state / "service.json").read_text())
    keys = json.loads((state / "credentials.json").read_text())
    return boto3.client(
        "sagemaker",
        endpoint_url=service["endpoint_url"],
        region_name=service["region"],
        aws_access_key_id=keys["access_key"],
        aws_secret_access_key=keys["secret_key"],
    )


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    sys.exit(main())
