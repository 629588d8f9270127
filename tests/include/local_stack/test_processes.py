"""Processes of the stack end with all that they started, and one that dies is named."""

import sys
import time
from pathlib import Path

import psutil
import pytest

from include.errors import StackError
from include.local_stack.processes import Component, check_alive, last_words, start, stop, wait_for_file

FAMILY = """
import pathlib, signal, subprocess, sys, time
stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", stubborn])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(60)
"""


def test_stopping_ends_the_children_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.local_stack.processes._PATIENCE_SECONDS", 0.5)
    made = tmp_path / "child"
    component = start("family", [sys.executable, "-c", FAMILY, str(made)], {}, tmp_path / "log")
    wait_for_file(made, component, seconds=30)
    child = int(made.read_text())
    stop([component])
    assert not component.alive
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_a_part_that_has_ended_is_named_with_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    component = start("scheduler", [sys.executable, "-c", "print('no database')"], {}, log)
    deadline = time.monotonic() + 30
    while component.alive:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with pytest.raises(StackError) as ended:
        check_alive([component])
    assert str(ended.value) == f"scheduler has ended: no database (all of it: {log})"
    stop([component])


def test_an_error_counts_more_than_what_is_said_after_it_and_earlier_starts_count_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("ERROR of yesterday, spelled in ä\n")
    start = log.stat().st_size
    assert last_words(log, start) == "it said nothing"
    with log.open("a") as more:
        more.write("INFO starting, 0 errors\nERROR [Errno 98] address already in use\n")
        more.write("INFO application shutdown complete\n\n")
    assert last_words(log, start) == "ERROR [Errno 98] address already in use"


def test_a_later_process_with_the_same_id_is_not_taken_for_ours() -> None:
    assert not Component("old", psutil.Process().pid, born=1.0, log="").alive
