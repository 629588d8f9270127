"""What a path between two tasks must be able to do, and how a file lands on it whole or not at all."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol, Self

from include.errors import StagingError

_REFUSED = {
    errno.ENOSPC: "the disk is full: free some space and run the task again",
    errno.EDQUOT: "the disk quota is used up: free some space and run the task again",
    errno.EROFS: "the file system is read-only: choose another staging path",
    errno.EACCES: "permission denied: choose a staging path that the worker may write to",
}


class StagingPath(Protocol):
    """The part of `pathlib.Path` that staging uses; Airflow's `ObjectStoragePath` (file:// or s3://) has it too."""

    @property
    def name(self) -> str: ...
    def __truediv__(self, key: str, /) -> Self: ...
    def open(self, mode: Any) -> Any: ...
    def exists(self) -> bool: ...
    def iterdir(self) -> Iterator[Self]: ...
    def mkdir(self, *, parents: bool, exist_ok: bool) -> None: ...
    def rename(self, target: Any) -> Any: ...
    def unlink(self) -> None: ...


def is_local(path: StagingPath) -> bool:
    """Whether the path lies on this machine's file system, where a half-written file can be seen by others."""
    text = str(path)
    return "://" not in text or text.startswith("file://")


@contextmanager
def explained(path: StagingPath) -> Iterator[None]:
    """Turns what the file system or S3 refuses (full, read-only, forbidden) into a StagingError that names the path."""
    try:
        yield
    except OSError as error:
        # An object store's PermissionError has no number.
        number = errno.EACCES if isinstance(error, PermissionError) else error.errno
        if number == errno.EACCES and not is_local(path):
            reason = " ".join(str(error).split())
            raise StagingError(f"S3 refuses {path}: AccessDenied: {reason}: {_REFUSED[number]}") from error
        if number not in _REFUSED:
            raise
        raise StagingError(f"Cannot write {path}: {_REFUSED[number]}") from error


def make_directory(path: StagingPath) -> None:
    """Makes the directory and its parents if they are missing. Raises StagingError if the file system refuses."""
    try:
        with explained(path):
            path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise StagingError(f"{path} is a file, not a folder: choose another staging path") from error


@contextmanager
def writing(directory: StagingPath, name: str) -> Iterator[Any]:
    """Opens directory/name to write bytes; the name appears only when everything is written.

    An object store shows an object only after its upload is complete; a file system needs a temporary name and a
    rename for the same. Raises StagingError if the disk is full or refuses.
    """
    target = directory / name
    if not is_local(directory):
        with explained(target), _sending(target) as file:
            yield file
        return
    temporary = directory / f".{name}.tmp"
    try:
        with explained(target):
            with temporary.open("wb") as file:
                yield file
            temporary.rename(target)
    except BaseException:
        if temporary.exists():
            temporary.unlink()
        raise


@contextmanager
def _sending(target: Any) -> Iterator[Any]:
    """A file of an object store, thrown away unless everything is written.

    fsspec shows what there is of a file whenever it is closed, by the garbage collector too: a half must look closed.
    Opened past the path's own `open`, since Airflow's gives a wrapper on which `closed` can't be set.
    """
    file = target.fs.open(target.path, "wb")
    try:
        yield file
        file.close()
    except BaseException:
        file.closed = True
        with suppress(Exception):  # parts that can't be thrown away are never seen, and the first error counts
            file.discard()
        raise


def read_bytes(path: StagingPath) -> bytes:
    """The file's content. Raises StagingError if the file is not there."""
    try:
        with explained(path), path.open("rb") as file:
            content: bytes = file.read()
            return content
    except FileNotFoundError as error:
        raise StagingError(f"{path} is not there: run the task that writes it again") from error
