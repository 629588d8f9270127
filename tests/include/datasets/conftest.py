"""A web server of files on loopback that can be slow, cut connections, hang and refuse, as mirrors do."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Mirror:
    """Files by path, and how the server treats them. `asked` records every (path, Range header) of a GET."""

    files: dict[str, bytes]
    status: int = 200
    hang: bool = False
    cut_after: dict[str, list[int]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def gets(self) -> Counter[str]:
        """How often each path was asked for."""
        return Counter(path for path, _ in self.asked)


def _handler(mirror: Mirror) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: Any) -> None: ...

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            mirror.asked.append((self.path, self.headers.get("Range")))
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            if mirror.hang:
                mirror.released.wait(30)
                return
            content = mirror.files.get(self.path.lstrip("/"))
            if mirror.status != 200 or content is None:
                self.send_error(mirror.status if mirror.status != 200 else 404)
                return
            etag = f'"{len(content)}"'
            start = 0
            if self.headers.get("Range") and self.headers.get("If-Range") == etag:
                start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.send_header("ETag", etag)
            self.end_headers()
            cuts = mirror.cut_after.get(self.path.lstrip("/"), [])
            end = start + cuts.pop(0) if cuts else len(content)
            if with_body:
                self.wfile.write(content[start:end])

    return Handler


@pytest.fixture
def serve() -> Iterator[Callable[..., Mirror]]:
    """serve(files, **behaviour) starts a Mirror; all are stopped after the test."""
    running: list[tuple[Mirror, ThreadingHTTPServer, threading.Thread]] = []

    def start(files: dict[str, bytes], **behaviour: Any) -> Mirror:
        mirror = Mirror(files, **behaviour)
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(mirror))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        mirror.url = f"http://127.0.0.1:{server.server_port}/"
        running.append((mirror, server, thread))
        return mirror

    yield start
    for mirror, server, thread in running:
        mirror.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
