"""Files and folders that only their owner may read; a file is there whole or not at all."""

import os
from pathlib import Path

from include.errors import StackError


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter, or make it so. Raises StackError where that can't be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise StackError(f"{folder} can't be the stack's folder: {error.strerror}") from None


def write_private(path: Path, text: str) -> None:
    """Write a file, or replace it, at once."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)
