"""The process beside every training job: starts the container's command, keeps its log, stops it, tells how it ended.

How the command is started is a parameter: as a program here, as a fork of a warm interpreter in warm_pool.py.
It outlives the service, which talks to it through its folder alone:
  launch.json   in: host, log, argv, env, cwd, pipes, max_runtime_seconds, stop_grace_seconds
  running       locked for as long as this process lives, and holding its pid
  command       out: the command's pid, which is its session's and its process group's
  exit.json     out, last: {"code": int, "stopped": bool, "timed_out": bool}
The log is shared by the hosts of a job: one line a line of a command's, "<milliseconds since the epoch> <host> <text>".
SIGTERM stops the command as SageMaker does: SIGTERM, the grace, SIGKILL. SIGINT ends it at once and leaves no
exit.json, so that the job runs again. Killed itself, it takes the command with it.
It imports the standard library only: run as a file, it starts in milliseconds.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any, Protocol

LAUNCH, RUNNING, COMMAND, EXIT = "launch.json", "running", "command", "exit.json"
_LONGEST_LINE = 256 * 1024
_PR_SET_PDEATHSIG = 1


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
    ending = _Ending()
    signal.signal(signal.SIGTERM, ending.stop)
    signal.signal(signal.SIGINT, ending.abandon)
    lock = (folder / RUNNING).open("a+")
    if not _lock(lock):
        return 1
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    code = _run(folder, json.loads((folder / LAUNCH).read_text()), begin, ending)
    if not ending.abandoned:
        unfinished = folder / (EXIT + ".partial")
        unfinished.write_text(json.dumps({"code": code, "stopped": ending.stopped, "timed_out": ending.timed_out}))
        unfinished.replace(folder / EXIT)
    return 0


def die_with_parent(parent: int) -> None:
    """Called in a fresh fork of `parent`: be killed when it dies, however it dies. Linux only; elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


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
    own = os.getpid()
    return subprocess.Popen(
        launch["argv"],
        env=launch["env"],
        cwd=launch["cwd"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=lambda: die_with_parent(own),
    )


def _run(folder: Path, launch: dict[str, Any], begin: Callable[[dict[str, Any]], Command], ending: _Ending) -> int:
    log = _Log(Path(launch["log"]), launch["host"])
    try:
        command = begin(launch)
    except OSError as error:
        log.write(f"The training command can't be started: {error}".encode())
        return 127
    (folder / COMMAND).write_text(str(command.pid))
    if launch["pipes"]:
        feed = runpy.run_path(str(Path(__file__).with_name("fifo.py")))["feed"]
        feed(launch["pipes"], partial(_end_with, command, log))
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


def _end_with(command: Command, log: "_Log", reason: str) -> None:
    """Log what makes going on pointless, and end the command."""
    log.write(reason.encode())
    _signal_group(command.pid, signal.SIGKILL)


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


class _Log:
    """The job's log: a line is one write at the file's end, so that the lines of several hosts do not mix."""

    def __init__(self, path: Path, host: str) -> None:
        self._file = path.open("ab", buffering=0)
        self._host = host.encode()

    def write(self, line: bytes) -> None:
        """Add a line with the time and the host."""
        self._file.write(b"%d %s %s\n" % (int(time.time() * 1000), self._host, line))


def _copy_lines(source: IO[bytes], log: _Log) -> None:
    while line := source.readline(_LONGEST_LINE):
        log.write(line.rstrip(b"\r\n"))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), begin_program))
