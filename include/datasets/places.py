"""The places that a file can come from: HTTP, a folder, a prefix on S3; each gives a file's bytes by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

from include.datasets.http_fetch import FileNotServedError, HttpFetch, Patience, file_url
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
            try:
                if candidate.is_file():
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
        transfer = HttpFetch(file_url(self.base, name), self.directory, name, self.patience, self.log)
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


def place_of(
    address: str, directory: StagingPath, *, role: str, s3: Any, patience: Patience, log: Callable[..., None]
) -> Place:
    """The place that an address names; `role` (source, mirror) is for the error.

    Raises SourceError for an unknown scheme, a URL that is none, or a folder that is missing or can't be read.
    """
    named = f"{role}={address!r}"
    try:
        scheme = urlsplit(address).scheme
        if scheme in ("http", "https"):
            return Web(address, directory, patience, log)
        if scheme == "s3":
            if s3 is None:
                raise SourceError(f"{named} needs an S3 client: set up the AWS connection")
            return Bucket(address.rstrip("/"), s3)
        if scheme not in ("", "file"):
            raise SourceError(f"{named}: give a folder, or a URL of file://, http://, https:// or s3://")
        folder = Path(url2pathname(urlsplit(address).path)) if scheme else Path(address)
        if not folder.is_dir():
            raise SourceError(f"{named} is not a folder of this machine: check the path, or give a whole URL")
        return Folder(folder)
    except ValueError as error:
        raise SourceError(f"{named} is not a URL ({error}): check it") from error
    except OSError as error:
        raise SourceError(f"{named} can't be read ({error.strerror}): check the path") from error
