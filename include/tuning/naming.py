"""Names that a DAG run gives to what it makes: the same run, the same name, so that a retry finds what it left."""

import hashlib
import json
import re

MAX_LENGTH = 32  # of HyperParameterTuningJobName, in botocore's service model
_DIGEST = 8


def tuning_job_name(dag_id: str, run_id: str) -> str:
    """A name of at most 32 characters that SageMaker accepts: the DAG, the run's date if it has one, and a digest.

    `mnist_tuning`, `manual__2026-11-23T22:04:18+00:00` -> `mnist-tuning-20261123-9b2c41f7`. It is lower-case because
    SageMaker takes names that differ only in case for the same. The digest tells runs of one day apart.
    """
    digest = run_key(dag_id, run_id)[:_DIGEST]
    date = re.search(r"(20\d\d)-?([01]\d)-?([0-3]\d)", run_id)
    tail = [*(["".join(date.groups())] if date else []), digest]
    room = MAX_LENGTH - len("-".join(tail)) - 1
    return "-".join([_slug(dag_id, room), *tail])


def run_key(dag_id: str, run_id: str) -> str:
    """Hex digest that stands for one run of one DAG: safe in paths and names, 16 characters."""
    return hashlib.sha256(json.dumps([dag_id, run_id]).encode()).hexdigest()[:16]


def _slug(text: str, room: int) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return words[:room].strip("-") or "tuning"
