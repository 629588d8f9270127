"""A source archive is unpacked into its folder and nowhere else, also by a Python whose tarfile has no filters yet."""

import io
import tarfile
from pathlib import Path

import pytest

from local_sagemaker.errors import TrainingError
from local_sagemaker.training.archives import unpack_source

URI = "s3://bucket/sourcedir.tar.gz"


class Shelf:
    """Whoever reads S3, and an S3 with one archive in it."""

    def __init__(self, *members: tarfile.TarInfo) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for member in members:
                tar.addfile(member, io.BytesIO(b"content"[: member.size]))
        self._content = buffer.getvalue()
        self.s3 = self

    def download_file(self, bucket: str, key: str, path: str) -> None:
        Path(path).write_bytes(self._content)


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, target, 7 if kind == tarfile.REGTYPE else 0
    return made


@pytest.fixture(params=["with filters", "without filters"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where to unpack; Python has filters since 3.11.4."""
    if request.param == "without filters":
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    code = tmp_path / "job" / "code"
    code.mkdir(parents=True)
    return code


def test_files_and_folders_are_unpacked(folder: Path) -> None:
    unpack_source(Shelf(member("train.py"), member("lib", tarfile.DIRTYPE), member("lib/model.py")), URI, folder)
    assert (folder / "train.py").read_text() == (folder / "lib" / "model.py").read_text() == "content"


@pytest.mark.parametrize(
    "members",
    [
        [member("../escaped.py")],
        [member("lib", tarfile.SYMTYPE, "../.."), member("lib/escaped.py")],
        [member("passwd", tarfile.SYMTYPE, "/etc/passwd")],
        [member("pipe", tarfile.FIFOTYPE)],
    ],
    ids=["up", "through a link", "a link out", "a pipe"],
)
def test_what_would_leave_the_folder_is_refused(folder: Path, members: list[tarfile.TarInfo]) -> None:
    with pytest.raises(TrainingError, match="can't be unpacked"):
        unpack_source(Shelf(*members), URI, folder)
    assert not list(folder.parents[1].rglob("escaped.py"))
