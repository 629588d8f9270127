"""What a local SageMaker that was killed leaves at work, found by the files that its training jobs keep, and ended.

The files are described in local_sagemaker/training/process.py: `running` is locked by a job's process and holds its
pid, `command` holds the session of the training script.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from include.local_stack.processes import end_at_once

_WARM_INTERPRETER = "local_sagemaker.training.warm_pool"
_ROUNDS = 5
"""What is found may just be starting something else."""


def end(sagemaker_state: Path) -> bool:
    """End what works on a state folder that no service owns, and say whether there was anything."""
    if _is_locked(sagemaker_state / "lock"):
        return False
    ended = False
    for _ in range(_ROUNDS):
        found = list(_at_work(sagemaker_state))
        if not found:
            break
        end_at_once(found)
        ended = True
    return ended


def _at_work(sagemaker_state: Path) -> Iterator[psutil.Process]:
    jobs = sagemaker_state / "training-jobs"
    sessions = {_number(file): file.parent for file in jobs.glob("*/*/command")}
    beside = {_number(file) for file in jobs.glob("*/*/running") if _is_locked(file)}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            folder = sessions.get(os.getsid(process.pid))
            if (
                process.pid in beside
                or (folder and Path(process.cwd()).is_relative_to(folder))
                or _is_warm_interpreter(process, sagemaker_state / "warm-pool.log")
            ):
                yield process


def _is_warm_interpreter(process: psutil.Process, log: Path) -> bool:
    return _WARM_INTERPRETER in process.cmdline() and any(Path(file.path) == log for file in process.open_files())


def _is_locked(file: Path) -> bool:
    try:
        with file.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _number(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0
