import json
import time
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferralTimeout, TaskDeferred

from sagemaker_tuning.operators import TuningJobOperator
from sagemaker_tuning.sensors import MOST_BLIND_LOOKS, TuningJobSensor
from sagemaker_tuning.task_errors import FinalFault
from sagemaker_tuning.triggers import TuningJobTrigger
from tests.conftest import LocalService
from tests.include.tuning.jobs import CRASHES, LEARNS, finished_job, tuning_request
from tests.plugins.conftest import context

SLOW = "import time; print('loss = 0.5', flush=True); time.sleep(60)"


def sensor(job: str, **options: Any) -> TuningJobSensor:
    return TuningJobSensor(task_id="wait", job_name=job, **{"longest_wait": 600, **options})


def running_job(service: LocalService, folder: Path, **params: Any) -> str:
    """The name of a tuning job whose trial has printed its metric and goes on."""
    config = tuning_request(service, SLOW, folder, jobs=1, parallel_jobs=1, **params)
    job = config["HyperParameterTuningJobName"]
    sagemaker = service.client("sagemaker")
    sagemaker.create_hyper_parameter_tuning_job(**config)
    deadline = time.monotonic() + 90
    while True:
        trials = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
        names = [trial["TrainingJobName"] for trial in trials["TrainingJobSummaries"]]
        if names and sagemaker.describe_training_job(TrainingJobName=names[0]).get("FinalMetricDataList"):
            return str(job)
        assert time.monotonic() < deadline
        time.sleep(0.1)


