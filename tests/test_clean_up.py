"""The tests leave nothing in the folder for temporary files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize("home", [None, "own"])
def test_no_airflow_home_stays_behind(tmp_path: Path, home: str | None) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    environment.pop("AIRFLOW_HOME")
    if home:
        environment["AIRFLOW_HOME"] = str(tmp_path / home)
    tests = ["tests/plugins", "tests/dags", "tests/contract"]
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert [path.name for path in tmp_path.iterdir() if path.name != home] == []
