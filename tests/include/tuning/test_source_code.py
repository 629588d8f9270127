import io
import os
import tarfile
from pathlib import Path

import pytest

from include.errors import SourceCodeError
from include.tuning.source_code import pack


def make(folder: Path) -> Path:
    (folder / "package" / "__pycache__").mkdir(parents=True)
    (folder / "train.py").write_text("print(1)")
    (folder / "package" / "model.py").write_text("x = 1")
    (folder / "package" / "__pycache__" / "model.cpython-311.pyc").write_bytes(b"cache")
    (folder / ".secret").write_text("hidden")
    return folder


def test_the_same_files_give_the_same_bytes_whenever_and_wherever_they_were_written(tmp_path: Path) -> None:
    first, second = make(tmp_path / "one"), make(tmp_path / "two")
    os.utime(second / "train.py", (1, 1))
    (second / "train.py").chmod(0o755)
    assert pack(first, "train.py") == pack(second, "train.py")


def test_a_changed_file_gives_another_digest(tmp_path: Path) -> None:
    before = pack(make(tmp_path / "one"), "train.py").sha256
    (tmp_path / "one" / "package" / "model.py").write_text("x = 2")
    assert pack(tmp_path / "one", "train.py").sha256 != before


def test_the_entry_point_lies_at_the_root_and_caches_and_hidden_files_stay_out(tmp_path: Path) -> None:
    packed = pack(make(tmp_path / "one"), "train.py")
    with tarfile.open(fileobj=io.BytesIO(packed.archive)) as tar:
        assert tuple(tar.getnames()) == packed.files == ("package/model.py", "train.py")


def test_a_missing_script_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceCodeError, match=r"tune\.py is not a file"):
        pack(make(tmp_path / "one"), "tune.py")
