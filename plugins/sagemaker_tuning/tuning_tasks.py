"""Bodies of the tuning tasks around the job itself: the request before it, the best model after it."""

import logging
from collections.abc import Mapping
from typing import Any

from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowSkipException

from include.errors import RunAbandonedError
from include.settings import PROJECT_ROOT
from include.storage.buckets import ensure_bucket
from include.storage.objects import upload_file_once
from include.tuning import best_model, champion, cost, images, jobs, last_success, request, source_code, warm_start
from include.tuning import params as tuning_params
from include.tuning.naming import beginning
from include.tuning.source_code import SourceCode
from include.tuning.study import Study
from sagemaker_tuning import links
from sagemaker_tuning.data_tasks import layout_of
from sagemaker_tuning.run import Run, Staged
from sagemaker_tuning.task_errors import one_line_errors

log = logging.getLogger(__name__)

DATA, REQUEST, RECORD, CHAMPION = "data", "request", "record", "champion"
"""The tasks whose states tell a run that was marked failed from one that skips what it need not do."""


@one_line_errors
def generate_tuning_config(study: Study, data: Staged) -> Staged:
    """Uploads the training code and returns {"request": the checked request, "plan": what best_model.json keeps of it,
    "longest_wait": seconds that the job may take, and the Params when_cleared and accept_stopped}.

    `data` holds the S3 prefixes of the channels, as `train` and `validation`, and `dataset` and `fingerprint`.
    Raises AirflowSkipException where the run would repeat the last success.
    """
    run = Run.current()
    tuning_params.check(run.params, study, run.known)
    s3, layout = run.client("s3"), layout_of(run)
    wanted, packed = draft(run, study, data)
    signature = last_success.signature(wanted, data=data, code_sha256=packed.sha256)
    _skip_a_repetition(run, s3, data, signature)
    start = _warm_start(run, wanted)
    if start.config:
        wanted["WarmStartConfig"] = start.config
    request.validate(wanted)
    ensure_bucket(s3, layout.bucket, run.region, account=run.account)
    upload_file_once(s3, packed.archive, layout.bucket, layout.code(packed.sha256))
    estimate = cost.estimate(study, run.params)
    log.info("Tuning job %s: %s; %s", run.job_name, estimate, start.reason)
    code = {"uri": layout.uri(layout.code(packed.sha256)), "sha256": packed.sha256}
    plan = {"code": code, "estimate": estimate.as_row(), "warm_start": start.as_row(), "signature": signature}
    handed_on = {name: run.params[name] for name in ("when_cleared", "accept_stopped")}
    return {"request": wanted, "plan": plan, "longest_wait": cost.longest_wait(study, run.params), **handed_on}


def draft(run: Run, study: Study, data: Staged) -> tuple[dict[str, Any], SourceCode]:
    """The request of a run, as far as no other tuning job has a say in it, and the code that it names."""
    layout = layout_of(run)
    packed = source_code.pack(PROJECT_ROOT / study.code, study.entry_point)
    wanted = request.build(
        run.job_name,
        study,
        run.params,
        image=images.training_image(study, run.region, run.params["instance_type"]),
        account=request.Account(run.region, run.execution_role()),
        places=request.Locations(
            train=data["train"],
            validation=data["validation"],
            code=layout.uri(layout.code(packed.sha256)),
            output=layout.uri(layout.jobs(run.job_name)),
            checkpoints=layout.uri(layout.checkpoints(run.job_name)),
        ),
        tags=_tags(run, data, packed),
    )
    return wanted, packed


@one_line_errors
def extract_best_model(tuning_job: str, data: Staged, plan: Staged) -> Staged:
    """Writes best_model.json beside a stable copy of the model, and returns the record."""
    run = Run.current()
    s3, layout = run.client("s3"), layout_of(run)
    record = best_model.extract(
        run.client("sagemaker"), s3, run.client("logs"), tuning_job, layout, data=data, plan=plan
    )
    _log_summary(record)
    links.show(links.of_best_model(s3, run.dag_id, tuning_job, record["artifact"]))
    return record


