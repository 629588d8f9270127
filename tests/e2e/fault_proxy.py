"""An HTTP proxy in front of the local SageMaker that lets faults happen at an exact request."""

import http.client
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import psutil

CREATE = "CreateHyperParameterTuningJob"
_OWN_HEADERS = {"connection", "transfer-encoding", "content-length", "date", "server"}


class FaultProxy:
    """Passes everything on, until told otherwise.

    before, after: called once, with the client's process, around the next request for the SageMaker operation CREATE;
    the answer is then lost.
    away_until: until this time (time.monotonic) every request is answered with 500.
    """

    def __init__(self, port: int, target: Callable[[], str]) -> None:
        self.before: Callable[[psutil.Process], None] | None = None
        self.after: Callable[[psutil.Process], None] | None = None
        self.away_until = 0.0
        self.refused = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:
                    self.close_connection = True

            def do_POST(self) -> None:
                proxy.serve(self, target())

            do_GET = do_PUT = do_HEAD = do_DELETE = do_POST  # noqa: N815 - http.server's names

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Take no more requests."""
        self._server.shutdown()
        self._server.server_close()

    def serve(self, request: BaseHTTPRequestHandler, target: str) -> None:
        """Answer one request."""
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if time.monotonic() < self.away_until:
            self.refused += 1
            _answer(request, 500, *_internal_error(request))
            return
        creates = request.headers.get("X-Amz-Target", "").endswith(f".{CREATE}")
        if creates and self.before:
            strike, self.before = self.before, None
            strike(_client_of(request))
            request.close_connection = True
            return
        status, headers, content = _pass_on(request, target, body)
        if creates and self.after:
            strike, self.after = self.after, None
            strike(_client_of(request))
            request.close_connection = True
            return
        _answer(request, status, headers, content)


def _internal_error(request: BaseHTTPRequestHandler) -> tuple[dict[str, str], bytes]:
    """What AWS says of a fault of its own: JSON where the client speaks JSON, else XML."""
    if "X-Amz-Target" in request.headers:
        return {"Content-Type": "application/x-amz-json-1.1"}, b'{"__type": "InternalFailure"}'
    return {"Content-Type": "application/xml"}, b"<Error><Code>InternalError</Code><Message>again</Message></Error>"


def _pass_on(request: BaseHTTPRequestHandler, target: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
    address = urlsplit(target)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    try:
        connection.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            if name.lower() not in ("connection", "expect"):
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    except OSError:
        return 503, {"Content-Type": "application/json"}, b'{"__type": "ServiceUnavailable"}'
    finally:
        connection.close()


def _answer(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], content: bytes) -> None:
    request.send_response(status)
    for name, value in headers.items():
        if name.lower() not in _OWN_HEADERS:
            request.send_header(name, value)
    length = headers.get("content-length", headers.get("Content-Length", str(len(content))))
    request.send_header("Content-Length", length if request.command == "HEAD" else str(len(content)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(content)


def _client_of(request: BaseHTTPRequestHandler) -> psutil.Process:
    """The process at the other end of the connection: the task that makes the call."""
    port = request.client_address[1]
    for process in psutil.process_iter():
        try:
            ports = {link.laddr.port for link in process.net_connections("tcp4") if link.laddr}
            if port in ports and process.pid != psutil.Process().pid:
                return process
        except psutil.Error:
            continue
    raise AssertionError("the task that makes the call is not found")
