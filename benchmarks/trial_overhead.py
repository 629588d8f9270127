"""What a trial costs beside its own steps: 9 TensorFlow trials, 3 at a time, in the warm pool and four other ways.

    python benchmarks/trial_overhead.py [--steps 20 200] [--batch-size N] [--repeat N] [--ways NAME ...]

The ways: the local SageMaker's warm pool; the same service starting each trial as a plain subprocess; Syne Tune's local
backend and Ray Tune, each in an environment of its own, which is made once under --cache with uv; and the limit, trials
forked from an interpreter that has imported TensorFlow and started by a loop of five lines. All run training/mnist.py
on the same shards with this interpreter's TensorFlow. They take turns, and the best of N turns counts. The services
and the limit have TensorFlow imported when the clock starts; the table's note says what the warm pool's import took.
`gap` is the median time from a trial's end to the first step of the trial that takes its place, the first step's own
compilation included; `overhead` is (makespan - limit) x 3 / 9 a trial. Exits with 1 if a target is missed.
"""

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import boto3
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trials.environment import variables

from include.datasets.splits import everything
from include.datasets.tfrecord import write_shards

ROOT = Path(__file__).resolve().parents[1]
TRIALS, PARALLEL = 9, 3
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-training:2.19-cpu-py312"
BUCKET = "trial-overhead"
COLD = {"TF_CPP_MIN_LOG_LEVEL": "3"}  # counts before TensorFlow's import, so that a trial with it does not start warm
PEERS = {
    "Syne Tune": ("syne-tune==0.16.0", "syne_tune_trials.py"),
    "Ray Tune": ("ray[tune]==2.60.0", "ray_tune_trials.py"),
}
WARM, SUBPROCESS, LIMIT = "warm pool", "subprocesses", "limit"
SPEED_UP_AT = {20: 3.0, 200: 1.0}
LIMIT_FACTOR = 1.15
OVERHEAD_SECONDS = 0.5
LONGEST_SECONDS = 900


class SkippedError(Exception):
    """A way that can't run here; the text says why."""


@dataclass(frozen=True)
class Run:
    """One way's 9 trials: seconds from the start to the last trial's end, and the median gap."""

    makespan: float
    gap: float


@dataclass(frozen=True)
class Bench:
    """Where the data, the trials' marks and the environments lie, the trials' batch size, and the service's clients."""

    folder: Path
    cache: Path
    batch_size: int
    clients: dict[str, Any]
    role: str

    def arguments(self, steps: int, marks: Path) -> list[str]:
        """The trial's arguments but for the learning rate, which the ways choose."""
        return ["--marks", str(marks), "--training_steps", str(steps), "--batch_size", str(self.batch_size)]

    def variables(self) -> dict[str, str]:
        """The environment of a trial outside a training job."""
        own = {"SYNETUNE_FOLDER": str(self.folder / "syne-tune")}
        return variables(self.folder / "data", self.folder / "trials") | own


def main() -> int:
    """Print the tables and say whether the targets are met."""
    options = _arguments()
    with tempfile.TemporaryDirectory() as name, _Service(Path(name) / "state") as service:
        bench = Bench(Path(name), options.cache, options.batch_size, service.clients, service.role)
        _make_data(bench)
        began = time.time()
        _tune(bench, 1, _marks(bench), trials=1)
        print(f"The warm pool's first trial took {time.time() - began:.1f} s, TensorFlow's import included.")
        met = [_compare(bench, steps, options) for steps in options.steps]
    return 0 if all(met) else 1


def _compare(bench: Bench, steps: int, options: argparse.Namespace) -> bool:
    runs: dict[str, list[Run]] = {}
    for _ in range(options.repeat):
        for way in options.ways:
            try:
                marks = _marks(bench)
                began = WAYS[way](bench, steps, marks)
                runs.setdefault(way, []).append(_read(marks, began))
                print(f"{steps} steps, {way}: {runs[way][-1].makespan:.1f} s", file=sys.stderr, flush=True)
            except SkippedError as reason:
                print(f"{way} is left out: {reason}")
    best = {way: min(turns, key=lambda run: run.makespan) for way, turns in runs.items()}
    return _report(steps, bench.batch_size, best)


