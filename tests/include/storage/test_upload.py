"""Uploads to a real S3: once, whole, verified, the manifest last."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from include.datasets.upload import upload_dataset
from include.errors import BucketMissingError, ChecksumError, StagingError, StorageUnavailableError
from include.storage.s3_layout import S3Layout


def upload(s3: Any, converted: dict[str, Any], bucket: str, **options: Any) -> dict[str, Any]:
    names = {"dataset": "small", "fingerprint": converted["fingerprint"]}
    return upload_dataset(s3, Path(converted["uri"]), S3Layout(bucket, "mnist"), **names | options)


def keys(s3: Any, bucket: str) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def shard(converted: dict[str, Any]) -> Path:
    return next(Path(converted["uri"]).glob("train/part-00001-*"))


def test_s3_holds_the_folder_and_the_result_says_where(s3: Any, bucket: str, converted: dict[str, Any]) -> None:
    result = upload(s3, converted, bucket)
    home = f"mnist/data/small/{converted['fingerprint']}"
    assert {name: result[name] for name in ("train", "validation", "test", "manifest")} == {
        "train": f"s3://{bucket}/{home}/train/",
        "validation": f"s3://{bucket}/{home}/validation/",
        "test": f"s3://{bucket}/{home}/test/",
        "manifest": f"s3://{bucket}/{home}/manifest.json",
    }
    folder = Path(converted["uri"])
    staged = {f"{home}/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    stored = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys(s3, bucket)}
    assert stored == staged
    assert result["uploaded_bytes"] == sum(map(len, staged.values()))
    assert (result["uploaded_files"], result["examples"]) == (7, {"train": 24, "validation": 6, "test": 10})


def test_second_upload_sends_nothing(s3: Any, bucket: str, converted: dict[str, Any]) -> None:
    first = upload(s3, converted, bucket)
    again = upload(s3, converted, bucket)
    assert again == first | {"uploaded_files": 0, "uploaded_bytes": 0}


def test_only_what_is_missing_or_another_is_sent(s3: Any, bucket: str, converted: dict[str, Any]) -> None:
    result = upload(s3, converted, bucket)
    home = f"mnist/data/small/{result['fingerprint']}"
    s3.delete_object(Bucket=bucket, Key=f"{home}/train/part-00000-of-00002.tfrecord")
    s3.put_object(Bucket=bucket, Key=f"{home}/test/part-00000-of-00002.tfrecord", Body=b"half")
    assert upload(s3, converted, bucket)["uploaded_files"] == 2
    assert upload(s3, converted, bucket)["uploaded_files"] == 0


def test_manifest_comes_last(bucket: str, converted: dict[str, Any], faulty_s3: Any, s3_at: Callable[..., Any]) -> None:
    upload(s3_at(faulty_s3.url), converted, bucket)
    assert len(faulty_s3.puts) == 7
    assert faulty_s3.puts[-1].endswith("/manifest.json")


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError")])
def test_s3_that_fails_for_a_while_is_retried(
    bucket: str, converted: dict[str, Any], faulty_s3: Any, s3_at: Callable[..., Any], status: int, code: str
) -> None:
    seen: set[tuple[str, str]] = set()

    def first_time(method: str, path: str) -> bool:
        known = (method, path) in seen
        seen.add((method, path))
        return not known

    faulty_s3.fails, faulty_s3.status, faulty_s3.code = first_time, status, code
    assert upload(s3_at(faulty_s3.url), converted, bucket)["uploaded_files"] == 7


def test_s3_that_fails_for_ever_is_one_line_and_the_next_try_goes_on(
    s3: Any, bucket: str, converted: dict[str, Any], faulty_s3: Any, s3_at: Callable[..., Any]
) -> None:
    faulty_s3.fails = lambda method, path: method == "PUT" and "/test/part-00001" in path
    with pytest.raises(StorageUnavailableError, match=r"^Cannot upload s3://.* answering 503 SlowDown: run again"):
        upload(s3_at(faulty_s3.url, attempts=2), converted, bucket)
    arrived = len(keys(s3, bucket))
    assert arrived >= 1
    assert not any(key.endswith("manifest.json") for key in keys(s3, bucket))
    faulty_s3.fails = lambda method, path: False
    assert upload(s3_at(faulty_s3.url), converted, bucket)["uploaded_files"] == 7 - arrived


def test_s3_out_of_reach(converted: dict[str, Any], s3_at: Callable[..., Any]) -> None:
    with pytest.raises(StorageUnavailableError, match=r"S3 is out of reach .* check the network and the endpoint"):
        upload(s3_at("http://127.0.0.1:9", attempts=1), converted, "bucket")


def test_missing_bucket(s3: Any, converted: dict[str, Any]) -> None:
    with pytest.raises(BucketMissingError, match="bucket no-such-bucket does not exist"):
        upload(s3, converted, "no-such-bucket")


def test_staged_shard_that_changed_is_not_uploaded(s3: Any, bucket: str, converted: dict[str, Any]) -> None:
    shard(converted).write_bytes(b"something else")
    with pytest.raises(StagingError, match="is not what its manifest says: remove the folder and convert again"):
        upload(s3, converted, bucket)
    assert not any(key.endswith("manifest.json") for key in keys(s3, bucket))


def test_staged_shard_that_is_gone(s3: Any, bucket: str, converted: dict[str, Any]) -> None:
    shard(converted).unlink()
    with pytest.raises(StagingError, match="is not there: run the task that writes it again"):
        upload(s3, converted, bucket)


def test_folder_of_another_dataset(s3: Any, bucket: str, converted: dict[str, Any]) -> None:
    with pytest.raises(StagingError, match=r"holds small \w+, not mnist \w+: convert again"):
        upload(s3, converted, bucket, dataset="mnist")


def test_what_arrives_is_checked(
    bucket: str, converted: dict[str, Any], faulty_s3: Any, s3_at: Callable[..., Any]
) -> None:
    faulty_s3.spoils = lambda method, path: method == "PUT" and "/part-" in path
    with pytest.raises(ChecksumError, match="S3 received other bytes than the checksum says"):
        upload(s3_at(faulty_s3.url, attempts=1), converted, bucket)


def test_encryption_is_s3s_own_or_the_named_key(s3: Any, bucket: str, converted: dict[str, Any]) -> None:
    upload(s3, converted, bucket)
    assert {s3.head_object(Bucket=bucket, Key=key)["ServerSideEncryption"] for key in keys(s3, bucket)} == {"AES256"}
    other = f"{bucket}-kms"
    s3.create_bucket(Bucket=other)
    upload(s3, converted, other, kms_key="alias/mine")
    heads = [s3.head_object(Bucket=other, Key=key) for key in keys(s3, other)]
    assert {head["ServerSideEncryption"] for head in heads} == {"aws:kms"}


def test_progress_is_logged(s3: Any, bucket: str, converted: dict[str, Any]) -> None:
    said: list[str] = []
    upload(s3, converted, bucket, log=lambda text, *values: said.append(text % values))
    assert sum("of 6 shards" in line for line in said) == 6
    assert said[-1].startswith("small: uploaded 7 of 7 files")


def test_manifest_on_s3_is_readable_json(s3: Any, bucket: str, converted: dict[str, Any]) -> None:
    key = upload(s3, converted, bucket)["manifest"].removeprefix(f"s3://{bucket}/")
    manifest = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    assert manifest["fingerprint"] == converted["fingerprint"]
