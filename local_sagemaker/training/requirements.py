"""Installs code/requirements.txt into an environment of the job's own, then becomes the training command.

Run as a program, `requirements.py <folder> <script> [argument ...]`, in the job's code folder. What the service's
Python has counts as installed; what a job adds or changes goes into <folder>, where no other job sees it. pip's words
go to the job's log, and the environment variables that configure pip are its Environment's. Standard library only.
"""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

FILE = "requirements.txt"


def main(folder: Path, command: list[str]) -> int:
    """Exit code of the installation if it fails; else this process becomes the script."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    python = str(folder / "bin" / "python")
    _add_packages_of_this_python(folder)
    installed = subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", FILE], check=False).returncode
    if installed == 0:
        os.execv(python, [python, *command])
    print(f'InstallRequirementsError: ExitCode {installed} Command "pip install -r {FILE}"', flush=True)
    return installed


def _add_packages_of_this_python(folder: Path) -> None:
    own = {"base": str(folder), "platbase": str(folder)}
    target = Path(sysconfig.get_path("purelib", vars=own))
    packages = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (target / "service.pth").write_text("\n".join(packages) + "\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
