"""CheckpointConfig: a job's checkpoints, pulled from S3 before it starts and sent there while it runs and at its end.

Files that disappear locally stay in S3. A file is sent once it has rested for a moment, oldest first, so that an index
that a script writes after its data never reaches S3 before them.
"""

import contextlib
import logging
import stat
import time
from pathlib import Path, PurePosixPath
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_sagemaker.actor import Actor
from local_sagemaker.errors import TrainingError
from local_sagemaker.training.archives import split_uri
from local_sagemaker.training.opt_ml import CONTAINER_ROOT, OptMl

logger = logging.getLogger(__name__)

DEFAULT_PATH = f"{CONTAINER_ROOT}/checkpoints"
_REST_SECONDS = 0.2
_EVERY_SECONDS = 2.0


class CheckpointSync:
    """The checkpoints of one host; does nothing where the job has no CheckpointConfig."""

    def __init__(self, actor: Actor, request: dict[str, Any], folders: OptMl) -> None:
        config = request.get("CheckpointConfig")
        self._actor, self._s3, self._active = actor, actor.s3, config is not None
        self._sent: dict[Path, tuple[int, int] | None] = {}
        self._next = 0.0
        if config is not None:
            self._bucket, prefix = split_uri(config["S3Uri"])
            self._prefix = prefix.rstrip("/") + "/" if prefix.strip("/") else ""
            self._folder = folders.root / relative_path(config)

    def pull(self) -> None:
        """Fill the folder with what S3 has. Raises TrainingError."""
        if not self._active:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        base = self._folder.resolve()
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            for key in [item["Key"] for page in pages for item in page.get("Contents", [])]:
                path = (base / key.removeprefix(self._prefix)).resolve()
                if not path.is_relative_to(base):
                    raise TrainingError(f"ClientError: The S3 key {key!r} would leave the checkpoints' folder.")
                if not key.endswith("/"):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    self._s3.download_file(self._bucket, key, str(path))
                    self._sent[self._folder / path.relative_to(base)] = _version(path)
        except ClientError as error:
            raise TrainingError(f"ClientError: The checkpoints can't be read: {self._told(error)}") from None

    def push_if_due(self) -> None:
        """Send what is new, if the last time is a while ago; what S3 refuses is tried again."""
        if self._active and time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY_SECONDS
            try:
                self._push(time.time() - _REST_SECONDS)
            except (ClientError, BotoCoreError):
                logger.warning("Checkpoints did not reach %s; trying again.", self._bucket, exc_info=True)

    def push_all(self) -> None:
        """Send everything that is new, once the job's processes have ended. Raises TrainingError."""
        if self._active:
            try:
                self._push(float("inf"))
            except ClientError as error:
                raise TrainingError(f"ClientError: The checkpoints can't be written: {self._told(error)}") from None

    def _told(self, error: ClientError) -> str:
        return self._actor.explain(error, f"s3://{self._bucket}/{self._prefix}")

    def _push(self, newest: float) -> None:
        found = [(version, path) for path in self._folder.rglob("*") if (version := _version(path))]
        for version, path in sorted(found):
            new = self._sent.get(path) != version and version[0] <= newest * 1e9
            if new and _version(path) == version:
                key = f"{self._prefix}{path.relative_to(self._folder).as_posix()}"
                with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
                    self._s3.upload_fileobj(file, self._bucket, key)
                    self._sent[path] = version


def relative_path(config: dict[str, Any]) -> str:
    """Where below the container's /opt/ml the checkpoints lie; ValueError for a LocalPath elsewhere."""
    path = PurePosixPath(config.get("LocalPath", DEFAULT_PATH))
    if ".." in path.parts:
        raise ValueError(f"{path} is not below {CONTAINER_ROOT}")
    return str(path.relative_to(CONTAINER_ROOT))


def _version(path: Path) -> tuple[int, int] | None:
    """When a file was changed, in nanoseconds, and its size in bytes; None where there is no file (any more)."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return (status.st_mtime_ns, status.st_size) if stat.S_ISREG(status.st_mode) else None
