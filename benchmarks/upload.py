"""How long MNIST's shards take to S3: our upload, boto3's upload_file in a loop, and the AWS command line's `s3 sync`.

    python benchmarks/upload.py [--raw FOLDER] [--repeat N]

FOLDER has the four MNIST files; without it, and without ../shared/data/mnist beside the checkout, images are random.
S3 is a MiniStack on this machine. Every way uploads to a fresh prefix and then once more, each time in a process of its
own; the best of N turns counts. The command line lives in an environment of its own in the user's cache folder, made
with uv at the first run.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from raw_files import make_raw

from include.datasets.catalogue import find_dataset
from include.datasets.convert import convert, read_manifest
from include.datasets.upload import upload_dataset
from include.storage.buckets import ensure_bucket
from include.storage.s3_errors import s3_config
from include.storage.s3_layout import S3Layout

BUCKET = "benchmark"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
CLI = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "sagemaker-tuning" / "awscli"
SYNC = "aws s3 sync"
Times = dict[str, list[list[tuple[float, float]]]]


def main() -> None:
    """Prints the table."""
    options = _arguments()
    with tempfile.TemporaryDirectory() as name, _s3(Path(name)) as endpoint:
        os.environ.update(KEYS, AWS_ENDPOINT_URL=endpoint)
        print(make_raw(Path(name) / "raw", options.raw))
        converted = Path(convert(Path(name) / "raw", Path(name) / "out", dataset=find_dataset("mnist"))["uri"])
        ensure_bucket(_client(), BUCKET, "us-east-1")
        ways = [*WAYS, SYNC] if _command_line() else [*WAYS]
        times: Times = {way: [[], []] for way in ways}
        for turn in range(options.repeat):
            for way in ways:
                prefix = f"{way.replace(' ', '-')}/{turn}"
                for runs in times[way]:
                    runs.append(_timed(way, converted, prefix))
        _report(times, converted)


def ours(converted: Path, prefix: str) -> None:
    """As the DAG does it: verified, the manifest last, nothing twice."""
    fingerprint = read_manifest(converted)["fingerprint"]
    upload_dataset(_client(), converted, S3Layout(BUCKET, prefix), dataset="mnist", fingerprint=fingerprint)


def loop(converted: Path, prefix: str) -> None:
    """boto3's upload_file for a file after the other; it does not look at what is there."""
    s3 = _client()
    for path in sorted(converted.rglob("*.*")):
        s3.upload_file(str(path), BUCKET, f"{prefix}/{path.relative_to(converted)}")


WAYS: dict[str, Callable[[Path, str], None]] = {"ours": ours, "upload_file in a loop": loop}


def _timed(way: str, converted: Path, prefix: str) -> tuple[float, float]:
    """Seconds of the transfer alone (NaN for the command line, which does not say) and of the whole process."""
    command = [sys.executable, __file__, "--way", way, "--folder", str(converted), "--prefix", prefix]
    if way == SYNC:
        command = [str(CLI / "bin" / "aws"), "s3", "sync", "--quiet", str(converted), f"s3://{BUCKET}/{prefix}"]
    began = time.perf_counter()
    child = subprocess.run(command, capture_output=True, check=False)
    whole = time.perf_counter() - began
    if child.returncode:
        raise SystemExit(child.stderr.decode())
    return (float("nan") if way == SYNC else float(json.loads(child.stdout))), whole


def _report(times: Times, converted: Path) -> None:
    sizes = [path.stat().st_size for path in converted.rglob("*.*")]
    print(f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB\n")
    print("| way | first run, s | second run, s | first run with its process, s | second run with its process, s |")
    print("|---|---|---|---|---|")
    for way, runs in times.items():
        transfers = [f"{min(seconds for seconds, _ in run):.2f}" for run in runs]
        processes = [f"{min(seconds for _, seconds in run):.2f}" for run in runs]
        print(f"| {way} | {' | '.join(transfers + processes)} |".replace("nan", "-"))


def _command_line() -> bool:
    """Whether the AWS command line is there, installed first if need be; says why not."""
    if (CLI / "bin" / "aws").exists():
        return True
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        print(f"{SYNC} is skipped: uv is not installed, so it can't be given an environment")
        return False
    install = ["pip", "install", "--python", str(CLI / "bin" / "python"), "awscli"]
    for command in (["venv", "--clear", str(CLI)], install):
        made = subprocess.run([uv, *command, "--quiet"], capture_output=True, text=True, check=False)
        if made.returncode:
            print(f"{SYNC} is skipped: {' '.join(made.stderr.split())}")
            return False
    return True


@contextmanager
def _s3(folder: Path) -> Iterator[str]:
    """The URL of a MiniStack on a free loopback port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    settings = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "SERVICES": "s3", "S3_PERSIST": "0"}
    with (folder / "s3.log").open("wb") as log:
        environment = os.environ | settings | {"LOG_LEVEL": "WARNING", "TMPDIR": str(folder)}
        server = subprocess.Popen([sys.executable, "-m", "ministack"], env=environment, stdout=log, stderr=log)
    try:
        _wait(port, server, folder / "s3.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"MiniStack did not start: {log.read_text()}") from None
            time.sleep(0.05)


def _client() -> Any:
    return boto3.client("s3", config=s3_config())


def _run_way(way: str, folder: Path, prefix: str) -> None:
    """In the child: prints the transfer's seconds."""
    began = time.perf_counter()
    WAYS[way](folder, prefix)
    print(time.perf_counter() - began)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--raw", default="", help="folder or URL with the four MNIST files")
    parser.add_argument("--repeat", type=int, default=3, help="turns of each way; the best counts")
    parser.add_argument("--way", choices=sorted(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--prefix", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    if (options := _arguments()).way:
        _run_way(options.way, options.folder, options.prefix)
    else:
        main()
