"""A proxy in front of the real S3 that answers errors for a while or for ever, and a converted dataset to upload."""

import http.client
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from include.datasets.catalogue import Dataset
from include.datasets.convert import convert
from include.storage.s3_errors import s3_config


@dataclass
class FaultyS3:
    """fails(method, path) says whether a request is answered with `status`, spoils(...) whether its body is zeroed.

    cuts(...) says whether the answer's second half stays away.
    """

    url: str
    fails: Callable[[str, str], bool]
    status: int = 503
    code: str = "SlowDown"
    spoils: Callable[[str, str], bool] = lambda method, path: False
    cuts: Callable[[str, str], bool] = lambda method, path: False
    puts: list[str] = field(default_factory=list)


class _Proxy(BaseHTTPRequestHandler):
    """Passes a request on to the real S3, or fails it. `behind` and `faults` are set by a subclass for each test."""

    protocol_version = "HTTP/1.1"
    behind: str
    faults: FaultyS3

    def log_message(self, *args: Any) -> None: ...

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.faults.fails(self.command, self.path):
            error = f"<Error><Code>{self.faults.code}</Code><Message>injected</Message></Error>".encode()
            self._reply(self.faults.status, {"Content-Length": str(len(error))}, error)
            return
        if self.faults.spoils(self.command, self.path):
            body = bytes(len(body))
        if self.command == "PUT":
            self.faults.puts.append(self.path)
        connection = http.client.HTTPConnection(urlsplit(self.behind).netloc, timeout=30)
        connection.request(self.command, self.path, body=body, headers=dict(self.headers.items()))
        answer = connection.getresponse()
        content = answer.read()
        length = answer.getheader("Content-Length") or str(len(content))
        if self.faults.cuts(self.command, self.path):
            content, self.close_connection = content[: len(content) // 2], True
        self._reply(answer.status, dict(answer.getheaders()) | {"Content-Length": length}, content)
        connection.close()

    def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {name.lower(): value for name, value in headers.items()}.items():
            if name not in ("transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _pass_on  # noqa: N815


@pytest.fixture
def faulty_s3(s3_endpoint: str) -> Iterator[FaultyS3]:
    """The session's S3 behind a proxy whose `fails` a test may replace."""
    faults = FaultyS3("", lambda method, path: False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Proxy", (_Proxy,), {"behind": s3_endpoint, "faults": faults}))
    server.daemon_threads = True
    faults.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield faults
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def converted(tmp_path: Path, raw_files: Callable[..., dict[str, bytes]], small_dataset: Dataset) -> dict[str, Any]:
    """A small converted dataset of six shards, as `convert` returns it."""
    (tmp_path / "raw").mkdir()
    for name, content in raw_files().items():
        (tmp_path / "raw" / name).write_bytes(content)
    return convert(tmp_path / "raw", tmp_path / "converted", dataset=small_dataset, validation=6, shards=2)


@pytest.fixture
def s3_at() -> Iterator[Callable[..., Any]]:
    """s3_at(url, attempts=3) makes a boto3 client; closed after the test."""
    clients = []

    def make(url: str, *, attempts: int = 3) -> Any:
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=s3_config(attempts=attempts),
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()
