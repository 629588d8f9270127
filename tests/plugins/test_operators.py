import json
from pathlib import Path
from typing import Any

import pytest

from sagemaker_tuning.operators import TuningJobOperator
from sagemaker_tuning.task_errors import FinalFault
from tests.conftest import LocalService
from tests.include.tuning.jobs import LEARNS, tuning_request


def run(config: dict[str, Any], task_instance: Any) -> dict[str, Any]:
    return TuningJobOperator(task_id="run_tuning_job", config=config).execute({"ti": task_instance})


def jobs_like(service: LocalService, name: str) -> list[Any]:
    answer = service.client("sagemaker").list_hyper_parameter_tuning_jobs(NameContains=name)
    return list(answer["HyperParameterTuningJobSummaries"])


def test_it_starts_the_job_and_hands_on_plain_json(service: LocalService, tmp_path: Path, task_instance: Any) -> None:
    config = tuning_request(service, LEARNS, tmp_path, jobs=1, parallel_jobs=1)
    result = run(config, task_instance)
    name = config["HyperParameterTuningJobName"]
    assert task_instance.pushed == {"job_name": name}
    assert result["Tuning"]["HyperParameterTuningJobName"] == name
    assert result["Tuning"]["CreationTime"].endswith("+00:00")
    assert json.loads(json.dumps(result)) == result


def test_a_second_try_goes_on_with_the_job_of_the_first(
    service: LocalService, tmp_path: Path, task_instance: Any
) -> None:
    config = tuning_request(service, LEARNS, tmp_path, jobs=1, parallel_jobs=1)
    first, second = run(config, task_instance), run(config, task_instance)
    assert first["Tuning"]["HyperParameterTuningJobArn"] == second["Tuning"]["HyperParameterTuningJobArn"]
    assert len(jobs_like(service, config["HyperParameterTuningJobName"])) == 1


def test_it_never_waits_or_defers_whatever_airflow_is_configured_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "true")
    operator = TuningJobOperator(task_id="run_tuning_job", config={})
    assert not operator.deferrable
    assert not operator.wait_for_completion


def test_data_that_is_not_there_is_one_line(
    service: LocalService, tmp_path: Path, task_instance: Any, caplog: pytest.LogCaptureFixture
) -> None:
    config = tuning_request(service, LEARNS, tmp_path)
    source = config["TrainingJobDefinition"]["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    source["S3Uri"] = "s3://tuning-tests/nothing/here/"
    with pytest.raises(FinalFault, match="s3://tuning-tests/nothing/here/ does not exist"):
        run(config, task_instance)
    assert "nothing/here" in caplog.text
    assert "Traceback" not in caplog.text
