"""How fast training/mnist.py trains, how soon it begins, and with --accuracy how well: each against its target.

    python benchmarks/training.py [--raw FOLDER] [--repeat N]
    python benchmarks/training.py --accuracy [--raw FOLDER] [--seeds N]

FOLDER has the four MNIST files, gzipped or not; without it, and without ../shared/data/mnist beside the checkout, the
images are random, which costs the same, and --accuracy says that it needs the real ones.
Speed: one epoch of our loop from TFRecords, and of plain `model.fit` of the same network and optimizer on arrays in
memory. Each has a process of its own, and they take turns of 50 steps, from step 50 on, so that both meet the same
machine; what counts is the median of the ratios of turns side by side.
First step: from the start of a Python process, and from a fork of an interpreter that has imported TensorFlow, to the
end of the first step. Accuracy: of the exported model on the 10,000 test images, after 1,000 steps and after 10 epochs;
a minute and six on two quiet cores. Exits with 1 if a target is missed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from raw_files import make_raw
from trials.environment import CODE, variables

from include.datasets.catalogue import TRAIN_IMAGES, TRAIN_LABELS, find_dataset
from include.datasets.convert import convert
from include.datasets.idx import read_images, read_labels

BATCH = 100
FIRST, LAST = 50, 550
SHARE_OF_FIT = 0.95
ACCURACY_AT = {1000: 0.985, 10 * LAST: 0.992}
TRIALS = Path(__file__).parent / "trials"
Note = Callable[[int], None]


def main() -> int:
    """Prints the tables and says whether the targets are met."""
    options = _arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        what = make_raw(folder / "raw", options.raw)
        print(what + "\n")
        records = Path(convert(folder / "raw", folder, dataset=find_dataset("mnist"))["uri"])
        if options.accuracy:
            if what != "MNIST":
                raise SystemExit("--accuracy needs the real images: name a folder or URL with --raw")
            return 0 if _accuracy(records, folder / "trials", options.seeds) else 1
        met = _speed(folder / "raw", records)
        _first_step(records, folder, options.repeat)
        return 0 if met else 1


# Speed


def ours(_: Path, records: Path, note: Note) -> None:
    """The job's own loop on the shards; the evaluation comes after the last step."""
    import cluster
    import environment
    import loop
    from hyperparameters import Hyperparameters
    from input_pipeline import open_split

    def say(line: str) -> None:
        if line.startswith("step "):
            note(int(line.split()[1].split("/")[0]))

    with tempfile.TemporaryDirectory() as base:
        job = environment.read({"SAGEMAKER_BASE_DIR": base})
        joined = cluster.connect(job)
        loop.train(
            Hyperparameters(batch_size=BATCH, training_steps=LAST, evaluate_every=LAST),
            train_split=open_split(records / "train"),
            validation_split=open_split(records / "validation"),
            job=job,
            cluster=joined,
            say=say,
        )


def fit(raw: Path, _: Path, note: Note) -> None:
    """`model.fit` as in a tutorial: pixels as floats from 0 to 1, all in memory."""
    import numpy as np
    from tensorflow import keras

    import model
    from hyperparameters import Hyperparameters

    noting = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, **_: note(batch + 1))
    images = read_images(raw / TRAIN_IMAGES)[: LAST * BATCH, ..., np.newaxis].astype(np.float32) / 255
    labels = read_labels(raw / TRAIN_LABELS)[: LAST * BATCH].astype(np.int64)
    settings = Hyperparameters(batch_size=BATCH, training_steps=LAST)
    network = model.build_network(settings, images.shape[1:3])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(optimizer=model.build_optimizer(settings), loss=loss)
    network.fit(images, labels, batch_size=BATCH, epochs=1, callbacks=[noting], verbose=0)


WAYS: dict[str, Callable[[Path, Path, Note], None]] = {"training/mnist.py": ours, "model.fit": fit}


def _run_way(way: str, raw: Path, records: Path) -> None:
    """In the child: a turn for each line on stdin; for each, images per second by clock and by processor, as JSON."""
    sys.path.insert(0, str(CODE))
    import quiet

    quiet.import_tensorflow()
    began = (0.0, 0.0)

    def note(step: int) -> None:
        nonlocal began
        if step % FIRST:
            return
        ended = (time.perf_counter(), time.process_time())
        if step > FIRST:
            clock, processor = (FIRST * BATCH / (end - begin) for begin, end in zip(began, ended, strict=True))
            print(json.dumps({"clock": clock, "processor": processor}), flush=True)
        else:
            print("ready", flush=True)
        if step < LAST:
            sys.stdin.readline()
        began = (time.perf_counter(), time.process_time())

    WAYS[way](raw, records, note)


