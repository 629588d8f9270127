"""Processes of the stack: started in sessions of their own, watched, and ended with everything that they started."""

import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from include.errors import StackError
from include.local_stack.config import ROOT

_PATIENCE_SECONDS = 30
_FAULT = re.compile(r"\b(\w*Error|\w*Exception|error|ERROR|CRITICAL|FATAL)\b")


@dataclass(frozen=True)
class Component:
    """A running part of the stack; `born` tells its process from a later one with the same id."""

    name: str
    pid: int
    born: float
    log: str
    log_start: int = 0
    """Where in the log its own words begin, in bytes; earlier ones are those of earlier starts."""
    started: "subprocess.Popen[bytes] | None" = field(default=None, repr=False, compare=False)
    """The process where this interpreter started it; None where an earlier one did."""

    @classmethod
    def from_json(cls, saved: Any) -> "Component":
        """What `as_json` gave. Raises ValueError, KeyError or TypeError for something else."""
        return cls(
            str(saved["name"]), int(saved["pid"]), float(saved["born"]), str(saved["log"]), int(saved["log_start"])
        )

    def as_json(self) -> dict[str, Any]:
        """What another interpreter needs to find it again."""
        return {"name": self.name, "pid": self.pid, "born": self.born, "log": self.log, "log_start": self.log_start}

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process() is not None

    def process(self) -> psutil.Process | None:
        """Its process, if that still runs."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.born) < 1
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def start(name: str, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> Component:
    """Start one process, its output in `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        log_start = output.tell()
        process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Component(name, process.pid, psutil.Process(process.pid).create_time(), str(log), log_start, process)


def stop(components: Sequence[Component]) -> None:
    """End the components, the last started first in line, and whatever they started; SIGTERM, 30 s, SIGKILL."""
    tops = [process for component in reversed(components) if (process := component.process())]
    family = _with_children(tops)
    for process in tops:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(family, timeout=_PATIENCE_SECONDS)
    _kill(alive)
    for component in components:
        if component.started is not None:
            component.started.wait()


def end_at_once(processes: Sequence[psutil.Process]) -> None:
    """SIGKILL for processes and whatever they started."""
    _kill(_with_children(processes))


def check_alive(components: Sequence[Component]) -> None:
    """Raise StackError naming the first component that has ended, with its last words."""
    for component in components:
        if not component.alive:
            said = last_words(Path(component.log), component.log_start)
            raise StackError(f"{component.name} has ended: {said} (all of it: {component.log})")


def last_words(log: Path, start: int) -> str:
    """The last line of a log from a byte on that tells of an error, else the last that is not empty."""
    said = log.read_bytes()[start:].decode(errors="replace")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    faults = [line for line in lines if _FAULT.search(line)]
    return (faults or lines or ["it said nothing"])[-1]


def _with_children(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    family = list(processes)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            family += process.children(recursive=True)
    return family


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=_PATIENCE_SECONDS)


def wait_for_file(path: Path, component: Component, seconds: float) -> None:
    """Until `component` has made `path`. Raises StackError if it ends or takes longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        check_alive([component])
        if time.monotonic() > deadline:
            raise StackError(f"{component.name} is not ready after {seconds:.0f} s; see {component.log}")
        time.sleep(0.1)