def _report(steps: int, batch_size: int, best: dict[str, Run]) -> bool:
    limit = best[LIMIT].makespan if LIMIT in best else float("nan")
    trials = f"{TRIALS} trials of {steps} steps of {batch_size} images"
    print(f"\n| {trials} | makespan s | times the limit | gap s | overhead s a trial |")
    print("|---|---|---|---|---|")
    for way, run in best.items():
        overhead = (run.makespan - limit) * PARALLEL / TRIALS
        print(f"| {way} | {run.makespan:.1f} | {run.makespan / limit:.2f} | {run.gap:.2f} | {overhead:.2f} |")
    others = [run.makespan for way, run in best.items() if way not in (WARM, LIMIT)]
    if WARM not in best or not others:
        return True
    ours = best[WARM].makespan
    faster, wanted = min(others) / ours, SPEED_UP_AT.get(steps, 1.0)
    overhead = (ours - limit) * PARALLEL / TRIALS
    print(f"\n{faster:.1f} times as fast as the best other way (target: at least {wanted:g})")
    print(f"{overhead:.2f} s of overhead a trial (target: under {OVERHEAD_SECONDS:g})")
    near = steps < max(SPEED_UP_AT) or ours <= LIMIT_FACTOR * limit
    return faster >= wanted and not overhead >= OVERHEAD_SECONDS and near


def _read(marks: Path, began: float) -> Run:
    """Raises SkippedError unless every trial trained."""
    found = [json.loads(path.read_text()) for path in marks.iterdir()]
    done = [mark for mark in found if mark["code"] == 0 and mark["first_step"]]
    if len(done) < TRIALS:
        raise SkippedError(f"{len(done)} of its {TRIALS} trials trained")
    ends = sorted(mark["end"] for mark in done)
    starts = sorted(mark["first_step"] for mark in done)
    gaps = [start - end for end, start in zip(ends, starts[PARALLEL:], strict=False)]
    return Run(ends[TRIALS - 1] - began, median(gaps))


# The ways: each runs the trials and returns when it began, in seconds since the epoch.


def _warm(bench: Bench, steps: int, marks: Path) -> float:
    return _tune(bench, steps, marks)


def _subprocesses(bench: Bench, steps: int, marks: Path) -> float:
    return _tune(bench, steps, marks, environment=COLD)


def _limit(bench: Bench, steps: int, marks: Path) -> float:
    trials = [str(TRIALS), str(PARALLEL), json.dumps(bench.arguments(steps, marks))]
    return float(_run([sys.executable, str(ROOT / "benchmarks/trials/limit.py"), *trials], bench).split()[0])


def _peer(name: str) -> Callable[[Bench, int, Path], float]:
    def run(bench: Bench, steps: int, marks: Path) -> float:
        python = _environment(bench.cache, name)
        trial = ROOT / "benchmarks" / "trials"
        given = [sys.executable, str(trial / "trial.py"), str(TRIALS), str(PARALLEL)]
        began = time.time()
        _run([python, str(trial / PEERS[name][1]), *given, json.dumps(bench.arguments(steps, marks))], bench)
        return began

    return run


WAYS: dict[str, Callable[[Bench, int, Path], float]] = {
    LIMIT: _limit,
    WARM: _warm,
    SUBPROCESS: _subprocesses,
    **{name: _peer(name) for name in PEERS},
}


