"""Pipe mode: feeds a channel's files into FIFOs `<channel>_<epoch>`, epoch after epoch, as the script opens them.

Runs in the process beside a job, so that the data goes on flowing when the service is gone. Standard library only.
"""

import contextlib
import gzip
import os
import random
import shutil
import threading
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any


def make(path: str, epoch: int) -> None:
    """Make the FIFO of an epoch, which the script may then open and wait at."""
    with contextlib.suppress(FileExistsError):
        os.mkfifo(_fifo(path, epoch))


def feed(pipes: Sequence[dict[str, Any]], fail: Callable[[str], None]) -> None:
    """Start a thread for each {"path", "files", "gzip", "seed"}, whose first FIFO is made.

    `fail` is told what file can't be read, so that the script does not take a part of the data for all of it.
    """
    for pipe in pipes:
        threading.Thread(target=_feed_forever, args=(pipe, fail), daemon=True).start()


def _feed_forever(pipe: dict[str, Any], fail: Callable[[str], None]) -> None:
    epoch = 0
    while True:
        make(pipe["path"], epoch + 1)
        fifo = _fifo(pipe["path"], epoch)
        try:
            with fifo.open("wb") as stream:
                for file in _in_order(pipe, epoch):
                    _copy(file, stream, pipe["gzip"])
        except BrokenPipeError:
            pass  # the script has read as much of the epoch as it wanted
        except (OSError, EOFError, zlib.error) as error:
            fail(f"DataError: {file} can't be piped into {fifo.name}: {error}")
            return
        fifo.unlink()
        epoch += 1


def _in_order(pipe: dict[str, Any], epoch: int) -> list[str]:
    """The files by key, or, with a ShuffleConfig, in an order that its seed and the epoch decide."""
    files = list(pipe["files"])
    if pipe["seed"] is not None:
        random.Random(pipe["seed"] + epoch).shuffle(files)
    return files


def _copy(file: str, stream: IO[bytes], compressed: bool) -> None:
    with gzip.open(file) if compressed else Path(file).open("rb") as source:
        shutil.copyfileobj(source, stream)


def _fifo(path: str, epoch: int) -> Path:
    return Path(f"{path}_{epoch}")
