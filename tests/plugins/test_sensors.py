import json
import time
from pathlib import Path

import pytest

from sagemaker_tuning.sensors import TuningJobSensor
from sagemaker_tuning.task_errors import FinalFault
from tests.conftest import LocalService
from tests.include.tuning.jobs import CRASHES, LEARNS, finished_job, tuning_request

SLOW = "import time; print('loss = 0.5', flush=True); time.sleep(60)"


def test_a_completed_job_passes_with_its_progress_in_the_log(
    service: LocalService, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    job = finished_job(service, LEARNS, tmp_path)
    outcome = TuningJobSensor(task_id="wait", job_name=job).poke({})
    assert outcome.is_done
    assert json.loads(json.dumps(outcome.xcom_value))["Tuning"]["HyperParameterTuningJobStatus"] == "Completed"
    assert (
        f"Tuning job {job} Completed: 3 of 3 trials done, 0 running, 0 failed; best loss 0." in capfd.readouterr().out
    )


def test_a_failed_job_fails_with_its_reason_and_every_failed_trials_reason_and_log(
    service: LocalService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = finished_job(service, CRASHES, tmp_path, jobs=2, parallel_jobs=2)
    with pytest.raises(FinalFault) as caught:
        TuningJobSensor(task_id="wait", job_name=job).poke({})
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
    assert TuningJobSensor(task_id="wait", job_name=job).poke({}).is_done
    warning = next(line for line in capfd.readouterr().out.splitlines() if "Failed trials: " in line)
    assert "warning" in warning
    assert "only me" in warning


def test_a_job_in_progress_is_waited_for_and_one_stopped_without_a_model_fails(
    service: LocalService, tmp_path: Path
) -> None:
    config = tuning_request(service, SLOW, tmp_path, jobs=1, parallel_jobs=1)
    job = config["HyperParameterTuningJobName"]
    sagemaker = service.client("sagemaker")
    sagemaker.create_hyper_parameter_tuning_job(**config)
    sensor = TuningJobSensor(task_id="wait", job_name=job)
    assert not sensor.poke({}).is_done
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    deadline = time.monotonic() + 60
    while sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)[
        "HyperParameterTuningJobStatus"
    ] in ("InProgress", "Stopping"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    stopped = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    if stopped.get("BestTrainingJob"):  # it had printed its metric before it was stopped
        assert sensor.poke({}).is_done
    else:
        with pytest.raises(FinalFault, match=f"tuning job {job} ended as Stopped"):
            sensor.poke({})


def test_a_job_that_does_not_exist_is_one_line(service: LocalService) -> None:
    with pytest.raises(FinalFault, match=r"AWS refused DescribeHyperParameterTuningJob: ResourceNotFound: .*no-such"):
        TuningJobSensor(task_id="wait", job_name="no-such-job").poke({})
