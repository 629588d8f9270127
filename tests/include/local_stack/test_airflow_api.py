"""An API server that stumbles is asked again; one that stays away is one line."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from include.errors import StackError
from include.local_stack.airflow_api import AirflowApi


class Stumbling(BaseHTTPRequestHandler):
    answers: list[tuple[int, dict]]
    asked: list[str]

    def do_GET(self) -> None:
        if length := int(self.headers.get("Content-Length") or 0):
            self.rfile.read(length)
        self.asked.append(f"{self.command} {self.path}")
        status, content = self.answers.pop(0)
        if not status:
            return  # the connection is closed without an answer
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def do_PATCH(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    monkeypatch.setattr("include.local_stack.airflow_session._PAUSE_SECONDS", 0.01)
    Stumbling.answers, Stumbling.asked = [], []
    with HTTPServer(("127.0.0.1", 0), Stumbling) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def api(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> AirflowApi:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    return AirflowApi(f"http://127.0.0.1:{server.server_port}", "admin", "secret")


def test_it_asks_again_and_logs_in_past_a_proxy(api: AirflowApi) -> None:
    Stumbling.answers = [(503, {}), (0, {}), (401, {}), (200, {"access_token": "t"}), (200, {"state": "running"})]
    assert api.run_state("r") == "running"


def test_it_gives_up_in_one_line(api: AirflowApi) -> None:
    Stumbling.answers = [(502, {"detail": "no\nworker"})] * 5
    with pytest.raises(StackError, match="no worker") as failed:
        api.run_state("r")
    assert "\n" not in str(failed.value)
    assert len(Stumbling.asked) == 5


def test_a_trigger_whose_answer_was_lost_starts_one_run(api: AirflowApi) -> None:
    Stumbling.answers = [(0, {}), (409, {"detail": "exists"})]
    assert api.trigger({}, "manual__1") == "manual__1"


def test_an_unfinished_run_is_found_and_failed(api: AirflowApi) -> None:
    Stumbling.answers = [(200, {"dag_runs": [{"dag_run_id": "a"}]}), (200, {})]
    for run_id in api.unfinished_runs():
        api.fail(run_id)
    assert Stumbling.asked[1] == "PATCH /api/v2/dags/mnist_tuning/dagRuns/a"


@pytest.mark.parametrize("answer", [(200, {"import_errors": [{}]}), (500, {}), (404, {}), (0, {})])
def test_import_errors_never_hide_the_fault_itself(api: AirflowApi, answer: tuple[int, dict]) -> None:
    Stumbling.answers = [answer]
    assert api._import_errors() == ""
