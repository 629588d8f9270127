import json
import time
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTuningOperator

from include.tuning.jobs import WhenCleared
from sagemaker_tuning.operators import TuningJobOperator
from sagemaker_tuning.task_errors import FinalFault, PassingFault
from tests.conftest import LocalService
from tests.include.tuning.jobs import CRASHES, LEARNS, tuning_request
from tests.plugins.conftest import context

SLOW = "import time; time.sleep(60)"


def run(
    config: dict[str, Any], task_instance: Any, *, cleared: int = 0, when_cleared: WhenCleared = "reuse"
) -> dict[str, Any]:
    operator = TuningJobOperator(task_id="run_tuning_job", config=config, when_cleared=when_cleared)
    return operator.execute(context(task_instance, cleared=cleared))


def status(service: LocalService, name: str) -> str:
    described = service.client("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    return str(described["HyperParameterTuningJobStatus"])


def ended(service: LocalService, name: str) -> str:
    """The job's last status, once it has one."""
    deadline = time.monotonic() + 90
    while (now := status(service, name)) in ("InProgress", "Stopping"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return now


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


def test_a_job_of_the_name_with_another_request_is_refused_and_left_alone(
    service: LocalService, tmp_path: Path, task_instance: Any
) -> None:
    config = tuning_request(service, SLOW, tmp_path, jobs=1, parallel_jobs=1)
    name = config["HyperParameterTuningJobName"]
    run(config, task_instance)
    other = json.loads(json.dumps(config))
    other["HyperParameterTuningJobConfig"]["RandomSeed"] = 5
    with pytest.raises(FinalFault, match=f"there is a tuning job {name} with another request, InProgress; stop it"):
        run(other, task_instance)
    assert status(service, name) == "InProgress"
    service.client("sagemaker").stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


def test_a_strangers_job_of_the_name_is_not_adopted(service: LocalService, tmp_path: Path, task_instance: Any) -> None:
    config = tuning_request(service, LEARNS, tmp_path, jobs=1, parallel_jobs=1)
    service.client("sagemaker").create_hyper_parameter_tuning_job(**config)
    with pytest.raises(FinalFault, match="that this project has not made"):
        run(config, task_instance)


@pytest.mark.parametrize(("when_cleared", "made"), [("reuse", ""), ("new", "r2")])
def test_a_cleared_run_reuses_its_finished_job_or_makes_another_one(
    service: LocalService, tmp_path: Path, task_instance: Any, when_cleared: WhenCleared, made: str
) -> None:
    config = tuning_request(service, LEARNS, tmp_path, jobs=1, parallel_jobs=1)
    name = config["HyperParameterTuningJobName"]
    run(config, task_instance)
    assert ended(service, name) == "Completed"
    run(config, task_instance, cleared=1, when_cleared=when_cleared)
    assert task_instance.pushed["job_name"] == name + made
    # A further try of the same round goes on with what the first one made.
    run(config, task_instance, cleared=1, when_cleared=when_cleared)
    assert task_instance.pushed["job_name"] == name + made
    assert len(jobs_like(service, name)) == (2 if made else 1)


def test_a_failed_job_is_told_by_the_sensor_and_replaced_when_the_run_is_cleared(
    service: LocalService, tmp_path: Path, task_instance: Any
) -> None:
    config = tuning_request(service, CRASHES, tmp_path, jobs=1, parallel_jobs=1)
    name = config["HyperParameterTuningJobName"]
    run(config, task_instance)
    assert ended(service, name) == "Failed"
    run(config, task_instance)
    assert task_instance.pushed["job_name"] == name
    run(config, task_instance, cleared=1)
    assert task_instance.pushed["job_name"] == f"{name}r2"


def test_a_killed_task_stops_its_job_and_the_next_try_makes_another_one(
    service: LocalService, tmp_path: Path, task_instance: Any
) -> None:
    config = tuning_request(service, SLOW, tmp_path, jobs=1, parallel_jobs=1)
    name = config["HyperParameterTuningJobName"]
    operator = TuningJobOperator(task_id="run_tuning_job", config=config)
    operator.execute(context(task_instance))
    operator.on_kill()
    assert ended(service, name) == "Stopped"
    second = TuningJobOperator(task_id="run_tuning_job", config=config)
    second.execute(context(task_instance))
    assert task_instance.pushed["job_name"] == f"{name}r2"
    second.on_kill()


def test_a_task_that_is_killed_in_the_middle_of_the_call_leaves_no_job_running(
    service: LocalService, tmp_path: Path, task_instance: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tuning_request(service, SLOW, tmp_path, jobs=1, parallel_jobs=1)
    operator = TuningJobOperator(task_id="run_tuning_job", config=config)
    create = SageMakerTuningOperator.execute

    def killed_before_the_job_is_there(self: Any, context: Any) -> Any:
        operator.on_kill()
        return create(self, context)

    monkeypatch.setattr(SageMakerTuningOperator, "execute", killed_before_the_job_is_there)
    with pytest.raises(PassingFault, match="killed while it created"):
        operator.execute(context(task_instance))
    assert ended(service, config["HyperParameterTuningJobName"]) == "Stopped"


def test_its_links_lead_to_a_page_of_the_job_where_the_endpoint_is_not_aws(
    service: LocalService, tmp_path: Path, task_instance: Any
) -> None:
    config = tuning_request(service, LEARNS, tmp_path, jobs=1, parallel_jobs=1)
    operator = TuningJobOperator(task_id="run_tuning_job", config=config)
    operator.execute(context(task_instance))
    leads_to = {link.name: link.get_link(operator, ti_key=None) for link in operator.operator_extra_links}
    page = f"/sagemaker-tuning/a_dag/{config['HyperParameterTuningJobName']}"
    assert leads_to["Tuning job"].endswith(page)
    assert leads_to["Trial logs"].endswith(f"{page}/log")


def test_a_cleared_run_stops_the_job_that_still_runs_and_makes_another_one(
    service: LocalService, tmp_path: Path, task_instance: Any
) -> None:
    config = tuning_request(service, SLOW, tmp_path, jobs=1, parallel_jobs=1)
    name = config["HyperParameterTuningJobName"]
    run(config, task_instance)
    run(config, task_instance, cleared=1)
    assert task_instance.pushed["job_name"] == f"{name}r2"
    assert ended(service, name) == "Stopped"
    service.client("sagemaker").stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=f"{name}r2")
