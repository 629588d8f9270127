"""A training job's log: read from its process's file as it grows, and sent on to CloudWatch Logs."""

import contextlib
from pathlib import Path
from typing import Any

from local_sagemaker.training.metrics import LogLine
from local_sagemaker.training.opt_ml import HOST

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_BATCH = 1000


def read_lines(path: Path, position: int) -> tuple[list[LogLine], int]:
    """The whole lines after byte `position` of an output.log, and the position behind them."""
    if not path.exists():
        return [], position
    with path.open("rb") as file:
        file.seek(position)
        data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    lines = []
    for line in whole.splitlines():
        stamp, _, text = line.partition(b" ")
        lines.append((int(stamp) / 1000, text.decode("utf-8", "replace")))
    return lines, position + len(whole)


def stream_name(job: str, created: float) -> str:
    """The CloudWatch log stream of a job's first host."""
    return f"{job}/{HOST}-{int(created)}"


class LogStream:
    """One stream in CloudWatch Logs, made when its first lines come."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name
        self._made = False

    def put(self, lines: list[LogLine]) -> None:
        """Send lines; empty ones are left out, as CloudWatch takes none."""
        events = [{"timestamp": int(time * 1000), "message": text} for time, text in lines if text]
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