def _tune(
    bench: Bench, steps: int, marks: Path, *, trials: int = TRIALS, environment: dict[str, str] | None = None
) -> float:
    static = dict(zip(*[iter(bench.arguments(steps, marks))] * 2, strict=True))
    channel = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated"}
    name = f"overhead-{int(time.time() * 1000)}"
    sagemaker = bench.clients["sagemaker"]
    began = time.time()
    sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig={
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": trials, "MaxParallelTrainingJobs": min(PARALLEL, trials)},
            "ParameterRanges": {
                "ContinuousParameterRanges": [{"Name": "learning_rate", "MinValue": "0.001", "MaxValue": "0.1"}]
            },
        },
        TrainingJobDefinition={
            "StaticHyperParameters": {name.removeprefix("--"): value for name, value in static.items()}
            | {"sagemaker_program": "trial.py", "sagemaker_submit_directory": f"s3://{BUCKET}/sourcedir.tar.gz"},
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": r"\bloss = ([0-9.e+-]+)"}],
            },
            "RoleArn": bench.role,
            "InputDataConfig": [
                {
                    "ChannelName": split,
                    "DataSource": {"S3DataSource": channel | {"S3Uri": f"s3://{BUCKET}/data/{split}/"}},
                }
                for split in ("train", "validation")
            ],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/jobs"},
            "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": LONGEST_SECONDS},
            "Environment": environment or {},
        },
    )
    while time.time() < began + LONGEST_SECONDS:
        job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        if job["HyperParameterTuningJobStatus"] != "InProgress":
            return began
        time.sleep(1)
    raise SkippedError(f"not done after {LONGEST_SECONDS} s")


def _run(command: list[str], bench: Bench) -> str:
    done = subprocess.run(
        command, env=bench.variables(), cwd=bench.folder, capture_output=True, text=True, timeout=LONGEST_SECONDS
    )
    if done.returncode != 0:
        raise SkippedError(f"{command[1]} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def _environment(cache: Path, name: str) -> str:
    """The Python of a peer's environment, made when it is first asked for."""
    requirement = PEERS[name][0]
    folder = cache / requirement.replace("[", "-").replace("]", "")
    ready = folder / "ready"
    if not ready.exists():
        uv = [sys.executable, "-m", "uv"]
        for command in (
            [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
            [*uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), requirement],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise SkippedError(f"{requirement} can't be installed: {done.stderr.strip()[-300:]}")
        ready.touch()
    return str(folder / "bin" / "python")


def _marks(bench: Bench) -> Path:
    return Path(tempfile.mkdtemp(dir=bench.folder))


def _make_data(bench: Bench) -> None:
    """Shards of random images, which cost what real ones do, and the source archive, in a folder and in S3."""
    rng = np.random.default_rng(0)
    s3 = bench.clients["s3"]
    s3.create_bucket(Bucket=BUCKET)
    for split, count in (("train", 4000), ("validation", 500)):
        folder = bench.folder / "data" / split
        folder.mkdir(parents=True)
        images = rng.integers(0, 256, (count, 28, 28), np.uint8)
        write_shards(folder, everything(images, rng.integers(0, 10, count, np.uint8)), shards=4)
        for path in folder.glob("*.tfrecord"):
            s3.upload_file(str(path), BUCKET, f"data/{split}/{path.name}")
    archive = bench.folder / "sourcedir.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for path in [*(ROOT / "training").glob("*.py"), ROOT / "benchmarks" / "trials" / "trial.py"]:
            tar.add(path, arcname=path.name)
    s3.upload_file(str(archive), BUCKET, archive.name)


class _Service:
    """A local SageMaker for as long as a `with` lasts."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def __enter__(self) -> "_Service":
        self._state.mkdir()
        log = (self._state / "service.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local_sagemaker", "--port", "0", "--state", str(self._state)],
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
        while not (self._state / "service.json").exists():
            if self._process.poll() is not None:
                raise SystemExit((self._state / "service.log").read_text())
            time.sleep(0.1)
        said = json.loads((self._state / "service.json").read_text())
        keys = json.loads((self._state / "credentials.json").read_text())
        session = boto3.Session(keys["access_key"], keys["secret_key"], region_name=said["region"])
        self.clients = {name: session.client(name, endpoint_url=said["endpoint_url"]) for name in ("s3", "sagemaker")}
        self.role: str = said["role_arn"]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--steps", type=int, nargs="+", default=sorted(SPEED_UP_AT), help="training steps of a trial")
    parser.add_argument("--batch-size", type=int, default=100, help="images in a step, which costs in proportion")
    parser.add_argument("--repeat", type=int, default=3, help="turns of each way; the best counts")
    parser.add_argument("--ways", nargs="+", choices=sorted(WAYS), default=list(WAYS), help="which to run")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / ".local" / "benchmarks", help="folder of the peers' environments"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
