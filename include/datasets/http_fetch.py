"""One file over HTTP(S), resumed where a cut connection or an earlier try left it; what is in it is not looked at."""

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from include.errors import SourceError
from include.storage.staging import StagingPath, explained

_CHUNK = 1 << 18
_PROGRESS_SECONDS = 2.0
FAILURES = (OSError, http.client.HTTPException, ValueError)
"""ValueError and its UnicodeError: a host, a redirect or a header of the server's that is none."""
NOT_SERVED = (403, 404, 410)
_IN_PATHS = "/%!$&'()*+,;=:@~"


@dataclass(frozen=True)
class Patience:
    """How long one file of one mirror may take: seconds without a byte, seconds in all, and tries after a cut."""

    stall: float = 10.0
    total: float = 300.0
    tries: int = 3


class FileNotServedError(SourceError):
    """The server answered 404, 403 or 410: asking again is of no use."""


def file_url(base: str, name: str) -> str:
    """The URL of a file below a base, the path percent-encoded where it is not yet. Raises ValueError if it is none."""
    parts = urllib.parse.urlsplit(base.rstrip("/") + "/" + name)
    return urllib.parse.urlunsplit(parts._replace(path=urllib.parse.quote(parts.path, safe=_IN_PATHS)))


class HttpFetch:
    """A download of `url` into `directory/.<name>.part`, which stays there after a failure and is resumed from."""

    def __init__(
        self, url: str, directory: StagingPath, name: str, patience: Patience, log: Callable[..., None]
    ) -> None:
        self._url, self._name, self._patience, self._log = url, name, patience, log
        self._part = directory / f".{name}.part"
        self._notes = directory / f".{name}.part.json"
        self._deadline = time.monotonic() + patience.total

    def run(self) -> bytes:
        """The whole file's bytes. Raises SourceError when the tries or the time are used up, StagingError."""
        for attempt in range(1, self._patience.tries + 1):
            try:
                with explained(self._part):
                    return self._once()
            except urllib.error.HTTPError as error:
                error.close()
                if error.code in NOT_SERVED:
                    raise FileNotServedError(f"{self._url} answered {error.code} {error.reason}") from error
                reason = f"answered {error.code} {error.reason}"
                if error.code == 416:
                    self.forget()
            except FAILURES as error:
                reason = _reason(error)
            if attempt == self._patience.tries or time.monotonic() > self._deadline:
                break
            self._log("%s %s, try %d of %d", self._url, reason, attempt + 1, self._patience.tries)
        raise SourceError(f"{self._url} {reason}")

    def forget(self) -> None:
        """Removes the part, once the file is whole elsewhere or turned out to be bad."""
        for path in (self._part, self._notes):
            if path.exists():
                path.unlink()

    def _once(self) -> bytes:
        have, notes = self._left_over()
        if have and notes.get("size") == have:
            return self._content()
        request = urllib.request.Request(self._url, headers={"Accept-Encoding": "identity"})
        if have:
            request.add_header("Range", f"bytes={have}-")
            request.add_header("If-Range", notes["validator"])
        with urllib.request.urlopen(request, timeout=self._patience.stall) as response:
            if response.status != 206:
                have = 0
            length = response.headers.get("Content-Length")
            size = have + int(length) if length else None
            self._note(response.headers, size)
            with self._part.open("ab" if have else "wb") as part:
                self._copy(response, part, have, size)
        return self._content()

    def _copy(self, response: Any, part: Any, have: int, size: int | None) -> None:
        spoken = time.monotonic()
        while chunk := response.read1(_CHUNK):
            part.write(chunk)
            have += len(chunk)
            now = time.monotonic()
            if now > self._deadline:
                raise TimeoutError(f"took more than {self._patience.total:g} seconds")
            if now - spoken > _PROGRESS_SECONDS:
                spoken = now
                self._log("%s: %.1f of %s MB", self._name, have / 1e6, f"{size / 1e6:.1f}" if size else "?")
        if size is not None and have < size:
            raise ConnectionError(f"was cut off at byte {have} of {size}")

    def _left_over(self) -> tuple[int, dict[str, Any]]:
        """The bytes that an earlier try left and what it noted; 0 if there are none or they can't be continued."""
        if not (self._part.exists() and self._notes.exists()):
            return 0, {}
        with self._notes.open("rb") as file:
            try:
                notes = dict(json.loads(file.read()))
            except ValueError:
                return 0, {}
        if notes.get("url") != self._url or not notes.get("validator"):
            return 0, {}
        return len(self._content()), notes

    def _note(self, headers: Any, size: int | None) -> None:
        validator = headers.get("ETag") or headers.get("Last-Modified") or ""
        if validator.startswith("W/"):
            validator = ""
        with self._notes.open("wb") as file:
            file.write(json.dumps({"url": self._url, "validator": validator, "size": size}).encode())

    def _content(self) -> bytes:
        with self._part.open("rb") as file:
            content: bytes = file.read()
            return content


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"timed out ({cause})"
    return f"failed: {str(cause) or type(cause).__name__}"
