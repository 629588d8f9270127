"""What a user gets wrong on the command line of the stack is one line."""

from pathlib import Path

import pytest

from include.local_stack.command import main
from include.local_stack.config import StackConfig


@pytest.fixture
def config(tmp_path: Path) -> StackConfig:
    return StackConfig(tmp_path / "state")


@pytest.mark.parametrize("saved", ["", "{", "[1]", "{}x", '[{"name": "scheduler"}]', "7"])
@pytest.mark.parametrize("command", ["up", "down"])
def test_a_damaged_list_of_processes_is_one_line(
    config: StackConfig, capsys: pytest.CaptureFixture[str], saved: str, command: str
) -> None:
    config.state.mkdir()
    config.processes_file.write_text(saved)
    assert main([command, "--state", str(config.state)]) == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"failed: {config.processes_file} is damaged")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_state_that_is_a_file_is_one_line(
    config: StackConfig, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    config.state.write_text("")
    assert main([command, "--state", str(config.state)]) == 1
    said = capsys.readouterr().err.strip()
    assert said.endswith("can't be read (Not a directory); --state has to be a folder of yours")
    assert len(said.splitlines()) == 1
