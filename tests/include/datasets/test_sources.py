"""Downloads from folders, S3 and mirrors: checked, resumed, and never half there."""

import gzip
import hashlib
import os
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from include.datasets.catalogue import DATASETS, TEST_IMAGES, TRAIN_IMAGES, TRAIN_LABELS, Dataset, find_dataset
from include.datasets.http_fetch import Patience
from include.datasets.idx import to_idx
from include.datasets.places import Folder
from include.datasets.receipts import Fetched
from include.datasets.sources import download, mirrors_reachable
from include.errors import (
    BucketMissingError,
    ChecksumError,
    CorruptArchiveError,
    DatasetMismatchError,
    IdxFormatError,
    MirrorsDownError,
    SourceError,
    StagingError,
    UnknownDatasetError,
)

FAST = Patience(stall=0.3, total=5, tries=2)

Files = dict[str, bytes]


def packed(files: Files) -> Files:
    return {f"{name}.gz": gzip.compress(content, 1) for name, content in files.items()}


def put(folder: Path, files: Files) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def with_checksums(dataset: Dataset, files: Files) -> Dataset:
    known = tuple(replace(file, sha256=hashlib.sha256(files[file.name]).hexdigest()) for file in dataset.files)
    return replace(dataset, files=known)  # type: ignore[arg-type]


def unread(content: bytes) -> Fetched:
    raise AssertionError(content)


@pytest.fixture
def files(raw_files: Callable[..., Files]) -> Files:
    return raw_files()


@pytest.fixture
def checked(small_dataset: Dataset, files: Files) -> Dataset:
    return with_checksums(small_dataset, files)


def staged(target: Path) -> Files:
    return {path.name: path.read_bytes() for path in target.iterdir() if not path.name.startswith(".")}


# --- the catalogue


def test_unknown_dataset_names_the_known_ones() -> None:
    with pytest.raises(UnknownDatasetError, match="'mnits': choose one of mnist, fashion-mnist, kmnist, digits"):
        find_dataset("mnits")


def test_every_declared_file_of_a_mirror_has_a_checksum() -> None:
    for dataset in DATASETS.values():
        assert all(file.sha256 or file.archive_sha256 or not dataset.mirrors for file in dataset.files), dataset.name


def test_digits_need_no_network_and_are_always_the_same(tmp_path: Path) -> None:
    digits = find_dataset("digits")
    first = download(digits, tmp_path / "a")
    assert first["source"] == "scikit-learn"
    assert first["sha256"] == download(digits, tmp_path / "b")["sha256"]
    images = (tmp_path / "a" / TRAIN_IMAGES).read_bytes()
    assert images[:16] == bytes.fromhex("00000803 0000059d 0000001c 0000001c")
    assert max(images[16:]) == 255


# --- a source of one's own


@pytest.mark.parametrize("as_url", [False, True])
@pytest.mark.parametrize("compressed", [False, True])
def test_folder(tmp_path: Path, checked: Dataset, files: Files, as_url: bool, compressed: bool) -> None:
    folder = put(tmp_path / "my source", packed(files) if compressed else files)
    result = download(checked, tmp_path / "raw", source=folder.as_uri() if as_url else str(folder))
    assert staged(tmp_path / "raw") == files
    assert result["sha256"] == {file.name: file.sha256 for file in checked.files}
    assert result["source"] == folder.as_uri()


def test_original_mnist_passes_its_checksums_though_compressed_anew(mnist_archives: Path, tmp_path: Path) -> None:
    mnist = find_dataset("mnist")
    result = download(mnist, tmp_path, source=str(mnist_archives))
    assert result["sha256"] == {file.name: file.sha256 for file in mnist.files}


def test_s3_prefix(s3: Any, bucket: str, tmp_path: Path, checked: Dataset, files: Files) -> None:
    for name, content in packed(files).items():
        s3.put_object(Bucket=bucket, Key=f"field/mnist/{name}", Body=content)
    result = download(checked, tmp_path, source=f"s3://{bucket}/field/mnist/", s3=s3)
    assert staged(tmp_path) == files
    assert result["source"] == f"s3://{bucket}/field/mnist"


