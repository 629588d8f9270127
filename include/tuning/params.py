"""Checks what the trigger form can't: Params that are fine one by one and wrong together, or that only AWS forbids."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from include.errors import StorageError, TuningParamsError
from include.storage.s3_layout import S3Layout
from include.tuning import search_space
from include.tuning.study import Study

_ROLE = re.compile(r"[\w+=,.@-]{1,64}|arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")


def check(params: Mapping[str, Any], study: Study) -> None:
    """Raises TuningParamsError that lists every fault at once."""
    found = list(faults(params, study))
    if found:
        raise TuningParamsError(found)


def faults(params: Mapping[str, Any], study: Study) -> Iterator[str]:
    """What is wrong with the Params, a line each: which one, its value, what to give instead."""
    yield from search_space.faults(study.space(params))
    jobs, parallel = params["jobs"], params["parallel_jobs"]
    if parallel > jobs:
        yield f"parallel_jobs ({parallel}) is above jobs ({jobs}); give at most as many as there are jobs"
    if bucket := params["bucket"]:
        yield from _bucket_faults(bucket)
    if (role := params["role"] or "") and not _ROLE.fullmatch(role):
        yield f"role {role!r} is neither an IAM role's name nor its ARN (arn:aws:iam::<account>:role/<name>)"
    if (prefix := params["prefix"] or "") and ("//" in prefix or "://" in prefix or not prefix.isprintable()):
        yield f"prefix {prefix!r} is no S3 key prefix; give words joined by single slashes, such as team/mnist"


def _bucket_faults(bucket: str) -> Iterator[str]:
    try:
        S3Layout(bucket, "")
    except StorageError as error:
        yield str(error)
