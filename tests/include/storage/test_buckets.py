"""The bucket: made private and encrypted when missing, and refused clearly when it is not ours."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.errors import BucketForbiddenError, BucketForeignError, StorageError, StorageUnavailableError
from include.storage.buckets import ensure_bucket


@pytest.fixture
def name() -> str:
    return f"new-{uuid.uuid4().hex[:12]}"


def test_missing_bucket_is_made_private_and_encrypted(s3: Any, name: str) -> None:
    ensure_bucket(s3, name, "us-east-1", account="000000000000")
    blocked = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_own_bucket_is_left_as_it_is(s3: Any, bucket: str) -> None:
    ensure_bucket(s3, bucket, "us-east-1")
    s3.put_object(Bucket=bucket, Key="mine", Body=b"1")
    ensure_bucket(s3, bucket, "us-east-1")
    assert s3.get_object(Bucket=bucket, Key="mine")["Body"].read() == b"1"


@pytest.mark.parametrize("step", ["encryption", "publicAccessBlock"])
def test_bucket_whose_making_was_cut_short_is_finished_at_the_next_try(
    s3: Any, name: str, faulty_s3: Any, s3_at: Callable[..., Any], step: str
) -> None:
    faulty_s3.fails = lambda method, path: method == "PUT" and path.endswith(f"?{step}")
    with pytest.raises(StorageUnavailableError):
        ensure_bucket(s3_at(faulty_s3.url, attempts=1), name, "us-east-1")
    assert not has_access_block(s3, name)
    ensure_bucket(s3, name, "us-east-1")
    assert has_access_block(s3, name)
    assert s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]


def test_bucket_in_use_keeps_its_owners_choice_of_public_access(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="site/index.html", Body=b"1")
    ensure_bucket(s3, bucket, "us-east-1")
    assert not has_access_block(s3, bucket)


def test_bucket_whose_settings_may_not_be_read_is_used_as_it_is(
    bucket: str, faulty_s3: Any, s3_at: Callable[..., Any]
) -> None:
    faulty_s3.fails = lambda method, path: path.endswith("?publicAccessBlock")
    faulty_s3.status, faulty_s3.code = 403, "AccessDenied"
    ensure_bucket(s3_at(faulty_s3.url, attempts=1), bucket, "us-east-1")
    assert faulty_s3.puts == []


def has_access_block(s3: Any, name: str) -> bool:
    try:
        return bool(s3.get_public_access_block(Bucket=name))
    except ClientError:
        return False


@pytest.mark.parametrize(
    ("method", "status", "code", "error", "says"),
    [
        ("HEAD", 403, "AccessDenied", BucketForbiddenError, "is denied .* and that the bucket is yours"),
        ("PUT", 409, "BucketAlreadyExists", BucketForeignError, "belongs to another account or region"),
        ("PUT", 403, "AccessDenied", BucketForbiddenError, "Cannot create bucket .* denied"),
        ("PUT", 400, "TooManyBuckets", StorageError, "S3 answered TooManyBuckets: injected"),
        ("HEAD", 301, "PermanentRedirect", BucketForeignError, "belongs to another account or region"),
        ("HEAD", 503, "SlowDown", StorageUnavailableError, "kept answering 503"),
    ],
)
def test_bucket_that_cannot_be_used_is_one_line(
    name: str,
    faulty_s3: Any,
    s3_at: Callable[..., Any],
    method: str,
    status: int,
    code: str,
    error: type[StorageError],
    says: str,
) -> None:
    faulty_s3.fails = lambda asked, path: asked == method
    faulty_s3.status, faulty_s3.code = status, code
    with pytest.raises(error, match=says) as caught:
        ensure_bucket(s3_at(faulty_s3.url, attempts=1), name, "us-east-1")
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_bucket_of_another_region_is_named_with_it(s3: Any, name: str, s3_endpoint: str) -> None:
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    with pytest.raises(BucketForeignError, match=rf"{name} lies in eu-west-1, but the connection's region is"):
        ensure_bucket(s3, name, "us-east-1")