def stopped(service: LocalService, job: str) -> str:
    """The job's last status, once it has one."""
    sagemaker = service.client("sagemaker")
    deadline = time.monotonic() + 60
    while True:
        described = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
        if described["HyperParameterTuningJobStatus"] not in ("InProgress", "Stopping"):
            return str(described["HyperParameterTuningJobStatus"])
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_completed_job_passes_with_its_progress_in_the_log(
    service: LocalService, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    job = finished_job(service, LEARNS, tmp_path)
    outcome = sensor(job).execute(context())
    assert json.loads(json.dumps(outcome))["Tuning"]["HyperParameterTuningJobStatus"] == "Completed"
    assert (
        f"Tuning job {job} Completed: 3 of 3 trials done, 0 running, 0 failed; best loss 0." in capfd.readouterr().out
    )


def test_a_failed_job_fails_with_its_reason_and_every_failed_trials_reason_and_log(
    service: LocalService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = finished_job(service, CRASHES, tmp_path, jobs=2, parallel_jobs=2)
    with pytest.raises(FinalFault) as caught:
        sensor(job).execute(context())
    text = str(caught.value)
    assert text.startswith(f"tuning job {job} ended as Failed: ")
    assert text.count("log group /aws/sagemaker/TrainingJobs, stream ") == 2
    assert f"{job}-001-" in text
    assert "the kernel melted" in text
    assert "\n" not in text
    assert text in caplog.text


def test_failed_trials_beside_good_ones_are_a_warning(
    service: LocalService, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # The first trial to come makes the folder and fails; the others learn.
    first = f"import os\ntry:\n    os.mkdir({str(tmp_path / 'first')!r})\nexcept FileExistsError:\n    pass\n"
    script = f"{first}else:\n    raise SystemExit('only me')\n{LEARNS}"
    job = finished_job(service, script, tmp_path, jobs=2, parallel_jobs=1)
    assert sensor(job).execute(context())
    warning = next(line for line in capfd.readouterr().out.splitlines() if "Failed trials: " in line)
    assert "warning" in warning
    assert "only me" in warning


def test_a_job_in_progress_is_waited_for_in_the_triggerer(service: LocalService, tmp_path: Path) -> None:
    job = running_job(service, tmp_path)
    with pytest.raises(TaskDeferred) as deferred:
        sensor(job, poke_interval=3, longest_wait=100).execute(context())
    trigger = deferred.value.trigger
    assert isinstance(trigger, TuningJobTrigger)
    assert (trigger.job_name, trigger.poll_seconds) == (job, 3)
    assert deferred.value.timeout.total_seconds() == pytest.approx(100, abs=5)
    sensor(job).on_kill()
    assert stopped(service, job) == "Stopped"


def test_a_triggerer_that_sees_nothing_is_asked_less_and_less_often_and_in_the_end_given_up(
    service: LocalService, tmp_path: Path
) -> None:
    job = running_job(service, tmp_path)
    pauses, kept = [], {}
    for _ in range(MOST_BLIND_LOOKS - 1):
        with pytest.raises(TaskDeferred) as deferred:
            sensor(job, poke_interval=3).execute_complete(context(), {"error": "no credentials"}, **kept)
        pauses.append(deferred.value.trigger.first_pause)
        kept = deferred.value.kwargs
    assert pauses == [6, 12, 24, 48]
    with pytest.raises(FinalFault, match=f"the triggerer can't look at tuning job {job}: no credentials"):
        sensor(job).execute_complete(context(), {"error": "no credentials"}, **kept)
    with pytest.raises(TaskDeferred) as deferred:  # one good look, and all is forgotten
        sensor(job).execute_complete(context(), {"status": "InProgress"}, **kept)
    assert deferred.value.kwargs == {"deadline": kept["deadline"], "blind_looks": 0}
    sensor(job).on_kill()


def test_the_deadline_counts_from_the_first_look(service: LocalService, tmp_path: Path) -> None:
    job = running_job(service, tmp_path)
    with pytest.raises(FinalFault, match=f"tuning job {job} has not ended after 600 s and is stopped"):
        sensor(job).execute_complete(context(), {"error": "lost its way"}, deadline=time.time() - 1)
    assert stopped(service, job) == "Stopped"


def test_a_task_that_was_cleared_alone_stops_its_job(service: LocalService, tmp_path: Path, task_instance: Any) -> None:
    config = tuning_request(service, SLOW, tmp_path, jobs=1, parallel_jobs=1)
    TuningJobOperator(task_id="run", config=config).execute(context(task_instance))
    job = config["HyperParameterTuningJobName"]
    with pytest.raises(TaskDeferred):
        sensor(job).execute(context())  # a retry of the same round
    with pytest.raises((TaskDeferred, FinalFault)):
        sensor(job).execute(context(cleared=1))
    assert stopped(service, job) == "Stopped"


def test_a_stopped_job_passes_only_with_a_best_trial_and_leave_to_take_it(
    service: LocalService, tmp_path: Path
) -> None:
    job = running_job(service, tmp_path)
    service.client("sagemaker").stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    assert stopped(service, job) == "Stopped"
    assert sensor(job, accept_stopped=True).execute(context())["Tuning"]["BestTrainingJob"]
    with pytest.raises(
        FinalFault, match=rf"{job} ended as Stopped: Somebody stopped it\. With the Param accept_stopped"
    ):
        sensor(job).execute(context())


def test_a_job_stopped_without_a_metric_never_passes(service: LocalService, tmp_path: Path) -> None:
    config = tuning_request(service, "import time; time.sleep(60)", tmp_path, jobs=1, parallel_jobs=1)
    job = config["HyperParameterTuningJobName"]
    sagemaker = service.client("sagemaker")
    sagemaker.create_hyper_parameter_tuning_job(**config)
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    assert stopped(service, job) == "Stopped"
    with pytest.raises(FinalFault, match=f"tuning job {job} ended as Stopped: SageMaker gives no reason"):
        sensor(job, accept_stopped=True).execute(context())


def test_a_wait_that_takes_too_long_stops_the_job_and_fails_in_one_line(
    service: LocalService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = running_job(service, tmp_path)
    waiting = sensor(job, longest_wait=5)

    def times_out(*_: Any) -> None:
        raise TaskDeferralTimeout

    monkeypatch.setattr(waiting, "execute_complete", times_out)
    with pytest.raises(FinalFault, match=f"tuning job {job} has not ended after 5 s and is stopped"):
        waiting.resume_execution("execute_complete", None, context())
    assert stopped(service, job) == "Stopped"


def test_a_job_that_does_not_exist_is_one_line(service: LocalService) -> None:
    with pytest.raises(FinalFault, match=r"AWS refused DescribeHyperParameterTuningJob: ResourceNotFound: .*no-such"):
        sensor("no-such-job").execute(context())
