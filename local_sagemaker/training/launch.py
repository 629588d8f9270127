"""Starts a training job's process and tells whether it runs; knows the folder's files, not the job's meaning."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_sagemaker.training import process

_PROC = Path("/proc")
_COMING_UP_SECONDS = 3


@dataclass(frozen=True)
class Exit:
    """How a training process ended."""

    code: int
    stopped: bool
    timed_out: bool

    @property
    def failed(self) -> bool:
        """Whether the command ended badly by itself."""
        return self.code != 0 and not self.stopped and not self.timed_out


@dataclass(frozen=True)
class ProcessFolder:
    """The folder through which the service and a training job's process know of each other."""

    path: Path

    def command(self) -> list[str]:
        """The training command's argv."""
        argv: list[str] = json.loads((self.path / process.LAUNCH).read_text())["argv"]
        return argv

    def ended_at(self) -> float:
        """When the process told how it ended, in seconds since the epoch."""
        return (self.path / process.EXIT).stat().st_mtime

    def exit(self) -> Exit | None:
        """How the process ended, once it has told."""
        try:
            return Exit(**json.loads((self.path / process.EXIT).read_text()))
        except FileNotFoundError:
            return None

    def forget_exit(self) -> None:
        """Let nobody take this attempt's end for the next one's."""
        (self.path / process.EXIT).unlink(missing_ok=True)

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

    def stop(self) -> bool:
        """Ask the process to end its command in an orderly way; False where there is none to ask."""
        return self._signal(signal.SIGTERM)

    def abandon(self) -> bool:
        """End the command at once, so that the job runs again from its start; False once there is none to end."""
        return self._signal(signal.SIGINT) or self.running() or self._starting()

    def _starting(self) -> bool:
        """Whether a process was asked for a moment ago and may not have come up yet."""
        try:
            age = time.time() - (self.path / process.LAUNCH).stat().st_mtime
        except FileNotFoundError:
            return False
        return age < _COMING_UP_SECONDS and not (self.path / process.RUNNING).exists()

    def sweep(self) -> None:
        """Kill what the command left behind where the process beside it could not: what is still in its session."""
        if self.running() or not (self.path / process.COMMAND).exists() or not _PROC.exists():
            return
        session = int((self.path / process.COMMAND).read_text() or 0)
        for entry in _PROC.glob("[0-9]*"):
            with contextlib.suppress(OSError):
                pid = int(entry.name)
                if os.getsid(pid) == session and (entry / "cwd").readlink().is_relative_to(self.path):
                    os.kill(pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> bool:
        pid = (self.path / process.RUNNING).read_text() if self.running() else ""
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), number)
        return bool(pid)
