"""The places that a file can come from: HTTP, a folder, a prefix on S3; each gives a file's bytes by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

from include.datasets.http_fetch import FileNotServedError, HttpFetch, Patience
from include.datasets.receipts import Fetched
from include.errors import SourceError
from include.storage.s3_errors import explained_s3
from include.storage.s3_layout import parse_s3_uri
from include.storage.staging import StagingPath

Keep = Callable[[bytes], Fetched]


class Place(Protocol):
    """A source of files. `url` names it in results and errors."""

    @property
    def url(self) -> str: ...

    def fetch(self, name: str, keep: Keep) -> Fetched:
        """keep(bytes of `<name>.gz`, else of `<name>`). Raises SourceError, and what keep raises."""
        ...


@dataclass(frozen=True)
class Folder:
    """Files in a folder of this machine."""

    path: Path

    @property
    def url(self) -> str:
        return self.path.absolute().as_uri()

    def fetch(self, name: str, keep: Keep) -> Fetched:
        for candidate in (self.path / f"{name}.gz", self.path / name):
            if candidate.is_file():
                try:
                    return keep(candidate.read_bytes())
                except OSError as error:
                    raise SourceError(f"Cannot read {candidate}: {error.strerror}") from error
        raise SourceError(f"{self.path} has neither {name}.gz nor {name}: check `source`")


@dataclass(frozen=True)
class Web:
    """Files under a base URL. The archive is asked for first."""

    base: str
    directory: StagingPath
    patience: Patience
    log: Callable[..., None]

    @property
    def url(self) -> str:
        return self.base

    def fetch(self, name: str, keep: Keep) -> Fetched:
        try:
            return self._fetch(f"{name}.gz", keep)
        except FileNotServedError:
            return self._fetch(name, keep)

    def _fetch(self, name: str, keep: Keep) -> Fetched:
        transfer = HttpFetch(self.base.rstrip("/") + "/" + name, self.directory, name, self.patience, self.log)
        content = transfer.run()
        try:
            return keep(content)
        finally:
            transfer.forget()


@dataclass(frozen=True)
class Bucket:
    """Objects under a prefix of S3."""

    url: str
    s3: Any

    def fetch(self, name: str, keep: Keep) -> Fetched:
        bucket, prefix = parse_s3_uri(self.url)
        with explained_s3(f"read {self.url}", bucket):
            listed = self.s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/{name}".lstrip("/"))
            found = {entry["Key"].rsplit("/", 1)[-1]: entry["Key"] for entry in listed.get("Contents", [])}
            for candidate in (f"{name}.gz", name):
                if candidate in found:
                    return keep(self.s3.get_object(Bucket=bucket, Key=found[candidate])["Body"].read())
        raise SourceError(f"{self.url} has neither {name}.gz nor {name}: check `source`")


def place_of(source: str, directory: StagingPath, *, s3: Any, patience: Patience, log: Callable[..., None]) -> Place:
    """The place that a `source` names. Raises SourceError for an unknown scheme or a missing folder."""
    scheme = urlsplit(source).scheme
    if scheme in ("http", "https"):
        return Web(source, directory, patience, log)
    if scheme == "s3":
        if s3 is None:
            raise SourceError(f"source={source!r} needs an S3 client: set up the AWS connection")
        return Bucket(source.rstrip("/"), s3)
    if scheme not in ("", "file"):
        raise SourceError(f"source={source!r}: give a folder, or a URL of file://, http://, https:// or s3://")
    folder = Path(url2pathname(urlsplit(source).path)) if scheme else Path(source)
    if not folder.is_dir():
        raise SourceError(f"source={source!r} is not a folder of this machine: check the path")
    return Folder(folder)
