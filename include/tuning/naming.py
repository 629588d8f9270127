"""Names that a DAG run gives to what it makes: the same run, the same name, so that a retry finds what it left."""

import hashlib
import json
import re
from collections.abc import Iterator

MAX_LENGTH = 32  # of HyperParameterTuningJobName, in botocore's service model
_DIGEST = 8
_SUCCESSOR = len("r2")
_MOST_JOBS = 99  # of one run; nobody clears a run as often


def tuning_job_name(dag_id: str, run_id: str) -> str:
    """A name of at most 32 characters that SageMaker accepts: the DAG, the run's date if it has one, and a digest.

    `mnist_tuning`, `manual__2026-11-23T22:04:18+00:00` -> `mnist-tuning-20261123-9b2c41f7`. It is lower-case because
    SageMaker takes names that differ only in case for the same. The digest tells runs of one day apart. Two characters
    are left free, for `successive`.
    """
    digest = run_key(dag_id, run_id)[:_DIGEST]
    date = re.search(r"(20\d\d)-?([01]\d)-?([0-3]\d)", run_id)
    tail = [*(["".join(date.groups())] if date else []), digest]
    room = MAX_LENGTH - len("-".join(tail)) - 1 - _SUCCESSOR
    return "-".join([_slug(dag_id, room), *tail])


def successive(name: str) -> Iterator[str]:
    """The names of a run's tuning jobs in order: `name`, then, each time that another one is needed, r2, r3 ..."""
    yield name
    for number in range(2, _MOST_JOBS + 1):
        ending = f"r{number}"
        yield name[: MAX_LENGTH - len(ending)].rstrip("-") + ending


def beginning(dag_id: str) -> str:
    """How the names of all tuning jobs of a DAG begin."""
    room = MAX_LENGTH - len("20261123-") - _DIGEST - 1 - _SUCCESSOR
    return _slug(dag_id, room)


def run_key(dag_id: str, run_id: str) -> str:
    """Hex digest that stands for one run of one DAG: safe in paths and names, 16 characters."""
    return hashlib.sha256(json.dumps([dag_id, run_id]).encode()).hexdigest()[:16]


def _slug(text: str, room: int) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return words[:room].strip("-") or "tuning"
