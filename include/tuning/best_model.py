"""Records the best model of a tuning job: best_model.json beside a copy of model.tar.gz that stays."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from include.errors import NoBestModelError
from include.storage.s3_layout import S3Layout, parse_s3_uri
from include.tuning.trials import Trial, describe_failures, leaderboard, list_trials

RECORD = "best_model.json"
MODEL = "model.tar.gz"


def extract(
    sagemaker: Any,
    s3: Any,
    logs: Any,
    tuning_job: str,
    layout: S3Layout,
    *,
    data: Mapping[str, Any],
    plan: Mapping[str, Any],
) -> dict[str, Any]:
    """Copies the best trial's model to `layout.best(tuning_job)`, then writes best_model.json there and returns it.

    `plan` is what was decided before the job ran, recorded with it: code, estimate, warm start, signature.
    The record is written last: where it lies, the model lies too. Running it again gives the same.
    The best trial is the first on the leaderboard that has left a model: one that was stopped may have left none.
    Raises NoBestModelError where no trial has a metric, with each failed trial's reason and log, or none a model.
    """
    job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning_job)
    objective = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    ranked = leaderboard(list_trials(sagemaker, tuning_job), objective["Type"])
    usable = [trial for trial in ranked if trial.usable]
    if not usable:
        raise NoBestModelError(_why_none(tuning_job, ranked, objective["MetricName"], logs))
    folder = layout.best(tuning_job)
    best, training = _copy_best(sagemaker, s3, usable, layout.bucket, f"{folder}/{MODEL}")
    record = _record(job, training, best, ranked, data, plan) | {
        "artifact": layout.uri(f"{folder}/{MODEL}"),
        "record": layout.uri(f"{folder}/{RECORD}"),
    }
    body = json.dumps(record, indent=2).encode()
    s3.put_object(Bucket=layout.bucket, Key=f"{folder}/{RECORD}", Body=body, ContentType="application/json")
    return record


def _record(
    job: Mapping[str, Any],
    training: Mapping[str, Any],
    best: Trial,
    ranked: Sequence[Trial],
    data: Mapping[str, Any],
    plan: Mapping[str, Any],
) -> dict[str, Any]:
    objective = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    ended = job.get("HyperParameterTuningEndTime")
    return {
        "tuning_job": job["HyperParameterTuningJobName"],
        "status": job["HyperParameterTuningJobStatus"],
        "created": job["CreationTime"].isoformat(),
        "ended": ended.isoformat() if ended else None,
        "training_job": best.training_job,
        "metric": {"name": objective["MetricName"], "objective": objective["Type"], "value": best.value},
        "metrics": {item["MetricName"]: item["Value"] for item in training.get("FinalMetricDataList", [])},
        "hyperparameters": dict(best.hyperparameters),
        "fixed_hyperparameters": _fixed(training, best),
        "trained_artifact": training["ModelArtifacts"]["S3ModelArtifacts"],
        "image": training["AlgorithmSpecification"]["TrainingImage"],
        "data": dict(data),
        **plan,
        "leaderboard": [trial.as_row() for trial in ranked],
    }


def _fixed(training: Mapping[str, Any], best: Trial) -> dict[str, str]:
    return {
        name: value
        for name, value in training.get("HyperParameters", {}).items()
        if name not in best.hyperparameters and not name.startswith(("sagemaker_", "_"))
    }


def _copy_best(sagemaker: Any, s3: Any, usable: Sequence[Trial], bucket: str, key: str) -> tuple[Trial, dict[str, Any]]:
    """The best trial with a model, and its training job's description."""
    from botocore.exceptions import ClientError

    for trial in usable:
        training: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=trial.training_job)
        try:
            _copy(s3, training["ModelArtifacts"]["S3ModelArtifacts"], bucket, key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
                raise
            continue
        return trial, training
    names = ", ".join(trial.training_job for trial in usable)
    raise NoBestModelError(f"none of the trials that have a metric has left a model in S3: {names}")


def _copy(s3: Any, source: str, bucket: str, key: str) -> None:
    from_bucket, from_key = parse_s3_uri(source)
    # The managed copy is CopyObject up to its limit of 5 GB and a multipart copy above; the bytes stay within S3.
    s3.copy({"Bucket": from_bucket, "Key": from_key}, bucket, key)


def _why_none(tuning_job: str, trials: Sequence[Trial], metric: str, logs: Any) -> str:
    if not trials:
        return f"tuning job {tuning_job} ran no trial, so there is no best model; see its status in SageMaker"
    failures = describe_failures(trials, logs)
    counts = f"{len(trials)} trials, none of which finished with a value of {metric!r}"
    hint = failures or "the script printed no line that the metric's pattern matches"
    return f"tuning job {tuning_job} has no best model: {counts}. {hint}"
