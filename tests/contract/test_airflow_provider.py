"""Airflow's own hook, operator and sensor for tuning jobs, unchanged, against SageMaker's contract."""

from pathlib import Path

import pytest

from tests.contract.conftest import Target
from tests.contract.requests import tuning_request


@pytest.fixture(autouse=True)
def connection(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """An aws connection without keys: boto3 finds them where it finds them for everybody."""
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", "aws://")


def test_the_operator_creates_and_waits(target: Target, source_dir: Path) -> None:
    from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTuningOperator

    request = tuning_request(target, source_dir, "airflow")
    operator = SageMakerTuningOperator(
        task_id="tune", config=request, wait_for_completion=True, check_interval=1, max_ingestion_time=target.patience
    )
    done = operator.execute({})
    assert done["Tuning"]["HyperParameterTuningJobStatus"] == "Completed"


def test_the_sensor_and_the_hook_read_the_job(target: Target, source_dir: Path) -> None:
    from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
    from airflow.providers.amazon.aws.sensors.sagemaker import SageMakerTuningSensor

    request = tuning_request(target, source_dir, "sensor")
    name = request["HyperParameterTuningJobName"]
    hook = SageMakerHook()
    hook.create_tuning_job(request, wait_for_completion=False)
    SageMakerTuningSensor(task_id="wait", job_name=name, poke_interval=0.5, timeout=target.patience).execute({})
    job = hook.describe_tuning_job(name)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["Completed"] == 3