def _speed(raw: Path, records: Path) -> bool:
    children = {way: _start_way(way, raw, records) for way in WAYS}
    turns: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(FIRST, LAST, FIRST):
        for way, child in children.items():
            turns[way].append(json.loads(_answer(child, "go\n")))
            print(f"{way}: {turns[way][-1]['clock']:,.0f} images per second", file=sys.stderr, flush=True)
    for child in children.values():
        child.communicate()
    print(
        f"| batches of {BATCH}, an epoch of {LAST} | images per second | per second of processor time |\n|---|---|---|"
    )
    for way, found in turns.items():
        print(f"| {way} | {median(t['clock'] for t in found):,.0f} | {median(t['processor'] for t in found):,.0f} |")
    beside = zip(*turns.values(), strict=True)
    share = median(our["clock"] / their["clock"] for our, their in beside)
    met = share >= SHARE_OF_FIT
    print(f"\n{share:.2f} of `model.fit` (at least {SHARE_OF_FIT}: {'met' if met else 'MISSED'})")
    return met


def _start_way(way: str, raw: Path, records: Path) -> "subprocess.Popen[str]":
    """A child that waits before its first turn."""
    child = subprocess.Popen(
        [sys.executable, __file__, "--way", way, "--raw", str(raw), "--records", str(records)],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    _answer(child)
    return child


def _answer(child: "subprocess.Popen[str]", said: str = "") -> str:
    """The child's next line, once it has been told."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(said)
    child.stdin.flush()
    return child.stdout.readline()


# First step


def _first_step(records: Path, folder: Path, repeat: int) -> None:
    ways = {"cold: a process of its own": _cold, "warm: a fork with TensorFlow imported": _warm}
    print("\n| seconds to the end of the first step | best | median |\n|---|---|---|")
    for name, way in ways.items():
        seconds = sorted(
            way(Path(tempfile.mkdtemp(dir=folder)), variables(records, folder / "trials")) for _ in range(repeat)
        )
        print(f"| {name} | {seconds[0]:.1f} | {seconds[len(seconds) // 2]:.1f} |")


def _cold(marks: Path, environment: dict[str, str]) -> float:
    began = time.time()
    _output([sys.executable, str(TRIALS / "trial.py"), *_one_step(marks)], environment)
    return _marked(marks) - began


def _warm(marks: Path, environment: dict[str, str]) -> float:
    said = _output([sys.executable, str(TRIALS / "limit.py"), "1", "1", json.dumps(_one_step(marks))], environment)
    return _marked(marks) - float(said.split()[0])


def _one_step(marks: Path) -> list[str]:
    return ["--marks", str(marks), "--training_steps", "1", "--batch_size", str(BATCH), "--evaluation_steps", "1"]


def _marked(marks: Path) -> float:
    """When the only trial's first step ended, in seconds since the epoch."""
    (mark,) = marks.iterdir()
    return float(json.loads(mark.read_text())["first_step"])


# Accuracy


def _accuracy(records: Path, folder: Path, seeds: int) -> bool:
    print(
        "| steps | epochs | seed | test accuracy | validation loss | minutes | target |\n|---|---|---|---|---|---|---|"
    )
    met = True
    for steps, wanted in ACCURACY_AT.items():
        for seed in range(seeds):
            began = time.monotonic()
            base = folder / f"{steps}-{seed}"
            environment = variables(records, folder) | {"SAGEMAKER_BASE_DIR": str(base), "SM_MODEL_DIR": str(base)}
            settings = ["--training_steps", str(steps), "--seed", str(seed), "--batch_size", str(BATCH)]
            _output([sys.executable, str(CODE / "mnist.py"), *settings], environment)
            minutes = (time.monotonic() - began) / 60
            test = [sys.executable, str(CODE / "evaluate.py"), "--model", str(base), "--data", str(records / "test")]
            accuracy = json.loads(_output(test, environment).splitlines()[-1])["accuracy"]
            loss = json.loads((base / "metrics.json").read_text())["validation"]["loss"]
            says = f"{wanted:.1%}: {'met' if accuracy >= wanted else 'MISSED'}"
            row = (f"{steps:,}", f"{steps / LAST:.1f}", seed, f"{accuracy:.2%}", f"{loss:.4f}", f"{minutes:.1f}", says)
            print("| " + " | ".join(map(str, row)) + " |", flush=True)
            met = met and accuracy >= wanted
    return met


def _output(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--raw", default="", help="folder or URL with the four MNIST files")
    parser.add_argument("--repeat", type=int, default=3, help="how often the first step is timed")
    parser.add_argument("--accuracy", action="store_true", help="train on the full MNIST instead, and test")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each length for --accuracy")
    parser.add_argument("--way", choices=sorted(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--records", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    if (options := _arguments()).way:
        _run_way(options.way, Path(options.raw), options.records)
    else:
        sys.exit(main())
