"""What the last successful run was, so that a run that would only repeat it can be skipped."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from include.storage.s3_errors import explained_s3
from include.storage.s3_layout import S3Layout


@dataclass(frozen=True)
class Success:
    """A run that ended with a best model."""

    signature: str
    tuning_job: str
    ended: str


def signature(request: Mapping[str, Any], *, data: Mapping[str, Any], code_sha256: str) -> str:
    """SHA-256 of what decides the best model: data, code, image, fixed hyperparameters and the whole search."""
    definition = request["TrainingJobDefinition"]
    static = definition["StaticHyperParameters"]
    decides = {
        "data": [data["dataset"], data["fingerprint"]],
        "code": code_sha256,
        "image": definition["AlgorithmSpecification"]["TrainingImage"],
        "fixed": {name: value for name, value in static.items() if not name.startswith("sagemaker_")},
        "search": request["HyperParameterTuningJobConfig"],
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def read(s3: Any, layout: S3Layout, dag_id: str, dataset: str) -> Success | None:
    """The last success of a DAG on a dataset; None where there is none yet."""
    from botocore.exceptions import ClientError

    key = layout.last_success(dag_id, dataset)
    with explained_s3(f"read {layout.uri(key)}", layout.bucket):
        try:
            body = s3.get_object(Bucket=layout.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("NoSuchKey", "NoSuchBucket"):
                raise
            return None
    return Success(**json.loads(body))


def write(s3: Any, layout: S3Layout, dag_id: str, record: Mapping[str, Any]) -> None:
    """Make the run of a best model's record the last success."""
    success = {"signature": record["signature"], "tuning_job": record["tuning_job"], "ended": record["ended"]}
    key = layout.last_success(dag_id, record["data"]["dataset"])
    with explained_s3(f"write {layout.uri(key)}", layout.bucket):
        s3.put_object(Bucket=layout.bucket, Key=key, Body=json.dumps(success).encode(), ContentType="application/json")
