"""Metrics read from a training job's log by the regular expressions of its MetricDefinitions."""

import math
import re
import struct
from collections.abc import Iterable, Sequence

from local_sagemaker.records import Metric


class MetricReader:
    """Finds values in log lines; `definitions` are the request's [{"Name", "Regex"}]."""

    def __init__(self, definitions: Sequence[dict[str, str]]) -> None:
        self._patterns = [(item["Name"], re.compile(item["Regex"])) for item in definitions]

    def read(self, lines: Iterable[tuple[float, str]]) -> list[Metric]:
        """Every value printed in lines of (seconds since the epoch, text), in order.

        What group 1 holds but is no finite number is passed over.
        """
        found = []
        for time, text in lines:
            for name, pattern in self._patterns:
                for match in pattern.finditer(text):
                    value = _float32(match.group(1) if pattern.groups else match.group(0))
                    if value is not None:
                        found.append(Metric(name, value, time))
        return found


def _float32(text: str | None) -> float | None:
    """SageMaker keeps metrics as float32 and answers them widened: 2.91488 reads 2.9148800373077393."""
    try:
        value = float(text or "")
        return float(struct.unpack("f", struct.pack("f", value))[0]) if math.isfinite(value) else None
    except (ValueError, OverflowError):
        return None
