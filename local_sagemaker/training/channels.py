"""A training job's channels: the objects below their S3 prefixes, staged once and shared read-only between jobs."""

import hashlib
import json
import shutil
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local_sagemaker.errors import TrainingError
from local_sagemaker.training.archives import split_uri

_READ_ONLY = 0o444


class ChannelCache:
    """Folders of staged objects, addressed by what lies in them; safe to call from several threads."""

    def __init__(self, root: Path, s3: Any) -> None:
        self._root = root
        self._s3 = s3
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def stage(self, channel: dict[str, Any], share: tuple[int, int] = (0, 1)) -> Path:
        """The folder with a channel's files for one host, whose `share` is (index, number of hosts).

        ShardedByS3Key deals the objects out by key, one to each host in turn; else every host has the same folder.
        Raises TrainingError with SageMaker's words where there are no objects.
        """
        source = channel["DataSource"]["S3DataSource"]
        bucket, prefix = split_uri(source["S3Uri"])
        objects = self._list(source["S3Uri"], bucket, prefix)
        if source.get("S3DataDistributionType") == "ShardedByS3Key":
            index, hosts = share
            objects = objects[index::hosts]
        listing = json.dumps([bucket, prefix, [(item["Key"], item["ETag"], item["Size"]) for item in objects]])
        address = hashlib.sha256(listing.encode()).hexdigest()
        with self._guard:
            lock = self._locks[address]
        with lock:
            folder = self._root / address
            if not folder.exists():
                self._download(bucket, prefix, objects, folder)
        return folder

    def _list(self, uri: str, bucket: str, prefix: str) -> list[dict[str, Any]]:
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            objects = [item for page in pages for item in page.get("Contents", []) if not item["Key"].endswith("/")]
        except ClientError as error:
            raise TrainingError(f"ClientError: Data download failed:{error}, channel at {uri}") from None
        if not objects:
            raise TrainingError(
                f"ClientError: Data download failed:No S3 objects found under S3 URL {uri!r} given in input data "
                "source. Please ensure that the bucket exists in the selected region, that objects exist under that "
                "S3 prefix, and that the role has s3:ListBucket permissions on the bucket."
            )
        return objects

    def _download(self, bucket: str, prefix: str, objects: list[dict[str, Any]], folder: Path) -> None:
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        base = partial.resolve()
        for item in objects:
            path = (base / _relative(item["Key"], prefix)).resolve()
            if not path.is_relative_to(base):
                raise TrainingError(f"ClientError: The S3 key {item['Key']!r} would leave the channel's folder.")
            path.parent.mkdir(parents=True, exist_ok=True)
            self._s3.download_file(bucket, item["Key"], str(path))
            path.chmod(_READ_ONLY)
        partial.rename(folder)


def _relative(key: str, prefix: str) -> str:
    """An object's path in its channel: what follows the last slash of the prefix."""
    return key[prefix.rfind("/") + 1 :]