def test_s3_prefix_in_a_missing_bucket(s3: Any, tmp_path: Path, checked: Dataset) -> None:
    with pytest.raises(BucketMissingError, match="bucket no-such-bucket does not exist"):
        download(checked, tmp_path, source="s3://no-such-bucket/x", s3=s3)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("/no/such/folder", "is not a folder of this machine"),
        ("ftp://host/x", "give a folder, or a URL of file://, http://, https:// or s3://"),
        ("s3://bucket/x", "needs an S3 client"),
        ("http://[::1/", r"^source='http://\[::1/' is not a URL \(Invalid IPv6 URL\): check it$"),
        (f"http://{'a' * 70}.example/", "label empty or too long"),
        ("x" * 5000, "can't be read .File name too long.: check the path"),
    ],
)
def test_source_that_cannot_be_used(tmp_path: Path, checked: Dataset, source: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        download(checked, tmp_path, source=source, patience=FAST)


def test_path_of_a_file_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^Cannot read x+/train\.gz: File name too long$"):
        Folder(Path("x" * 5000)).fetch("train", keep=unread)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everywhere")
def test_folder_that_may_not_be_read(tmp_path: Path, checked: Dataset, files: Files) -> None:
    closed = tmp_path / "closed"
    put(closed, {})
    put(closed / "source", files)
    closed.chmod(0)
    with pytest.raises(SourceError, match=r"can't be read \(Permission denied\): check the path"):
        download(checked, tmp_path / "raw", source=str(closed / "source"))
    with pytest.raises(SourceError, match=r"^Cannot read .*: Permission denied$"):
        download(checked, tmp_path / "raw", source=str(closed))
    closed.chmod(0o700)


def test_folder_that_lacks_a_file(tmp_path: Path, checked: Dataset, files: Files) -> None:
    del files[TRAIN_LABELS]
    with pytest.raises(SourceError, match=rf"has neither {TRAIN_LABELS}\.gz nor {TRAIN_LABELS}: check `source`"):
        download(checked, tmp_path / "raw", source=str(put(tmp_path / "source", files)))


@pytest.mark.parametrize(
    "damage",
    [lambda archive: archive[:-20], lambda archive: archive[:-8] + bytes(8), lambda archive: archive[:4]],
    ids=["truncated", "corrupt", "only a header"],
)
def test_damaged_gzip(tmp_path: Path, checked: Dataset, files: Files, damage: Callable[[bytes], bytes]) -> None:
    archives = packed(files)
    archives[f"{TRAIN_IMAGES}.gz"] = damage(archives[f"{TRAIN_IMAGES}.gz"])
    with pytest.raises(CorruptArchiveError, match=rf"{TRAIN_IMAGES}: the gzip file of \d+ bytes is damaged"):
        download(checked, tmp_path / "raw", source=str(put(tmp_path / "source", archives)))
    assert TRAIN_IMAGES not in staged(tmp_path / "raw")


def test_checksum_mismatch_says_both(tmp_path: Path, checked: Dataset, files: Files) -> None:
    expected = checked.files[0].sha256
    files[TRAIN_IMAGES] = files[TRAIN_IMAGES][:-1] + b"\x00"
    found = hashlib.sha256(files[TRAIN_IMAGES]).hexdigest()
    with pytest.raises(ChecksumError, match=f"{TRAIN_IMAGES}: SHA-256 is {found}, expected {expected}"):
        download(checked, tmp_path / "raw", source=str(put(tmp_path / "source", files)))


def test_checksum_of_a_known_archive(tmp_path: Path, small_dataset: Dataset, files: Files) -> None:
    archives = packed(files)
    known = tuple(
        replace(file, archive_sha256=hashlib.sha256(archives[f"{file.name}.gz"]).hexdigest())
        for file in small_dataset.files
    )
    dataset = replace(small_dataset, files=known)  # type: ignore[arg-type]
    download(dataset, tmp_path / "raw", source=str(put(tmp_path / "source", archives)))
    assert staged(tmp_path / "raw") == files
    archives[f"{TEST_IMAGES}.gz"] = gzip.compress(files[TEST_IMAGES], 9, mtime=1)
    with pytest.raises(ChecksumError, match=TEST_IMAGES):
        download(dataset, tmp_path / "other", source=str(put(tmp_path / "source", archives)))


def test_wrong_magic_in_a_source_without_checksums(tmp_path: Path, small_dataset: Dataset, files: Files) -> None:
    files[TRAIN_IMAGES] = files[TRAIN_LABELS]
    with pytest.raises(IdxFormatError, match=f"{TRAIN_IMAGES}: byte 0 starts magic number 0x00000801"):
        download(small_dataset, tmp_path / "raw", source=str(put(tmp_path / "source", files)))


def test_corrected_source_is_read_again(tmp_path: Path, small_dataset: Dataset, files: Files) -> None:
    good = files[TRAIN_LABELS]
    source = put(tmp_path / "source", files | {TRAIN_LABELS: to_idx(np.zeros(3, np.uint8))})
    with pytest.raises(DatasetMismatchError, match="30 images but 3 labels"):
        download(small_dataset, tmp_path / "raw", source=str(source))
    put(source, {TRAIN_LABELS: good})
    download(small_dataset, tmp_path / "raw", source=str(source))
    assert staged(tmp_path / "raw") == files


# --- mirrors


def test_mirrors_in_order(tmp_path: Path, checked: Dataset, files: Files, serve: Callable[..., Any]) -> None:
    first, second = serve(packed(files)), serve(packed(files))
    result = download(checked, tmp_path, mirrors=(first.url, second.url))
    assert (result["source"], second.asked) == (first.url, [])
    assert staged(tmp_path) == files


def test_each_file_falls_through_to_the_next_mirror(
    tmp_path: Path, checked: Dataset, files: Files, serve: Callable[..., Any]
) -> None:
    archives = packed(files)
    bad = archives | {f"{TRAIN_IMAGES}.gz": gzip.compress(b"something else")}
    del bad[f"{TRAIN_LABELS}.gz"]
    first, second = serve(bad), serve(archives)
    said: list[str] = []
    result = download(
        checked, tmp_path, mirrors=(first.url, second.url), log=lambda text, *values: said.append(text % values)
    )
    assert staged(tmp_path) == files
    assert set(result["source"].split(", ")) == {first.url, second.url}
    assert any("expected" in line for line in said)
    assert any("answered 404" in line for line in said)


def test_mirror_that_serves_the_files_uncompressed(
    tmp_path: Path, checked: Dataset, files: Files, serve: Callable[..., Any]
) -> None:
    download(checked, tmp_path, source=serve(files).url)
    assert staged(tmp_path) == files


def test_address_with_other_letters_than_ascii(
    tmp_path: Path, checked: Dataset, files: Files, serve: Callable[..., Any]
) -> None:
    mirror = serve({f"gr%C3%B6%C3%9Fe/a%20b/{name}": content for name, content in packed(files).items()})
    download(checked, tmp_path / "a", source=mirror.url + "größe/a b/")
    download(checked, tmp_path / "b", source=mirror.url + "gr%C3%B6%C3%9Fe/a%20b")
    assert staged(tmp_path / "a") == staged(tmp_path / "b") == files


@pytest.mark.parametrize("bad", ["mirror.example/mnist", "http://[::1/", "http://..a/", "s3://bucket/x"])
def test_mirror_that_is_no_address_is_one_that_does_not_answer(
    tmp_path: Path, checked: Dataset, files: Files, serve: Callable[..., Any], bad: str
) -> None:
    good = serve(packed(files))
    assert download(checked, tmp_path / "raw", mirrors=(bad, good.url), patience=FAST)["source"] == good.url
    with pytest.raises(MirrorsDownError, match=re.escape(bad)) as caught:
        download(checked, tmp_path / "other", mirrors=(bad,), patience=FAST)
    assert "source=" not in str(caught.value)
    assert mirrors_reachable(checked, mirrors=(bad, good.url)) == [good.url]


def test_all_mirrors_down_or_hanging_is_one_line_in_bounded_time(
    tmp_path: Path, checked: Dataset, files: Files, serve: Callable[..., Any]
) -> None:
    hanging, failing = serve(packed(files), hang=True), serve(packed(files), status=500)
    began = time.monotonic()
    with pytest.raises(MirrorsDownError) as caught:
        download(checked, tmp_path, mirrors=("http://127.0.0.1:9/", hanging.url, failing.url), patience=FAST)
    assert time.monotonic() - began < 5
    line = str(caught.value)
    assert "\n" not in line
    for words in ("No mirror of small gave", "Connection refused", "timed out", "answered 500", "set `source`"):
        assert words in line
    assert staged(tmp_path) == {}


def test_cut_connection_is_resumed_within_a_download(
    tmp_path: Path, checked: Dataset, files: Files, serve: Callable[..., Any]
) -> None:
    name = f"{TRAIN_IMAGES}.gz"
    mirror = serve(packed(files), cut_after={name: [100]})
    download(checked, tmp_path, source=mirror.url, patience=FAST)
    assert staged(tmp_path) == files
    assert [asked for path, asked in mirror.asked if path == f"/{name}"] == [None, "bytes=100-"]


def test_second_try_goes_on_where_the_first_was_cut(
    tmp_path: Path, checked: Dataset, files: Files, serve: Callable[..., Any]
) -> None:
    name = f"{TRAIN_IMAGES}.gz"
    mirror = serve(packed(files), cut_after={name: [100, 50]})
    with pytest.raises(SourceError, match=rf"{name} failed: was cut off at byte 150 of \d+"):
        download(checked, tmp_path, source=mirror.url, patience=FAST)
    download(checked, tmp_path, source=mirror.url, patience=FAST)
    assert staged(tmp_path) == files
    assert [asked for path, asked in mirror.asked if path == f"/{name}"] == [None, "bytes=100-", "bytes=150-"]
    assert sorted(mirror.gets().values()) == [1, 1, 1, 3]
    assert not [path for path in tmp_path.iterdir() if ".part" in path.name]


def test_file_that_changed_meanwhile_is_fetched_from_its_start(
    tmp_path: Path, checked: Dataset, files: Files, serve: Callable[..., Any]
) -> None:
    name = f"{TRAIN_IMAGES}.gz"
    other = gzip.compress(bytes(5000), 0)
    mirror = serve(packed(files) | {name: other}, cut_after={name: [100, 50]})
    with pytest.raises(SourceError):
        download(checked, tmp_path, source=mirror.url, patience=FAST)
    mirror.files[name] = packed(files)[name]
    download(checked, tmp_path, source=mirror.url, patience=FAST)
    assert staged(tmp_path) == files


def test_files_of_a_mirror_are_fetched_in_parallel(
    tmp_path: Path, checked: Dataset, files: Files, serve: Callable[..., Any]
) -> None:
    hanging = serve(packed(files), hang=True)
    began = time.monotonic()
    with pytest.raises(SourceError):
        download(checked, tmp_path, source=hanging.url, patience=Patience(stall=0.5, total=5, tries=1))
    assert time.monotonic() - began < 4 * 0.5


def test_reachable_mirrors_are_those_that_answer(checked: Dataset, files: Files, serve: Callable[..., Any]) -> None:
    good, plain, hanging, failing = serve(packed(files)), serve(files), serve(packed(files), hang=True), serve({})
    mirrors = ("http://127.0.0.1:9/", hanging.url, failing.url, good.url, plain.url)
    assert mirrors_reachable(checked, mirrors=mirrors, timeout=0.3) == [good.url, plain.url]
    assert mirrors_reachable(checked) == []


def test_mirror_template_takes_the_datasets_name(
    tmp_path: Path, checked: Dataset, files: Files, serve: Callable[..., Any]
) -> None:
    mirror = serve({f"small/{name}": content for name, content in packed(files).items()})
    download(checked, tmp_path, mirrors=(mirror.url + "{dataset}/",))
    assert staged(tmp_path) == files


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_disk_that_fills_up_is_one_line_and_no_other_mirror_is_asked(
    tmp_path: Path, checked: Dataset, files: Files, serve: Callable[..., Any]
) -> None:
    first, second = serve(packed(files)), serve(packed(files))
    (tmp_path / f".{TRAIN_IMAGES}.gz.part").symlink_to("/dev/full")
    with pytest.raises(StagingError, match=r"^Cannot write .*\.gz\.part: the disk is full: free some space and run"):
        download(checked, tmp_path, mirrors=(first.url, second.url))
    assert second.asked == []
    assert TRAIN_IMAGES not in staged(tmp_path)
