"""A training job's channels: the objects below their S3 prefixes, downloaded once for all jobs that read them.

Each host of a job has a folder of its own, of hard links to the files in the cache: what a script removes or adds
there, no other job sees. A file that was written to in spite of its mode is downloaded again for the next job.
"""

import hashlib
import json
import os
import shutil
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local_sagemaker.actor import Actor
from local_sagemaker.errors import TrainingError
from local_sagemaker.training.archives import split_uri

Files = Mapping[str, dict[str, Any]]
"""S3's description of objects, by their paths in a channel's folder."""
_READ_ONLY = 0o444


class ChannelCache:
    """Folders of staged objects, addressed by what lies in them; safe to call from several threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def stage(self, actor: Actor, channel: dict[str, Any], place: Path, share: tuple[int, int] = (0, 1)) -> None:
        """Make the folder `place` with a channel's files for one host, whose `share` is (index, number of hosts).

        ShardedByS3Key deals the objects out by key, one to each host in turn; else every host has the same files.
        Raises TrainingError with SageMaker's words where there are no objects, or `actor` may not read them.
        """
        source = channel["DataSource"]["S3DataSource"]
        bucket, prefix = split_uri(source["S3Uri"])
        objects = _list(actor, source["S3Uri"], bucket, prefix)
        if source.get("S3DataDistributionType") == "ShardedByS3Key":
            index, hosts = share
            objects = objects[index::hosts]
        listing = json.dumps([bucket, prefix, [(item["Key"], item["ETag"], item["Size"]) for item in objects]])
        address = hashlib.sha256(listing.encode()).hexdigest()
        with self._guard:
            lock = self._locks[address]
        with lock, _explained(actor, source["S3Uri"]):
            folder = self._root / address
            files = _files(objects, prefix)
            if not _intact(folder, files):
                _download(actor.s3, bucket, files, folder)
            elif actor.checked:
                # What was downloaded for another role is for those alone who may read it themselves.
                actor.s3.head_object(Bucket=bucket, Key=objects[0]["Key"])
            _link(folder, files, place)


def _list(actor: Actor, uri: str, bucket: str, prefix: str) -> list[dict[str, Any]]:
    with _explained(actor, uri):
        pages = actor.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        objects = [item for page in pages for item in page.get("Contents", []) if not item["Key"].endswith("/")]
    if not objects:
        raise TrainingError(
            f"ClientError: Data download failed:No S3 objects found under S3 URL {uri!r} given in input data "
            "source. Please ensure that the bucket exists in the selected region, that objects exist under that "
            "S3 prefix, and that the role has s3:ListBucket permissions on the bucket."
        )
    return objects


@contextmanager
def _explained(actor: Actor, uri: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise TrainingError(f"ClientError: Data download failed:{actor.explain(error, uri)}") from None


def _download(s3: Any, bucket: str, files: Files, folder: Path) -> None:
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    for name, item in files.items():
        path = partial / name
        path.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, item["Key"], str(path))
        path.chmod(_READ_ONLY)
        os.utime(path, (_changed(item), _changed(item)))
    partial.rename(folder)


def _files(objects: Sequence[dict[str, Any]], prefix: str) -> Files:
    """The objects by their paths in the channel: what follows the last slash of the prefix. Raises TrainingError."""
    found = {}
    for item in objects:
        path = Path(os.path.normpath(item["Key"][prefix.rfind("/") + 1 :]))
        if path.is_absolute() or path.parts[:1] == (os.pardir,):
            raise TrainingError(f"ClientError: The S3 key {item['Key']!r} would leave the channel's folder.")
        found[str(path)] = item
    return found


def _intact(folder: Path, files: Files) -> bool:
    """Whether the cache still holds just these files, none of them written to since it was downloaded."""
    found = {str(path.relative_to(folder)): path.stat() for path in folder.rglob("*") if path.is_file()}
    # Not cut to seconds: a write in the second in which the object was written shows in the fraction alone.
    return {name: (status.st_size, status.st_mtime) for name, status in found.items()} == {
        name: (item["Size"], _changed(item)) for name, item in files.items()
    }


def _changed(item: dict[str, Any]) -> int:
    """When an object was written, in whole seconds since the epoch; a staged file has the same time."""
    return int(item["LastModified"].timestamp())


def _link(folder: Path, files: Files, place: Path) -> None:
    for name in files:
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(folder / name)
