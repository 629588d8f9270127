"""A page for each tuning job: its trials, their logs, the best model; for endpoints that AWS's console does not know.

Airflow mounts a plugin's app without any authentication, so the app itself asks for a login and for the right to read
the DAG; it shows that DAG's jobs only.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from airflow.api_fastapi.core_api.security import requires_access_dag
from botocore.exceptions import BotoCoreError, ClientError
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape

from include.storage.s3_layout import parse_s3_uri
from include.tuning import console, jobs, trials
from sagemaker_tuning.ui.clients import Clients

MODEL_LINK_SECONDS = 600
LAST_LINES = 2000
_templates = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape())

app = FastAPI(title="SageMaker tuning", dependencies=[Depends(requires_access_dag("GET"))])


@app.get("/{dag_id}/{tuning_job}", response_class=HTMLResponse)
def tuning_job_page(dag_id: str, tuning_job: str) -> str:
    """The job's state and its trials, best first; refreshes itself while the job goes on."""
    clients = Clients.of_deployment()
    job = _job(clients, dag_id, tuning_job)
    objective = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    found = trials.list_trials(clients.sagemaker, tuning_job)
    ranked = trials.leaderboard(found, objective["Type"])
    return _templates.get_template("tuning_job.html").render(
        job=job,
        dag_id=dag_id,
        objective=objective,
        trials=ranked,
        tuned=sorted({name for trial in found for name in trial.hyperparameters}),
        best=job.get("BestTrainingJob", {}).get("TrainingJobName"),
        progress=trials.progress(job),
        short=trials.short,
    )


@app.get("/{dag_id}/{tuning_job}/log", response_class=PlainTextResponse)
def trial_logs(dag_id: str, tuning_job: str, trial: str = "") -> str:
    """The last lines that the trials, or one of them, printed."""
    clients = Clients.of_deployment()
    _job(clients, dag_id, tuning_job)
    names = [found.training_job for found in trials.list_trials(clients.sagemaker, tuning_job)]
    wanted = [name for name in names if not trial or name == trial]
    return "\n".join(line for name in wanted for line in _log(clients.logs, name)) or "nothing printed yet\n"


@app.get("/{dag_id}/{tuning_job}/model", response_class=RedirectResponse)
def best_model(dag_id: str, tuning_job: str) -> str:
    """The archive of the best trial's model, from S3 by an address that is good for ten minutes."""
    clients = Clients.of_deployment()
    job = _job(clients, dag_id, tuning_job)
    best = job.get("BestTrainingJob", {}).get("TrainingJobName")
    if not best:
        raise HTTPException(404, f"tuning job {tuning_job} has no best model yet")
    training = clients.sagemaker.describe_training_job(TrainingJobName=best)
    bucket, key = parse_s3_uri(training["ModelArtifacts"]["S3ModelArtifacts"])
    address: str = clients.s3.generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=MODEL_LINK_SECONDS
    )
    return address


@app.exception_handler(ClientError)
@app.exception_handler(BotoCoreError)
def aws_fault(_request: Any, error: Exception) -> PlainTextResponse:
    """What AWS said, in one line."""
    return PlainTextResponse(" ".join(str(error).split()) + "\n", status_code=502)


def _job(clients: Clients, dag_id: str, tuning_job: str) -> Mapping[str, Any]:
    """The job as SageMaker describes it; 404 unless it is one of the DAG's."""
    missing = HTTPException(404, f"DAG {dag_id} has no tuning job {tuning_job}")
    try:
        job: Mapping[str, Any] = clients.sagemaker.describe_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=tuning_job
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ResourceNotFound", "ValidationException"):
            raise
        raise missing from None
    if jobs.tags_of(clients.sagemaker, job).get(jobs.DAG_TAG) != dag_id:
        raise missing
    return job


def _log(logs: Any, training_job: str) -> Iterator[str]:
    try:
        streams = logs.describe_log_streams(logGroupName=console.LOG_GROUP, logStreamNamePrefix=f"{training_job}/")
    except ClientError:
        return
    for stream in streams["logStreams"]:
        name = stream["logStreamName"]
        yield f"==> {name} <=="
        events = logs.get_log_events(logGroupName=console.LOG_GROUP, logStreamName=name, limit=LAST_LINES)
        yield from (event["message"] for event in events["events"])
