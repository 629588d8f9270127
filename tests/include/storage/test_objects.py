"""One object: put once, in parts when large, and what is there afterwards is what was meant."""

import hashlib
from typing import Any

import pytest

from include.errors import ChecksumError
from include.storage import objects
from include.storage.objects import composite_sha256, upload_file_once

MEGABYTE = 1 << 20


def test_same_bytes_are_put_once_and_other_bytes_replace_them(s3: Any, bucket: str) -> None:
    assert upload_file_once(s3, b"one", bucket, "code/a.tar.gz") is True
    assert upload_file_once(s3, b"one", bucket, "code/a.tar.gz") is False
    assert upload_file_once(s3, b"two", bucket, "code/a.tar.gz") is True
    assert s3.get_object(Bucket=bucket, Key="code/a.tar.gz")["Body"].read() == b"two"


def test_large_data_goes_in_parts_and_is_still_put_once(s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "MULTIPART_FROM", 8 * MEGABYTE)
    monkeypatch.setattr(objects, "PART_BYTES", 5 * MEGABYTE)
    data = bytes(range(256)) * (12 * MEGABYTE // 256)
    assert upload_file_once(s3, data, bucket, "large") is True
    head = s3.head_object(Bucket=bucket, Key="large", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == composite_sha256(data)
    assert head["ChecksumSHA256"].endswith("-3")
    assert head["Metadata"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert upload_file_once(s3, data, bucket, "large") is False


def test_another_writer_in_between_is_noticed(s3: Any, bucket: str) -> None:
    class Contested:
        """The client, with someone else's put after every put of ours."""

        def __getattr__(self, name: str) -> Any:
            return getattr(s3, name)

        def put_object(self, **request: Any) -> Any:
            s3.put_object(**request)
            return s3.put_object(Bucket=request["Bucket"], Key=request["Key"], Body=b"else", ChecksumAlgorithm="SHA256")

    with pytest.raises(ChecksumError, match="something else wrote it meanwhile, run again"):
        upload_file_once(Contested(), b"mine", bucket, "contested")
