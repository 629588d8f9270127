"""A source on S3 that refuses or fails is one line that says what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from include.datasets.catalogue import TRAIN_IMAGES, Dataset
from include.datasets.sources import download
from include.errors import BucketForbiddenError, BucketForeignError, StorageError, StorageUnavailableError


@pytest.fixture
def source(s3: Any, bucket: str, raw_files: Callable[..., dict[str, bytes]]) -> str:
    for name, content in raw_files().items():
        s3.put_object(Bucket=bucket, Key=f"raw/{name}", Body=content)
    return f"s3://{bucket}/raw"


@pytest.mark.parametrize(
    ("status", "code", "error", "says"),
    [
        (403, "AccessDenied", BucketForbiddenError, "access to bucket .* is denied"),
        (301, "PermanentRedirect", BucketForeignError, "belongs to another account or region"),
        (503, "SlowDown", StorageUnavailableError, "kept answering 503 SlowDown: run again later"),
        (400, "InvalidObjectState", StorageError, "S3 answered InvalidObjectState: injected"),
    ],
)
@pytest.mark.parametrize("part", ["list-type", f"/{TRAIN_IMAGES}"])
def test_refusal_is_one_line(
    tmp_path: Path,
    small_dataset: Dataset,
    source: str,
    faulty_s3: Any,
    s3_at: Callable[..., Any],
    part: str,
    status: int,
    code: str,
    error: type[StorageError],
    says: str,
) -> None:
    faulty_s3.fails = lambda method, path: part in path
    faulty_s3.status, faulty_s3.code = status, code
    with pytest.raises(error, match=says) as caught:
        download(small_dataset, tmp_path, source=source, s3=s3_at(faulty_s3.url, attempts=1))
    assert f"Cannot read {source}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_answer_that_is_cut_off_may_come_whole_at_the_next_try(
    tmp_path: Path, small_dataset: Dataset, source: str, faulty_s3: Any, s3_at: Callable[..., Any]
) -> None:
    faulty_s3.cuts = lambda method, path: method == "GET" and path.endswith(TRAIN_IMAGES)
    with pytest.raises(StorageUnavailableError, match=f"Cannot read {source}: S3 is out of reach"):
        download(small_dataset, tmp_path, source=source, s3=s3_at(faulty_s3.url, attempts=1))
    assert not (tmp_path / TRAIN_IMAGES).exists()
    faulty_s3.cuts = lambda method, path: False
    download(small_dataset, tmp_path, source=source, s3=s3_at(faulty_s3.url))
    assert (tmp_path / TRAIN_IMAGES).exists()
