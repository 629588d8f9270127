"""A training job's log: read from its file as its hosts write it, searched for metrics, sent on to CloudWatch Logs."""

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_sagemaker.errors import TrainingError
from local_sagemaker.records import TrainingJob
from local_sagemaker.service import Service
from local_sagemaker.training.metrics import MetricReader

logger = logging.getLogger(__name__)

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_BATCH = 1000
_LAST_BYTES = 64 * 1024


@dataclass(frozen=True)
class LogLine:
    """What a host printed, and when, in seconds since the epoch."""

    time: float
    host: str
    text: str


class JobLog:
    """Reads on in a job's log from where the store says that it was read before."""

    def __init__(self, service: Service, job: TrainingJob, path: Path) -> None:
        self._service, self._job, self._path = service, job, path
        self._actor = service.actor(job.request["RoleArn"])
        self._position = job.log_position
        self._metrics = MetricReader(job.request["AlgorithmSpecification"].get("MetricDefinitions", []))
        self._streams: dict[str, LogStream] = {}

    def read_on(self) -> None:
        """Record the metrics of the new lines, and send the lines on.

        Raises TrainingError where IAM is checked and CloudWatch Logs refuses them.
        """
        lines, self._position = read_lines(self._path, self._position)
        if lines:
            found = self._metrics.read((line.time, line.text) for line in lines)
            self._service.store.add_log_progress(self._job.name, self._position, found, self._service.now())
            self._ship(lines)

    def _ship(self, lines: list[LogLine]) -> None:
        for host in dict.fromkeys(line.host for line in lines):
            name = f"{self._job.name}/{host}-{int(self._job.created)}"
            stream = self._streams.setdefault(host, LogStream(self._actor.logs, name))
            try:
                stream.put([line for line in lines if line.host == host])
            except (ClientError, BotoCoreError) as error:
                if self._actor.checked and isinstance(error, ClientError):
                    reason = self._actor.explain(error, f"log group {LOG_GROUP}")
                    raise TrainingError(f"ClientError: The log can't be written: {reason}") from None
                logger.warning("The log of %s did not reach CloudWatch Logs.", name, exc_info=True)


def read_lines(path: Path, position: int) -> tuple[list[LogLine], int]:
    """The whole lines after byte `position` of an output.log, and the position behind them."""
    if not path.exists():
        return [], position
    with path.open("rb") as file:
        file.seek(position)
        data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    lines = []
    for line in whole.split(b"\n")[:-1]:
        stamp, host, text = line.split(b" ", 2)
        lines.append(LogLine(int(stamp) / 1000, host.decode(), text.decode("utf-8", "replace")))
    return lines, position + len(whole)


def last_lines(path: Path, host: str) -> list[str]:
    """The texts at the end of a job's log that come from one host."""
    size = path.stat().st_size if path.exists() else 0
    lines, _ = read_lines(path, 0) if size <= _LAST_BYTES else read_lines(path, _line_start(path, size - _LAST_BYTES))
    return [line.text for line in lines if line.host == host]


def _line_start(path: Path, position: int) -> int:
    """The position of the first line that begins after `position`."""
    with path.open("rb") as file:
        file.seek(position)
        file.readline()
        return file.tell()


class LogStream:
    """One stream in CloudWatch Logs, made when its first lines come."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name
        self._made = False

    def put(self, lines: list[LogLine]) -> None:
        """Send lines; empty ones are left out, as CloudWatch takes none."""
        events = [{"timestamp": int(line.time * 1000), "message": line.text} for line in lines if line.text]
        if events and not self._made:
            self._make()
        for first in range(0, len(events), _BATCH):
            self._client.put_log_events(
                logGroupName=LOG_GROUP, logStreamName=self._name, logEvents=events[first : first + _BATCH]
            )

    def _make(self) -> None:
        exists = self._client.exceptions.ResourceAlreadyExistsException
        with contextlib.suppress(exists):
            self._client.create_log_group(logGroupName=LOG_GROUP)
        with contextlib.suppress(exists):
            self._client.create_log_stream(logGroupName=LOG_GROUP, logStreamName=self._name)
        self._made = True
