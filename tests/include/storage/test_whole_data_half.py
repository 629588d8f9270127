"""From a mirror on this machine to S3, the whole of MNIST: how long it takes."""

import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from include.datasets.catalogue import find_dataset
from include.datasets.convert import convert
from include.datasets.sources import download
from include.datasets.upload import upload_dataset
from include.storage.buckets import ensure_bucket
from include.storage.s3_layout import S3Layout

SECONDS = 3.0
TURNS = 3  # the best counts: other work on the machine disturbs it least


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def mirror(mnist_archives: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(mnist_archives)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_download_convert_and_upload_of_mnist_take_less_than_3_seconds(
    mirror: str, s3: Any, bucket: str, tmp_path: Path
) -> None:
    mnist, times, spent = find_dataset("mnist"), [], []
    for turn in range(TURNS):
        folder, layout = tmp_path / str(turn), S3Layout(f"{bucket}-{turn}", "mnist")
        began, used = time.monotonic(), processor_seconds()
        downloaded = download(mnist, folder / "raw", mirrors=(mirror,))
        converted = convert(folder / "raw", folder / "tfrecord", dataset=mnist)
        ensure_bucket(s3, layout.bucket, "us-east-1")
        names = {"dataset": "mnist", "fingerprint": converted["fingerprint"]}
        uploaded = upload_dataset(s3, Path(converted["uri"]), layout, **names)
        times.append(time.monotonic() - began)
        spent.append(processor_seconds() - used)
        assert downloaded["source"] == mirror
        assert uploaded["examples"] == {"train": 55_000, "validation": 5_000, "test": 10_000}
        assert uploaded["uploaded_files"] == 13
        if times[-1] < SECONDS:
            break
    if min(times) >= SECONDS and os.getloadavg()[0] > (os.cpu_count() or 1):
        # Others have the cores: what then counts is the work, as if one core did it all.
        times = spent
    assert min(times) < SECONDS, times


def processor_seconds() -> float:
    """Of this process, mirror included, and of its children, one of which is S3, so far."""
    here = psutil.Process()
    used = [process.cpu_times() for process in (here, *here.children(recursive=True))]
    return sum(one.user + one.system for one in used)
