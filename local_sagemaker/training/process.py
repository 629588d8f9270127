"""The process beside every training job: starts the container's command, keeps its log, stops it, tells how it ended.

How the command is started is a parameter: as a program here, as a fork of a warm interpreter in warm_pool.py.
It outlives the service, which talks to it through its folder alone:
  launch.json   in: argv, env, cwd, max_runtime_seconds, stop_grace_seconds
  running       locked for as long as this process lives, and holding its pid
  output.log    out: one line a line of the command's, "<milliseconds since the epoch> <text>"
  exit.json     out, last: {"code": int, "stopped": bool, "timed_out": bool}
SIGTERM stops the command as SageMaker does: SIGTERM, the grace, SIGKILL. SIGINT ends it at once and leaves no
exit.json, so that the job runs again. It imports the standard library only: run as a file, it starts in milliseconds.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol

LAUNCH, RUNNING, LOG, EXIT = "launch.json", "running", "output.log", "exit.json"
_LONGEST_LINE = 256 * 1024


class _Ending:
    """What was asked of the command, by a signal or by the clock."""

    def __init__(self) -> None:
        self.stopped = False
        self.timed_out = False
        self.abandoned = False
        self.wanted = threading.Event()

    def stop(self, *_: object) -> None:
        """SIGTERM: end in an orderly way."""
        self.stopped = True
        self.wanted.set()

    def abandon(self, *_: object) -> None:
        """SIGINT: end now and say nothing."""
        self.abandoned = True
        self.wanted.set()


class Command(Protocol):
    """A started command, as subprocess.Popen has it."""

    pid: int
    stdout: IO[bytes] | None
    returncode: int | Any

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, waited for. Raises subprocess.TimeoutExpired."""


def main(folder: Path, begin: Callable[[dict[str, Any]], Command]) -> int:
    """Run what `folder`/launch.json says, started by `begin`; 1 if another process already does."""
    lock = (folder / RUNNING).open("a+")
    if not _lock(lock):
        return 1
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    ending = _Ending()
    signal.signal(signal.SIGTERM, ending.stop)
    signal.signal(signal.SIGINT, ending.abandon)
    launch = json.loads((folder / LAUNCH).read_text())
    with (folder / LOG).open("ab") as log:
        code = _run(launch, begin, log, ending)
    if not ending.abandoned:
        partial = folder / (EXIT + ".partial")
        partial.write_text(json.dumps({"code": code, "stopped": ending.stopped, "timed_out": ending.timed_out}))
        partial.replace(folder / EXIT)
    return 0


def _lock(file: IO[str]) -> bool:
    """Take the lock; the service holds it for an instant whenever it looks, so a few tries are needed."""
    for _ in range(50):
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.01)
    return False


def begin_program(launch: dict[str, Any]) -> Command:
    """The command as a program of its own, in a session of its own."""
    return subprocess.Popen(
        launch["argv"],
        env=launch["env"],
        cwd=launch["cwd"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _run(launch: dict[str, Any], begin: Callable[[dict[str, Any]], Command], log: IO[bytes], ending: _Ending) -> int:
    try:
        command = begin(launch)
    except OSError as error:
        _write_line(log, f"The training command can't be started: {error}".encode())
        return 127
    assert command.stdout is not None
    copying = threading.Thread(target=_copy_lines, args=(command.stdout, log), daemon=True)
    copying.start()
    _wait(command, ending, float(launch["max_runtime_seconds"]), float(launch["stop_grace_seconds"]))
    _signal_group(command.pid, signal.SIGKILL)
    copying.join(timeout=5)
    return int(command.returncode)


def _wait(command: Command, ending: _Ending, max_runtime: float, grace: float) -> None:
    deadline = time.monotonic() + max_runtime
    while command.poll() is None and not ending.wanted.is_set():
        if time.monotonic() > deadline:
            ending.timed_out = True
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            command.wait(timeout=0.1)
    if command.poll() is None and not ending.abandoned:
        _signal_group(command.pid, signal.SIGTERM)
        until = time.monotonic() + grace
        while command.poll() is None and time.monotonic() < until and not ending.abandoned:
            with contextlib.suppress(subprocess.TimeoutExpired):
                command.wait(timeout=0.1)
    if command.poll() is None:
        _signal_group(command.pid, signal.SIGKILL)
    command.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _copy_lines(source: IO[bytes], log: IO[bytes]) -> None:
    while line := source.readline(_LONGEST_LINE):
        _write_line(log, line.rstrip(b"\r\n"))


def _write_line(log: IO[bytes], line: bytes) -> None:
    log.write(b"%d %s\n" % (int(time.time() * 1000), line))
    log.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), begin_program))
