"""A warm interpreter: imports TensorFlow once and forks, so that a trial starts in milliseconds and not in seconds.

The service side is WarmPool. The other side is this module run as a program: it reads the folder of a job from each
line of its standard input, and forks the process that process.py describes, whose command is a second fork in which
the script runs. No TensorFlow operation happens before the fork, so the children share nothing but memory pages. It
ends when its standard input does, so it never outlives the service; the jobs that it started do.
"""

import atexit
import contextlib
import gc
import logging
import os
import runpy
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NoReturn

from local_sagemaker.training import process

logger = logging.getLogger(__name__)

READY = b"ready\n"
_HIGHEST_FD = 1024
_IMAGE = "tensorflow-training"
_BEFORE_IMPORT = ("CUDA", "KMP_", "LD_", "MALLOC", "OMP_", "PYTHON", "TF_", "XLA_")
"""Variables that only count if they are there before TensorFlow is imported; a job that sets one starts cold."""


def fits(image: str, environment: Mapping[str, str], code: Path) -> bool:
    """Whether a job of this image and Environment, with this code, can start warm and behave as if it started cold."""
    cold = any(name.startswith(_BEFORE_IMPORT) for name in environment)
    return _IMAGE in image and not cold and not (code / "requirements.txt").exists()


class WarmPool:
    """The service's handle on the warm interpreter, which starts when it is first needed."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def start(self, folder: Path) -> bool:
        """Start the job prepared in `folder`; False where there is no warm interpreter to be had."""
        with self._lock:
            if not self._warm():
                return False
            assert self._process is not None
            assert self._process.stdin is not None
            try:
                self._process.stdin.write(os.fsencode(folder) + b"\n")
                self._process.stdin.flush()
            except OSError:
                return False
            return True

    def close(self) -> None:
        """End the warm interpreter, also while it imports, and start none again; jobs that it started go on."""
        self._closed = True
        if self._process is not None:
            self._process.kill()
        with self._lock:
            if self._process is not None:
                assert self._process.stdin is not None
                assert self._process.stdout is not None
                self._process.wait()
                with contextlib.suppress(OSError):
                    self._process.stdin.close()
                self._process.stdout.close()
                self._process = None

    def _warm(self) -> bool:
        if self._process is not None and self._process.poll() is None:
            return True
        if self._closed:
            return False
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                cwd=Path(__file__).parents[2],
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        ready = self._process.stdout.readline() == READY
        if not ready:
            logger.warning("TensorFlow can't be imported, so trials start cold; see %s.", self._log)
        return ready


def _environment() -> dict[str, str]:
    from local_sagemaker.training.environment import base_environment

    return base_environment() | {"TF_CPP_MIN_LOG_LEVEL": "2"}


class _Fork:
    """A command that runs in a fork of this interpreter; what subprocess.Popen is to a program."""

    def __init__(self, launch: dict[str, Any]) -> None:
        reading, writing = os.pipe()
        own = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            process.die_with_parent(own)
            os.close(reading)
            _become(launch, writing)
        os.close(writing)
        self.stdout: IO[bytes] | None = os.fdopen(reading, "rb")
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises subprocess.TimeoutExpired."""
        waited = threading.Event()
        left = timeout
        while self.poll() is None:
            waited.wait(0.02)
            if left is not None:
                left -= 0.02
                if left <= 0:
                    raise subprocess.TimeoutExpired([], timeout or 0)
        assert self.returncode is not None
        return self.returncode


def _become(launch: dict[str, Any], output: int) -> NoReturn:
    """Turn this fork into the training command: the script of launch["argv"], as its interpreter would run it."""
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, _HIGHEST_FD)
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        os.environ.clear()
        os.environ.update(launch["env"])
        os.chdir(launch["cwd"])
        sys.argv = launch["argv"][1:]
        own = {"", str(Path(__file__).parents[2])}
        beside = str((Path(launch["cwd"]) / sys.argv[0]).parent)
        sys.path[:] = list(dict.fromkeys([beside, launch["cwd"], *(entry for entry in sys.path if entry not in own)]))
        code = _run_script(sys.argv[0])
    finally:
        os._exit(code)


def _run_script(script: str) -> int:
    code = 0
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as leaving:
        code = _exit_code(leaving)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _exit_code(leaving: SystemExit) -> int:
    if leaving.code is None or isinstance(leaving.code, int):
        return leaving.code or 0
    print(leaving.code, file=sys.stderr)
    return 1


def _serve() -> None:
    """Import, say so, then fork a process beside each job whose folder is read."""
    from tensorflow import keras  # noqa: F401

    gc.freeze()  # a collection in a child would write to, and so copy, every page that it shares with this process
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    os.write(1, READY)
    for line in iter(sys.stdin.buffer.readline, b""):
        if os.fork() == 0:
            _beside(Path(os.fsdecode(line.rstrip(b"\n"))))


def _beside(folder: Path) -> NoReturn:
    """Leave the pool's session, then be the process beside the job."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1):
            os.dup2(null, standard)
        code = process.main(folder, _Fork)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    _serve()