@one_line_errors
def crown_champion(record: Staged, asset: Asset, outlet_events: Any) -> Staged:
    """Lets a best model that beats the reigning one take its place, and publishes it as an event of `asset`.

    Raises AirflowSkipException where the reigning one stays; then there is no event.
    """
    run = Run.current()
    s3, layout = run.client("s3"), layout_of(run)
    verdict = champion.challenge(s3, layout, run.dag_id, record)
    log.info("%s", verdict.reason)
    if record["status"] == "Completed":  # the best of a job that was stopped is no reason to skip the next run
        last_success.write(s3, layout, run.dag_id, record)
    if not verdict.reigns:
        raise AirflowSkipException(verdict.reason)
    kept = ("tuning_job", "training_job", "metric", "metrics", "hyperparameters", "artifact", "record")
    outlet_events[asset].extra = {name: record[name] for name in kept} | {"dataset": record["data"]["dataset"]}
    return {"tuning_job": record["tuning_job"], "reason": verdict.reason}


@one_line_errors
def stop_tuning_job(task_states: Mapping[str, Any]) -> None:
    """Stops whatever tuning job of this run still goes on: the run has ended, or nobody waits for it any more.

    `task_states` are those of the tasks DATA, REQUEST, RECORD and CHAMPION. Raises RunAbandonedError for a run that was
    marked failed: Airflow has skipped all that followed, and would call such a run a success.
    """
    run = Run.current()
    sagemaker = run.client("sagemaker")
    for name in jobs.of_run(sagemaker, run.job_name):
        if jobs.stop(sagemaker, name):
            log.warning("Stopped tuning job %s: nobody waits for it any more", name)
    if was_abandoned(task_states):
        raise RunAbandonedError("the run was marked failed; no tuning job of it goes on")


def was_abandoned(task_states: Mapping[str, Any]) -> bool:
    """Whether the last task is skipped for another reason than the two that tasks have: a repetition, a worse model."""
    repeats = (task_states.get(DATA), task_states.get(REQUEST)) == ("success", "skipped")
    worse = task_states.get(RECORD) == "success"
    return task_states.get(CHAMPION) == "skipped" and not repeats and not worse


def _skip_a_repetition(run: Run, s3: Any, data: Staged, signature: str) -> None:
    if run.params["force"]:
        return
    last = last_success.read(s3, layout_of(run), run.dag_id, data["dataset"])
    own = (run.job_name, *jobs.of_run(run.client("sagemaker"), run.job_name))
    if last is None or last.signature != signature or last.tuning_job in own:
        return
    reason = (
        f"data, code, image and search are those of {last.tuning_job}, which succeeded at {last.ended}; "
        "the Param force=true tunes all the same"
    )
    log.info("Skipped: %s", reason)
    raise AirflowSkipException(reason)


def _warm_start(run: Run, wanted: dict[str, Any]) -> warm_start.WarmStart:
    if run.params["warm_start"] == "off":
        return warm_start.WarmStart(None, "cold start: the Param warm_start is off")
    return warm_start.choose(run.client("sagemaker"), wanted, beginning(run.dag_id), run.began)


def _tags(run: Run, data: Staged, code: SourceCode) -> dict[str, str]:
    own = {
        jobs.DAG_TAG: run.dag_id,
        "airflow-run": run.run_id,
        "data-fingerprint": data["fingerprint"],
        "code-sha256": code.sha256,
    }
    given = run.params["tags"] or {}
    return given | {key: request.tag_value(value) for key, value in own.items()}


def _log_summary(record: dict[str, Any]) -> None:
    metric = record["metric"]
    for rank, row in enumerate(record["leaderboard"], start=1):
        log.info("%2d. %s  %s  %s  %s", rank, row["training_job"], row["status"], row["value"], row["hyperparameters"])
    log.info("Best %s %s: %s", metric["name"], metric["value"], record["hyperparameters"])
    log.info("Model: %s  Record: %s", record["artifact"], record["record"])
