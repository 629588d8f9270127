"""Requests to the stack's Airflow: logged in, past any proxy, and patient with an API server that is busy."""

import time
from typing import Any

import requests

from include.errors import StackError

ATTEMPTS = 5
_PAUSE_SECONDS = 1.0
_REQUEST_SECONDS = 30
_PASSING = {500, 502, 503}


class AirflowSession:
    """A client that logs in when it has to."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url
        self._login = {"username": user, "password": password}
        self._session = requests.Session()
        self._session.trust_env = False

    def healthy(self) -> bool:
        """Whether every component of Airflow says that it is well."""
        try:
            health = self._session.get(f"{self._url}/api/v2/monitor/health", timeout=5).json()
        except (requests.RequestException, ValueError):
            return False
        parts = ("scheduler", "dag_processor", "triggerer", "metadatabase")
        return all((health.get(part) or {}).get("status") == "healthy" for part in parts)

    def request(
        self, method: str, path: str, *, attempts: int = ATTEMPTS, seconds: float = _REQUEST_SECONDS, **options: Any
    ) -> requests.Response:
        """The API's answer, whatever its status. Raises StackError where none comes, nor another than 500, 502, 503."""
        fault = ""
        for attempt in range(attempts):
            if attempt:
                time.sleep(_PAUSE_SECONDS)
            try:
                answer = self._authorized(method, f"{self._url}/api/v2/{path}", timeout=seconds, **options)
            except (requests.RequestException, ValueError) as error:
                fault = " ".join(f"{type(error).__name__}: {error}".split())
                continue
            if answer.status_code not in _PASSING:
                return answer
            fault = f"{answer.status_code} {detail(answer)}".strip()
        raise StackError(f"Airflow does not answer {method} {path} (attempts: {attempts}): {fault}")

    def _authorized(self, method: str, url: str, **options: Any) -> requests.Response:
        answer = self._session.request(method, url, **options)
        if answer.status_code == 401:
            token = self._session.post(f"{self._url}/auth/token", json=self._login, timeout=options["timeout"])
            token.raise_for_status()
            self._session.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
            answer = self._session.request(method, url, **options)
        return answer


def detail(answer: requests.Response) -> str:
    """What the API says of a refusal, in one line."""
    try:
        said = answer.json().get("detail", answer.text)
    except (ValueError, AttributeError):
        said = answer.text
    return " ".join(str(said).split())
