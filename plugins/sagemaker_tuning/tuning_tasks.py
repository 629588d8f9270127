"""Bodies of the tuning tasks around the job itself: the request before it, the best model after it."""

import logging
from typing import Any

from include.settings import PROJECT_ROOT
from include.storage.upload import ensure_bucket, upload_file_once
from include.tuning import best_model, request, source_code
from include.tuning import params as tuning_params
from include.tuning.study import Study
from sagemaker_tuning.data_tasks import layout_of
from sagemaker_tuning.run import Run, Staged
from sagemaker_tuning.task_errors import one_line_errors

log = logging.getLogger(__name__)


@one_line_errors
def generate_tuning_config(study: Study, data: Staged) -> Staged:
    """Uploads the training code and returns {"request": the checked request, "code": {"uri", "sha256"}}.

    `data` holds the S3 prefixes of the channels, as `train` and `validation`.
    """
    run = Run.current()
    tuning_params.check(run.params, study)
    s3, layout = run.client("s3"), layout_of(run)
    packed = source_code.pack(PROJECT_ROOT / study.code, study.entry_point)
    code = {"uri": layout.uri(layout.code(packed.sha256)), "sha256": packed.sha256}
    limits = request.Limits(
        jobs=run.params["jobs"],
        parallel_jobs=run.params["parallel_jobs"],
        instance_type=run.params["instance_type"],
        instance_count=run.params["instance_count"],
        max_runtime_seconds=run.params["max_runtime_minutes"] * 60,
    )
    wanted = request.build(
        run.job_name,
        study,
        run.params,
        image=request.training_image(study, run.region, limits.instance_type),
        account=request.Account(run.region, run.execution_role()),
        places=request.Locations(data["train"], data["validation"], code["uri"], layout.uri(layout.jobs(run.job_name))),
        limits=limits,
        tags=_tags(run, data, code),
    )
    request.validate(wanted)
    ensure_bucket(s3, layout.bucket, run.region, account=run.account)
    upload_file_once(s3, packed.archive, layout.bucket, layout.code(packed.sha256))
    log.info("Tuning job %s: %d trials, %d at a time", run.job_name, limits.jobs, limits.parallel_jobs)
    return {"request": wanted, "code": code}


@one_line_errors
def extract_best_model(tuning_job: str, data: Staged, code: Staged) -> Staged:
    """Writes best_model.json beside a stable copy of the model, and returns the record."""
    run = Run.current()
    record = best_model.extract(
        run.client("sagemaker"),
        run.client("s3"),
        run.client("logs"),
        tuning_job,
        layout_of(run),
        data=data,
        code=code,
    )
    _log_summary(record)
    return record


def _tags(run: Run, data: Staged, code: Staged) -> dict[str, str]:
    tags = {
        "airflow-dag": run.dag_id,
        "airflow-run": run.run_id,
        "data-fingerprint": data["fingerprint"],
        "code-sha256": code["sha256"],
    }
    return {key: request.tag_value(value) for key, value in tags.items()}


def _log_summary(record: dict[str, Any]) -> None:
    metric = record["metric"]
    for rank, row in enumerate(record["leaderboard"], start=1):
        log.info("%2d. %s  %s  %s  %s", rank, row["training_job"], row["status"], row["value"], row["hyperparameters"])
    log.info("Best %s %s: %s", metric["name"], metric["value"], record["hyperparameters"])
    log.info("Model: %s  Record: %s", record["artifact"], record["record"])
