"""The trigger against a real service, in an event loop of its own as in the triggerer."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from airflow.triggers.base import TriggerEvent

from sagemaker_tuning.triggers import TuningJobTrigger
from tests.conftest import LocalService
from tests.include.tuning.jobs import LEARNS, finished_job
from tests.plugins.conftest import connection
from tests.plugins.test_sensors import running_job, stopped


def trigger(job: str) -> TuningJobTrigger:
    """As the triggerer makes it: from what the database kept."""
    path, arguments = TuningJobTrigger(job_name=job, poll_seconds=0.2, aws_conn_id="aws_default").serialize()
    assert path == "sagemaker_tuning.triggers.TuningJobTrigger"
    return TuningJobTrigger(**arguments)


async def first_event(watching: TuningJobTrigger) -> TriggerEvent:
    """What it fires first; cleaned up afterwards, as the triggerer does."""
    try:
        return await anext(watching.run())
    finally:
        await watching.cleanup()


async def killed(watching: TuningJobTrigger) -> None:
    await watching.on_kill()
    await watching.cleanup()


def test_it_fires_once_the_job_has_ended(service: LocalService, tmp_path: Path) -> None:
    job = finished_job(service, LEARNS, tmp_path, jobs=1, parallel_jobs=1)
    assert asyncio.run(first_event(trigger(job))).payload == {"status": "Completed"}


def test_it_says_each_change_once_and_fires_at_the_end(
    service: LocalService, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    job = running_job(service, tmp_path)

    async def watch() -> TriggerEvent:
        waiting = asyncio.ensure_future(first_event(trigger(job)))
        await asyncio.sleep(1.5)
        await asyncio.to_thread(
            service.client("sagemaker").stop_hyper_parameter_tuning_job, HyperParameterTuningJobName=job
        )
        return await waiting

    assert asyncio.run(watch()).payload == {"status": "Stopped"}
    said = capfd.readouterr()
    assert (said.out + said.err).count("InProgress: 0 of 1 trials done, 1 running") == 1


def test_a_job_that_is_not_there_is_told_at_once(service: LocalService) -> None:
    event = asyncio.run(first_event(trigger("no-such-job")))
    assert "ResourceNotFound" in event.payload["error"]


def test_a_service_that_is_away_is_waited_out(
    service: LocalService, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    away = connection(service).replace(service.endpoint_url, "http://127.0.0.1:9")
    impatient = away.replace('"region_name"', '"config_kwargs": {"retries": {"max_attempts": 0}}, "region_name"')
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", impatient)

    async def failures(waiting: asyncio.Future[TriggerEvent], wanted: int) -> int:
        """How often it has said that it can't look, once that is as often as wanted or it has fired."""
        said, deadline = 0, time.monotonic() + 60
        while said < wanted and not waiting.done() and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            said += "".join(capfd.readouterr()).count("can't be looked at for the moment")
        return said

    async def watch() -> int:
        waiting = asyncio.ensure_future(first_event(trigger("a-job")))
        said = await failures(waiting, 2)
        waiting.cancel()
        await asyncio.wait([waiting])
        return said

    assert asyncio.run(watch()) >= 2


@pytest.mark.parametrize(("deferred", "status"), [(False, "Stopped"), (True, "InProgress")])
def test_it_stops_the_job_when_the_task_is_killed_but_not_when_another_triggerer_took_over(
    service: LocalService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deferred: bool, status: str
) -> None:
    job = running_job(service, tmp_path)
    watching = trigger(job)

    async def is_deferred() -> bool:
        return deferred

    monkeypatch.setattr(watching, "_is_deferred", is_deferred)
    asyncio.run(killed(watching))
    if deferred:
        time.sleep(0.5)
        described: Any = service.client("sagemaker").describe_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=job
        )
        assert described["HyperParameterTuningJobStatus"] == status
        service.client("sagemaker").stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    else:
        assert stopped(service, job) == status
