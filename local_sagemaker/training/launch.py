"""Starts a training job's process and tells whether it runs; knows the folder's files, not the job's meaning."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_sagemaker.training import process


@dataclass(frozen=True)
class Exit:
    """How a training process ended."""

    code: int
    stopped: bool
    timed_out: bool


@dataclass(frozen=True)
class ProcessFolder:
    """The folder through which the service and a training job's process know of each other."""

    path: Path

    @property
    def log(self) -> Path:
        """The job's output.log."""
        return self.path / process.LOG

    @property
    def launched(self) -> bool:
        """Whether a process was started here, ever."""
        return (self.path / process.LAUNCH).exists()

    def exit(self) -> Exit | None:
        """How the process ended, once it has told."""
        try:
            return Exit(**json.loads((self.path / process.EXIT).read_text()))
        except FileNotFoundError:
            return None

    def running(self) -> bool:
        """Whether the process is alive: it holds a lock for as long as it is, whoever started it."""
        try:
            with (self.path / process.RUNNING).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return False
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def prepare(self, launch: dict[str, Any]) -> None:
        """Write launch.json, whole or not at all."""
        partial = self.path / (process.LAUNCH + ".partial")
        partial.write_text(json.dumps(launch))
        partial.replace(self.path / process.LAUNCH)

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the process of a prepared folder, in a session of its own so that it outlives this one."""
        return subprocess.Popen(
            [sys.executable, "-I", "-S", process.__file__, str(self.path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.path / "process.err").open("wb"),
            start_new_session=True,
        )

    def stop(self) -> None:
        """Ask the process to end its command in an orderly way."""
        self._signal(signal.SIGTERM)

    def abandon(self) -> None:
        """End the command at once, so that the job runs again from its start."""
        self._signal(signal.SIGINT)

    def _signal(self, number: signal.Signals) -> None:
        if self.running():
            pid = (self.path / process.RUNNING).read_text()
            if pid:
                os.kill(int(pid), number)
