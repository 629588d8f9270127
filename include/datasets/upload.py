"""A converted dataset to S3: only what is missing, in parallel, the manifest last, so that it is there or it is not."""

import hashlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from include.datasets.convert import MANIFEST, SPLITS, read_manifest
from include.errors import StagingError
from include.storage.objects import is_there, put, upload_file_once
from include.storage.s3_errors import explained_s3
from include.storage.s3_layout import S3Layout
from include.storage.staging import StagingPath, read_bytes

_TRANSFERS = 4

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Task:
    """A staged shard, what it should be, and where it goes."""

    path: StagingPath
    key: str
    size: int
    sha256: str


def upload_dataset(
    s3: Any,
    converted: StagingPath,
    layout: S3Layout,
    *,
    dataset: str,
    fingerprint: str,
    kms_key: str = "",
    log: Callable[..., None] = _logger.info,
) -> dict[str, Any]:
    """Uploads a folder that `convert` wrote; what is on S3 with the same SHA-256 is not sent again.

    Returns {"bucket", "dataset", "fingerprint", "train", "validation", "test", "manifest" (s3 URIs; the splits end
    with a slash), "examples": {split: count}, "uploaded_files", "uploaded_bytes"}.
    Raises StagingError if the folder is not what the manifest says, ChecksumError, StorageError's kinds.
    """
    manifest = read_manifest(converted)
    if (manifest["dataset"], manifest["fingerprint"]) != (dataset, fingerprint):
        raise StagingError(
            f"{converted} holds {manifest['dataset']} {manifest['fingerprint']}, not {dataset} {fingerprint}: "
            "convert again"
        )
    tasks = list(_tasks(manifest, converted, layout))
    sent = _upload_shards(s3, tasks, layout.bucket, kms_key, log)
    manifest_key = f"{layout.data(dataset, fingerprint)}/{MANIFEST}"
    content = read_bytes(converted / MANIFEST)
    if upload_file_once(s3, content, layout.bucket, manifest_key, kms_key=kms_key):
        sent.append(len(content))
    log("%s: uploaded %d of %d files, %.1f MB", dataset, len(sent), len(tasks) + 1, sum(sent) / 1e6)
    return {
        "bucket": layout.bucket,
        "dataset": dataset,
        "fingerprint": fingerprint,
        **{name: layout.uri(layout.split(dataset, fingerprint, name)) + "/" for name in SPLITS},
        "manifest": layout.uri(manifest_key),
        "examples": {name: manifest["splits"][name]["examples"] for name in SPLITS},
        "uploaded_files": len(sent),
        "uploaded_bytes": sum(sent),
    }


def _tasks(manifest: dict[str, Any], converted: StagingPath, layout: S3Layout) -> Iterator[_Task]:
    for name in SPLITS:
        prefix = layout.split(manifest["dataset"], manifest["fingerprint"], name)
        for shard in manifest["splits"][name]["shards"]:
            path = converted / name / shard["name"]
            yield _Task(path, f"{prefix}/{shard['name']}", shard["bytes"], shard["sha256"])


def _upload_shards(s3: Any, tasks: list[_Task], bucket: str, kms_key: str, log: Callable[..., None]) -> list[int]:
    """Sizes of the shards that were sent. The first failure stops what has not begun; what is sent stays."""
    sent, done = [], 0
    with ThreadPoolExecutor(_TRANSFERS) as pool:
        futures = [pool.submit(_upload_shard, s3, task, bucket, kms_key) for task in tasks]
        try:
            for future in as_completed(futures):
                size = future.result()
                done += 1
                if size:
                    sent.append(size)
                    log("uploaded %.1f MB, %d of %d shards", size / 1e6, done, len(tasks))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return sent


def _upload_shard(s3: Any, task: _Task, bucket: str, kms_key: str) -> int:
    with explained_s3(f"look at s3://{bucket}/{task.key}", bucket):
        if is_there(s3, bucket, task.key, task.size, task.sha256):
            return 0
    content = read_bytes(task.path)
    if hashlib.sha256(content).hexdigest() != task.sha256:
        raise StagingError(f"{task.path} is not what its manifest says: remove the folder and convert again")
    put(s3, content, task.sha256, bucket, task.key, kms_key=kms_key)
    return task.size
