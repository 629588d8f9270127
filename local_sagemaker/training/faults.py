"""Faults on request, so that what happens rarely on AWS can be tried here: LOCAL_SAGEMAKER_FAULTS of the service.

The variable is a JSON list; each entry is one fault:
  {"fault": "SpotInterruption"}     a job with EnableManagedSpotTraining loses its instances while it trains
  {"fault": "InternalServerError"}  any job loses its instances; RetryStrategy says how often it tries again
  {"fault": "CapacityError"}        there are no instances at the start: a spot job waits, any other job fails
with, optionally, "jobs": a regular expression that the job's name must match from its start (default: all),
"times": how often it befalls a job (default 1), "after_seconds": seconds of training before it does, or, for a
CapacityError, seconds that the wait for instances takes each time (default 1).
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from local_sagemaker.errors import StartError
from local_sagemaker.records import TrainingJob

VARIABLE = "LOCAL_SAGEMAKER_FAULTS"
SPOT, INTERNAL, CAPACITY = "SpotInterruption", "InternalServerError", "CapacityError"
_STATUS = {SPOT: "Interrupted", INTERNAL: "Restarting", CAPACITY: "Pending"}
_MEMBERS = {"fault", "jobs", "times", "after_seconds"}


@dataclass(frozen=True)
class Fault:
    """One entry of LOCAL_SAGEMAKER_FAULTS."""

    fault: str
    jobs: str = ""
    times: int = 1
    after_seconds: float = 1.0


def parse(text: str) -> tuple[Fault, ...]:
    """The faults that the variable's text asks for. Raises StartError, naming the entry and what is wrong with it."""
    try:
        entries = json.loads(text or "[]")
    except ValueError as error:
        raise StartError(f"{VARIABLE} is no JSON: {error}.") from None
    if not isinstance(entries, list):
        raise StartError(f'{VARIABLE} must be a JSON list of faults, such as [{{"fault": "{SPOT}"}}].')
    return tuple(_fault(entry) for entry in entries)


def due(faults: tuple[Fault, ...], kind: str, job: TrainingJob) -> Fault | None:
    """The fault of a kind that is to befall the job once more; how often it did stands in the job's transitions."""
    met = sum(step.status == _STATUS[kind] for step in job.transitions)
    return next((one for one in faults if one.fault == kind and re.match(one.jobs, job.name) and met < one.times), None)


def _fault(entry: Any) -> Fault:
    if not isinstance(entry, dict) or entry.get("fault") not in _STATUS or not entry.keys() <= _MEMBERS:
        known, members = ", ".join(_STATUS), ", ".join(sorted(_MEMBERS))
        raise StartError(f"{VARIABLE} has the entry {entry!r}; faults are {known}, members {members}.")
    try:
        fault = Fault(
            entry["fault"],
            str(entry.get("jobs", "")),
            int(entry.get("times", 1)),
            float(entry.get("after_seconds", 1)),
        )
        re.compile(fault.jobs)
    except (TypeError, ValueError, re.error) as error:
        raise StartError(f"{VARIABLE} has the entry {entry!r}: {error}.") from None
    return fault
