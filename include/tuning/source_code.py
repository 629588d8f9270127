"""Packs a training folder into the sourcedir.tar.gz of SageMaker's script mode, the same bytes for the same files."""

import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

from include.errors import SourceCodeError

ARCHIVE = "sourcedir.tar.gz"
_IGNORED = {"__pycache__"}


@dataclass(frozen=True)
class SourceCode:
    """A packed training folder: gzipped tar bytes and their SHA-256 in hex."""

    archive: bytes
    sha256: str
    files: tuple[str, ...]


def pack(folder: Path, entry_point: str) -> SourceCode:
    """Packs all files below `folder` but hidden ones and caches; times, owners and modes are left out.

    Raises SourceCodeError where the folder or the entry point in it is missing.
    """
    if not (folder / entry_point).is_file():
        raise SourceCodeError(f"no training script: {folder / entry_point} is not a file; name the study's entry point")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not _ignored(path.relative_to(folder)))
    buffer = io.BytesIO()
    # No name and no time in the gzip header, or the bytes would differ from one packing to the next.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for path in files:
            _add(tar, path, path.relative_to(folder).as_posix())
    archive = buffer.getvalue()
    names = tuple(path.relative_to(folder).as_posix() for path in files)
    return SourceCode(archive, hashlib.sha256(archive).hexdigest(), names)


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    content = path.read_bytes()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(content), 0o644, 0
    tar.addfile(entry, io.BytesIO(content))


def _ignored(path: Path) -> bool:
    return any(part.startswith(".") or part in _IGNORED for part in path.parts) or path.suffix == ".pyc"
