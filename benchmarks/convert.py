"""How long 60,000 images take to become TFRecord: ours, the tutorial's way, and bare writing of the same bytes.

    python benchmarks/convert.py [--raw FOLDER] [--repeat N] [--growth]

FOLDER has the four IDX files, gzipped or not; without it, and without ../shared/data/mnist beside the checkout, the
images are random, which costs the same. Every way runs in a process of its own, in turns, and the best of N turns
counts: it is the one that other work on the machine disturbed least. A second table says what our way's time goes into.
Exits with 1 if a target is missed. --growth also converts 10 thousand to 1 million images.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from raw_files import make_raw, random_split

from include.datasets.catalogue import TRAIN_IMAGES, TRAIN_LABELS
from include.datasets.idx import Bytes, read_images, read_labels
from include.datasets.records import Encoder, image_shape
from include.datasets.splits import everything
from include.datasets.tfrecord import write_shards

EXAMPLES = 60_000
SHARDS = 4
FASTER_THAN_TUTORIAL = 5.0
SLOWER_THAN_BARE = 2.0
PEAK_MEGABYTES = 300
GROWTH = (10_000, 100_000, 1_000_000)
LINEAR_WITHIN = 2.0


def main() -> int:
    """Prints the table and says whether the targets are met."""
    options = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        print(make_raw(raw, options.raw) + "\n")
        results: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for _ in range(options.repeat):
            for way, runs in results.items():
                runs.append(_in_a_process(way, raw, Path(folder) / "out"))
        met = _report(results)
        _explain(_in_a_process("parts", raw, Path(folder) / "out"))
        if options.growth:
            met = _growth(Path(folder)) and met
    return 0 if met else 1


def ours(images: Bytes, labels: Bytes, out: Path) -> None:
    """What the DAG does for a split, checksums for the manifest included."""
    write_shards(out, everything(images, labels), shards=SHARDS)


def tutorial(images: Bytes, labels: Bytes, out: Path) -> None:
    """A tf.train.Example and a call of TFRecordWriter per image, as TensorFlow's `convert_to` does it."""
    import tensorflow as tf

    def int64(value: int) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    _, height, width = images.shape
    with tf.io.TFRecordWriter(str(out / "train.tfrecords")) as writer:
        for index in range(len(images)):
            feature = {
                "height": int64(height),
                "width": int64(width),
                "depth": int64(1),
                "label": int64(int(labels[index])),
                "image_raw": tf.train.Feature(bytes_list=tf.train.BytesList(value=[images[index].tobytes()])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())


def bare(images: Bytes, _: Bytes, out: Path) -> None:
    """As many bytes as the shards have, from memory to one file with one call."""
    size = sum(path.stat().st_size for path in (out.parent / "ours").iterdir())
    content = np.resize(images.reshape(-1), size).tobytes()
    _start_again()
    (out / "bytes").write_bytes(content)


def parts(images: Bytes, labels: Bytes, out: Path) -> dict[str, float]:
    """Processor seconds of each part of our way, on one thread, one after the other."""
    rows, spent = 1000, {"records with their CRC-32C": 0.0, "SHA-256": 0.0, "write": 0.0}
    encoder, digest = Encoder(image_shape(images), rows), hashlib.sha256()
    with (out / "parts").open("wb") as file:
        for first in range(0, len(images), rows):
            marks = [time.process_time()]
            block = encoder.encode(images[first : first + rows], labels[first : first + rows])
            marks.append(time.process_time())
            digest.update(block.data)
            marks.append(time.process_time())
            file.write(block.data)
            marks.append(time.process_time())
            for name, (began, ended) in zip(spent, pairwise(marks), strict=True):
                spent[name] += ended - began
    return spent


WAYS: dict[str, Callable[[Bytes, Bytes, Path], None]] = {"ours": ours, "tutorial": tutorial, "bare": bare}
_begun = 0.0


def _start_again() -> None:
    global _begun
    _begun = time.perf_counter()


def _run_way(way: str, raw: Path, out: Path) -> None:
    """In the child: prints seconds, seconds until it is on the disk, and peak memory of one way as JSON."""
    if way == "tutorial":
        import tensorflow  # noqa: F401  # its import is not what is measured
    images, labels = read_images(raw / TRAIN_IMAGES), read_labels(raw / TRAIN_LABELS)
    out.mkdir(parents=True, exist_ok=True)
    if way == "parts":
        print(json.dumps(parts(images, labels, out)))
        return
    _start_again()
    WAYS[way](images, labels, out)
    seconds = time.perf_counter() - _begun
    for path in out.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    on_disk = time.perf_counter() - _begun
    print(json.dumps({"seconds": seconds, "on_disk": on_disk, "peak_mb": _peak_megabytes()}))


def _peak_megabytes() -> float:
    """Of this process since it began; getrusage's figure would include what its parent had before the exec."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _explain(spent: dict[str, float]) -> None:
    """What no way of spreading the work over the cores can go below."""
    cores = os.cpu_count() or 1
    print("\n| our way, on one thread | processor s |\n|---|---|")
    for name, seconds in spent.items():
        print(f"| {name} | {seconds:.3f} |")
    print(
        f"\nSpread evenly over {cores} cores that is {sum(spent.values()) / cores:.3f} s, "
        f"{(spent['SHA-256'] + spent['write']) / cores:.3f} s of it for the manifest's SHA-256 and the write alone"
    )


def _in_a_process(way: str, raw: Path, out: Path) -> dict[str, float]:
    shutil.rmtree(out / way, ignore_errors=True)
    command = [sys.executable, __file__, "--way", way, "--raw", str(raw), "--out", str(out / way)]
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    child = subprocess.run(command, capture_output=True, env=quiet, check=False)
    if child.returncode:
        raise SystemExit(child.stderr.decode())
    return dict(json.loads(child.stdout.splitlines()[-1]))


def _report(results: dict[str, list[dict[str, float]]]) -> bool:
    best = {way: min(run["seconds"] for run in runs) for way, runs in results.items()}
    median = {way: sorted(run["seconds"] for run in runs)[len(runs) // 2] for way, runs in results.items()}
    on_disk = {way: min(run["on_disk"] for run in runs) for way, runs in results.items()}
    peak = {way: max(run["peak_mb"] for run in runs) for way, runs in results.items()}
    print(f"| {EXAMPLES:,} images | best s | median s | best s, on the disk | peak MB |\n|---|---|---|---|---|")
    for way in results:
        print(f"| {way} | {best[way]:.3f} | {median[way]:.3f} | {on_disk[way]:.3f} | {peak[way]:.0f} |")
    faster, slower = best["tutorial"] / best["ours"], best["ours"] / best["bare"]
    met = [faster >= FASTER_THAN_TUTORIAL, slower <= SLOWER_THAN_BARE, peak["ours"] < PEAK_MEGABYTES]
    says = ["met" if one else "MISSED" for one in met]
    print(f"\n{faster:.1f} times as fast as the tutorial's way (at least {FASTER_THAN_TUTORIAL:g}: {says[0]})")
    print(f"{slower:.1f} times the time of the bare bytes (at most {SLOWER_THAN_BARE:g}: {says[1]})")
    print(f"{on_disk['ours'] / on_disk['bare']:.1f} times, when both wait for the disk (fsync)")
    print(f"{peak['ours']:.0f} MB at the peak (under {PEAK_MEGABYTES}: {says[2]})")
    return all(met)


def _growth(folder: Path) -> bool:
    """Whether the time per image at 1 million images is that at 10 thousand, within a factor."""
    print("\n| images | seconds | microseconds per image | peak MB | of it beyond the arrays |\n|---|---|---|---|---|")
    per_image = []
    for count in GROWTH:
        raw = folder / str(count)
        random_split(raw, TRAIN_IMAGES, TRAIN_LABELS, count)
        run = min((_in_a_process("ours", raw, folder / "grown") for _ in range(3)), key=lambda run: run["seconds"])
        arrays = count * (28 * 28 + 1) / 2**20
        per_image.append(run["seconds"] / count * 1e6)
        peak = run["peak_mb"]
        print(f"| {count:,} | {run['seconds']:.3f} | {per_image[-1]:.2f} | {peak:.0f} | {peak - arrays:.0f} |")
        for path in raw.iterdir():
            path.unlink()
    print(f"\n{per_image[-1] / per_image[0]:.2f} times as long per image (linear within {LINEAR_WITHIN:g})")
    return per_image[-1] / per_image[0] <= LINEAR_WITHIN


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--raw", default="", help="folder or URL with the four MNIST files")
    parser.add_argument("--repeat", type=int, default=5, help="turns of each way; the best counts")
    parser.add_argument("--growth", action="store_true", help="also 10 thousand, 100 thousand and 1 million images")
    parser.add_argument("--way", choices=[*sorted(WAYS), "parts"], help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    if (options := _arguments()).way:
        _run_way(options.way, Path(options.raw), options.out)
    else:
        sys.exit(main())
