"""Packs the project for Amazon MWAA: dags/, plugins.zip and requirements.txt, as an environment's bucket holds them.

MWAA unpacks plugins.zip into /usr/local/airflow/plugins, which is on Python's path; so include/ and training/ lie in it
beside the plugins, named in its .airflowignore, or Airflow would import them as plugins.
"""

import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from include.tuning.images import PACKED

REQUIREMENTS = "requirements-mwaa.txt"
_IGNORE = ".airflowignore"
_BESIDE_THE_PLUGINS = ("include", "training")
_LEFT_OUT = ("__pycache__", "local_stack")
_READABLE = 0o644 << 16  # where a zip keeps a file's mode
_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say: the same files, the same archive


def pack(root: Path, to: Path, images: Mapping[str, Any]) -> list[Path]:
    """Write everything below `to`; what was there is removed. `images` is `packed_images` of the DAGs' studies."""
    shutil.rmtree(to, ignore_errors=True)
    (to / "dags").mkdir(parents=True)
    for file in sorted((root / "dags").glob("*.py")):
        shutil.copy(file, to / "dags" / file.name)
    with zipfile.ZipFile(to / "plugins.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(_contents(root, images)):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr = _READABLE
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    shutil.copy(root / REQUIREMENTS, to / "requirements.txt")
    return sorted(path for path in to.rglob("*") if path.is_file())


def _contents(root: Path, images: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    plugins = root / "plugins"
    ignored = (plugins / _IGNORE).read_text() + "".join(f"{room}/\n" for room in _BESIDE_THE_PLUGINS)
    yield _IGNORE, ignored.encode()
    for path in _files(plugins):
        yield path.relative_to(plugins).as_posix(), path.read_bytes()
    for room in _BESIDE_THE_PLUGINS:
        for path in _files(root / room):
            yield path.relative_to(root).as_posix(), path.read_bytes()
    yield PACKED.relative_to(root).as_posix(), json.dumps(images, indent=1, sort_keys=True).encode()


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part in _LEFT_OUT or part.startswith(".") for part in parts):
            yield path
