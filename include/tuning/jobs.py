"""A run's tuning jobs as SageMaker holds them: which there are, whether one may be gone on with, and stopping them."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from include.errors import TuningJobError
from include.tuning import naming

DAG_TAG = "airflow-dag"
REQUEST_TAG = "request-sha256"
ROUND_TAG = "airflow-round"
"""How often the run had been cleared when the job was made."""
_UNFINISHED = ("InProgress", "Stopping")

WhenCleared = Literal["reuse", "new"]


@dataclass(frozen=True)
class TuningJob:
    """A tuning job that exists; `digest` and `round` are "" where it was not made here."""

    name: str
    status: str
    digest: str
    round: str


@dataclass(frozen=True)
class Choice:
    """What a try does: create the job `name`, or go on with it. `reason` is a line for the log."""

    name: str
    create: bool
    reason: str
    stop: str = ""
    """A job of the run that clearing it has made useless, to be stopped first."""


def digest(request: Mapping[str, Any]) -> str:
    """SHA-256 of all that a request asks for; its name and tags only say for whom."""
    asked = {key: value for key, value in request.items() if key not in ("HyperParameterTuningJobName", "Tags")}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def marked(request: Mapping[str, Any], name: str, round_: str) -> dict[str, Any]:
    """The request for the job `name`, with tags that say which request it is and in which round it was made."""
    marks = {REQUEST_TAG: digest(request), ROUND_TAG: round_}
    tags = [*request.get("Tags", []), *({"Key": key, "Value": value} for key, value in marks.items())]
    return {**request, "HyperParameterTuningJobName": name, "Tags": tags}


def find(sagemaker: Any, name: str) -> TuningJob | None:
    """The job of that name, if there is one."""
    described = _describe(sagemaker, name)
    if described is None:
        return None
    tags = tags_of(sagemaker, described)
    status = described["HyperParameterTuningJobStatus"]
    return TuningJob(name, status, tags.get(REQUEST_TAG, ""), tags.get(ROUND_TAG, ""))


def of_run(sagemaker: Any, name: str) -> Iterator[str]:
    """The names of all jobs that a run has made, the first of which is `name`."""
    for candidate in naming.successive(name):
        if _describe(sagemaker, candidate) is None:
            return
        yield candidate


def choose(sagemaker: Any, request: Mapping[str, Any], round_: str, when_cleared: WhenCleared) -> Choice:
    """What this try has to do about the job of `request`, given what earlier tries and rounds have made.

    A round begins when the run is cleared, which stops what still runs. Raises TuningJobError where the newest job of
    the name is of another request and stands in the way.
    """
    newest, free = None, request["HyperParameterTuningJobName"]
    for free in naming.successive(request["HyperParameterTuningJobName"]):
        job = find(sagemaker, free)
        if job is None:
            break
        newest = job
    if newest is None:
        return Choice(free, True, f"creating tuning job {free}")
    cleared = newest.round != round_
    if cleared and newest.digest and newest.status in _UNFINISHED:
        return Choice(free, True, f"the run was cleared; stopping {newest.name} and creating {free}", newest.name)
    if _is_spent(newest, cleared) or (newest.status == "Completed" and cleared and when_cleared == "new"):
        return Choice(free, True, f"tuning job {newest.name} is {newest.status}; creating {free}")
    if newest.digest != digest(request):
        raise TuningJobError(_another(newest))
    return Choice(newest.name, False, f"tuning job {newest.name} of this run is {newest.status}; going on with it")


def stop(sagemaker: Any, name: str) -> bool:
    """Ask a job to stop; False where there is none, or it has ended."""
    described = _describe(sagemaker, name)
    if described is None or described["HyperParameterTuningJobStatus"] != "InProgress":
        return False
    from botocore.exceptions import ClientError

    try:
        sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    except ClientError as error:
        if not has_ended(error):
            raise
        return False
    return True


def has_ended(refusal: Any) -> bool:
    """Whether SageMaker refuses to stop a job because it has ended, or is gone. `refusal` is botocore's ClientError."""
    return refusal.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound")


def stop_if_cleared(sagemaker: Any, name: str, round_: str) -> bool:
    """Stop a job of this project that an earlier round of its run made; False for any other, or one that has ended."""
    job = find(sagemaker, name)
    return bool(job and job.round and job.round != round_ and stop(sagemaker, name))


def tags_of(sagemaker: Any, job: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a described job."""
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=job["HyperParameterTuningJobArn"])
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


def is_unfinished(job: Mapping[str, Any]) -> bool:
    """Whether a described job goes on, or is on its way to an end."""
    return job["HyperParameterTuningJobStatus"] in _UNFINISHED


def _is_spent(job: TuningJob, cleared: bool) -> bool:
    """Whether nothing can come of it any more: SageMaker goes on with no job that was stopped."""
    if job.status == "Failed":
        return cleared
    return job.status not in ("InProgress", "Completed")


def _another(job: TuningJob) -> str:
    found = "with another request" if job.digest else "that this project has not made"
    way_out = "stop it, then clear the run" if job.status == "InProgress" else "trigger another run"
    return f"there is a tuning job {job.name} {found}, {job.status}; {way_out}"


def _describe(sagemaker: Any, name: str) -> dict[str, Any] | None:
    from botocore.exceptions import ClientError

    try:
        described: dict[str, Any] = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFound":
            raise
        return None
    return described
