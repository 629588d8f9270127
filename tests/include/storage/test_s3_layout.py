"""Where things lie on S3."""

import pytest

from include.errors import StorageError
from include.storage.s3_layout import S3Layout, default_bucket, parse_s3_uri


def test_every_place_under_the_prefix() -> None:
    layout = S3Layout("bucket", "/team/mnist/")
    assert layout.data("kmnist", "abc") == "team/mnist/data/kmnist/abc"
    assert layout.split("kmnist", "abc", "train") == "team/mnist/data/kmnist/abc/train"
    assert layout.code("123") == "team/mnist/code/123/sourcedir.tar.gz"
    assert layout.jobs("t") == "team/mnist/jobs/t"
    assert layout.best("job-1") == "team/mnist/best/job-1"
    assert layout.uri(layout.jobs("t")) == "s3://bucket/team/mnist/jobs/t"


def test_empty_prefix_starts_no_key_with_a_slash() -> None:
    assert S3Layout("bucket", "").jobs("t") == "jobs/t"


def test_default_bucket_is_sagemakers() -> None:
    assert default_bucket("eu-west-1", "123456789012") == "sagemaker-eu-west-1-123456789012"


@pytest.mark.parametrize(
    ("uri", "parts"),
    [("s3://abc/x/y/", ("abc", "x/y")), ("s3://abc", ("abc", "")), ("s3://a.b-c/x=1/é", ("a.b-c", "x=1/é"))],
)
def test_uri_parts(uri: str, parts: tuple[str, str]) -> None:
    assert parse_s3_uri(uri) == parts


@pytest.mark.parametrize("uri", ["", "s3://", "bucket/key", "http://bucket/key", "s3:///key", "s3://Bad_Name/key"])
def test_what_is_no_s3_uri(uri: str) -> None:
    with pytest.raises(StorageError, match=r"is not an S3 URI: write s3://bucket/prefix"):
        parse_s3_uri(uri)


def test_bucket_name_that_s3_would_refuse() -> None:
    with pytest.raises(StorageError, match="Bucket name 'My_Bucket': S3 takes 3 to 63"):
        S3Layout("My_Bucket", "")
