"""Beside each downloaded file a note of what it is, so that a second try fetches only what the first one lacks."""

import hashlib
import json
from dataclasses import dataclass

from include.datasets.catalogue import DataFile
from include.errors import StagingError
from include.storage.staging import StagingPath, read_bytes, writing


@dataclass(frozen=True)
class Fetched:
    """A file's uncompressed bytes, where they came from, and whether the catalogue's checksum vouches for them."""

    content: bytes
    source: str
    verified: bool


def write(target: StagingPath, file: DataFile, fetched: Fetched) -> None:
    """Notes a file that a checksum vouches for; another may change at its source, so it is fetched again next time."""
    if not fetched.verified:
        return
    note = {
        "source": fetched.source,
        "sha256": hashlib.sha256(fetched.content).hexdigest(),
        "declared": file.sha256 or file.archive_sha256,
    }
    with writing(target, _name(file)) as out:
        out.write(json.dumps(note).encode())


def read(target: StagingPath, file: DataFile) -> Fetched | None:
    """The file that an earlier download wrote, if it is still whole and still what the catalogue declares."""
    if not ((target / _name(file)).exists() and (target / file.name).exists()):
        return None
    try:
        note = json.loads(read_bytes(target / _name(file)))
        content = read_bytes(target / file.name)
        if note["declared"] == (file.sha256 or file.archive_sha256):
            whole = hashlib.sha256(content).hexdigest() == note["sha256"]
            return Fetched(content, str(note["source"]), verified=True) if whole else None
    except (ValueError, KeyError, TypeError, StagingError):
        pass
    return None


def _name(file: DataFile) -> str:
    return f".{file.name}.json"
