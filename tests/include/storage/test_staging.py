"""Files land on a staging path whole or not at all, and a refusing disk is one line."""

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from include.datasets.catalogue import Dataset
from include.datasets.convert import convert
from include.datasets.sources import download
from include.errors import StagingError
from include.storage.staging import make_directory, read_bytes, writing


def test_name_appears_only_when_everything_is_written(tmp_path: Path) -> None:
    with writing(tmp_path, "shard") as file:
        file.write(b"12")
        assert not (tmp_path / "shard").exists()
    assert read_bytes(tmp_path / "shard") == b"12"
    assert [path.name for path in tmp_path.iterdir()] == ["shard"]


def test_failure_leaves_what_was_there_and_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "shard").write_bytes(b"old")
    with pytest.raises(TypeError), writing(tmp_path, "shard") as file:
        file.write("text")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("shard", b"old")]


def on_s3(endpoint: str, bucket: str) -> UPath:
    options = {"endpoint_url": endpoint, "key": "test", "secret": "test", "skip_instance_cache": True}
    return UPath(f"s3://{bucket}/staging", **options)


def write(file: Any, megabytes: int, then: Any = b"") -> None:
    for _ in range(megabytes):
        file.write(bytes(1 << 20))
    file.write(then)


def nothing_is_there(s3: Any, bucket: str) -> bool:
    gc.collect()  # fsspec closes a forgotten file, which would send it
    objects, uploads = s3.list_objects_v2(Bucket=bucket), s3.list_multipart_uploads(Bucket=bucket)
    return "Contents" not in objects and not uploads.get("Uploads")


@pytest.mark.parametrize("megabytes", [0, 1, 60])
def test_failure_leaves_nothing_on_s3(s3: Any, s3_endpoint: str, bucket: str, megabytes: int) -> None:
    staging = on_s3(s3_endpoint, bucket)
    with pytest.raises(TypeError), writing(staging, "shard") as file:
        write(file, megabytes, then="text")
    assert nothing_is_there(s3, bucket)
    with writing(staging, "shard") as file:
        file.write(b"12")
    assert read_bytes(staging / "shard") == b"12"


def test_a_part_that_s3_refuses_leaves_nothing_on_s3(s3: Any, faulty_s3: Any, bucket: str) -> None:
    refused: list[str] = []

    def refuse_one_part(method: str, path: str) -> bool:
        if method == "PUT" and "partNumber=" in path and not refused:
            refused.append(path)
        return path in refused[-1:] and len(refused) == 1

    faulty_s3.fails, faulty_s3.status, faulty_s3.code = refuse_one_part, 403, "AccessDenied"
    says = "permission denied: choose a staging path that the worker may write to"
    with pytest.raises(StagingError, match=says), writing(on_s3(faulty_s3.url, bucket), "shard") as file:
        write(file, megabytes=60)
    assert refused
    assert nothing_is_there(s3, bucket)


def test_file_urls_are_paths_of_this_machine(tmp_path: Path) -> None:
    staging = UPath(tmp_path.as_uri())
    with writing(staging, "shard") as file:
        file.write(b"12")
        assert not (tmp_path / "shard").exists()
    assert (tmp_path / "shard").read_bytes() == b"12"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk_is_one_line(tmp_path: Path) -> None:
    (tmp_path / ".shard.tmp").symlink_to("/dev/full")
    says = r"^Cannot write .*/shard: the disk is full: free some space and run"
    with pytest.raises(StagingError, match=says), writing(tmp_path, "shard") as file:
        file.write(bytes(1 << 20))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_disk_that_fills_up_during_conversion_leaves_no_manifest(
    tmp_path: Path, small_dataset: Dataset, raw_files: Callable[..., dict[str, bytes]]
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for name, content in raw_files().items():
        (raw / name).write_bytes(content)
    options = {"dataset": small_dataset, "validation": 6, "shards": 2}
    fingerprint = convert(raw, tmp_path / "elsewhere", **options)["fingerprint"]
    full = tmp_path / "converted" / fingerprint / "validation"
    full.mkdir(parents=True)
    (full / ".part-00001-of-00002.tfrecord.tmp").symlink_to("/dev/full")
    with pytest.raises(StagingError, match="the disk is full"):
        convert(raw, tmp_path / "converted", **options)
    assert not (full.parent / "manifest.json").exists()
    assert convert(raw, tmp_path / "converted", **options)["fingerprint"] == fingerprint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_disk_that_fills_up_during_download(
    tmp_path: Path, small_dataset: Dataset, raw_files: Callable[..., dict[str, bytes]]
) -> None:
    source, target = tmp_path / "source", tmp_path / "raw"
    source.mkdir()
    target.mkdir()
    for name, content in raw_files().items():
        (source / name).write_bytes(content)
    (target / f".{small_dataset.files[0].name}.tmp").symlink_to("/dev/full")
    with pytest.raises(StagingError, match="the disk is full"):
        download(small_dataset, target, source=str(source))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_forbidden_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StagingError, match="permission denied: choose a staging path that the worker may write to"):
        make_directory(tmp_path / "new")


def test_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(b"")
    with pytest.raises(StagingError, match="is a file, not a folder"):
        make_directory(tmp_path / "raw")
