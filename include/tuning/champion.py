"""The reigning model of a DAG on a dataset: champion.json on S3, replaced only by a better one, and in one piece."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from include.errors import StorageError
from include.storage.s3_errors import explained_s3, status_of
from include.storage.s3_layout import S3Layout

_TRIES = 5
_LOST_RACE = (409, 412)  # another writer's object came in between: S3's conditional writes


@dataclass(frozen=True)
class Verdict:
    """Whether a challenger reigns now, and why, in a line."""

    reigns: bool
    reason: str


def challenge(s3: Any, layout: S3Layout, dag_id: str, record: Mapping[str, Any]) -> Verdict:
    """Puts the record of a run's best model in the champion's place if it is better.

    Raises StorageError where others keep writing at the same time, and S3's own kinds.
    """
    key = layout.champion(dag_id, record["data"]["dataset"])
    for _ in range(_TRIES):
        with explained_s3(f"read {layout.uri(key)}", layout.bucket):
            reigning, condition = _read(s3, layout.bucket, key)
        verdict = judge(reigning, record)
        if not verdict.reigns or (reigning and reigning["tuning_job"] == record["tuning_job"]):
            return verdict
        with explained_s3(f"write {layout.uri(key)}", layout.bucket):
            if _replace(s3, layout.bucket, key, record, condition):
                return verdict
    raise StorageError(f"Cannot write {layout.uri(key)}: others write it at the same time; clear the task to try again")


def judge(reigning: Mapping[str, Any] | None, record: Mapping[str, Any]) -> Verdict:
    """Whether a record beats the reigning one; a draw leaves the reigning one in place."""
    metric = record["metric"]
    said = f"{metric['name']} {metric['value']:.6g} of {record['tuning_job']}"
    if reigning is None:
        return Verdict(True, f"{said} is the first model to reign")
    other = reigning["metric"]
    against = f"{other['value']:.6g} of the reigning {reigning['tuning_job']}"
    if reigning["tuning_job"] == record["tuning_job"]:
        return Verdict(True, f"{said} reigns already")
    if (metric["name"], metric["objective"]) != (other["name"], other["objective"]):
        return Verdict(True, f"{said} reigns: the objective is no longer {other['objective']} {other['name']}")
    better = metric["value"] > other["value"] if metric["objective"] == "Maximize" else metric["value"] < other["value"]
    other_data = "" if _data(reigning) == _data(record) else "; they were measured on different data"
    if better:
        return Verdict(True, f"{said} beats {against}{other_data}")
    return Verdict(False, f"{said} is not better than {against}, which stays{other_data}")


def _read(s3: Any, bucket: str, key: str) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """The reigning record, and the condition under which it may be replaced."""
    from botocore.exceptions import ClientError

    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return None, {"IfNoneMatch": "*"}
    return json.loads(answer["Body"].read()), {"IfMatch": answer["ETag"]}


def _replace(s3: Any, bucket: str, key: str, record: Mapping[str, Any], condition: Mapping[str, str]) -> bool:
    from botocore.exceptions import ClientError

    body = json.dumps(record, indent=2).encode()
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition)
    except ClientError as error:
        if status_of(error) not in _LOST_RACE:
            raise
        return False
    return True


def _data(record: Mapping[str, Any]) -> str:
    return str(record["data"]["fingerprint"])
