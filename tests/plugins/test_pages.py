"""Whose tuning jobs the pages show. What they look like, and that they ask for a login, is test_browser.py's matter."""

import warnings
from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException

from tests.conftest import LocalService
from tests.include.tuning.jobs import LEARNS, finished_job


@pytest.fixture(scope="module")
def pages() -> Any:
    """The module; what Airflow's API imports on its way warns of the future."""
    with warnings.catch_warnings(action="ignore"):
        from sagemaker_tuning.ui import pages

        return pages


def test_a_dags_readers_see_its_own_jobs_only(service: LocalService, tmp_path: Path, pages: Any) -> None:
    job = finished_job(service, LEARNS, tmp_path, jobs=1, parallel_jobs=1)
    sagemaker = service.client("sagemaker")
    arn = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)["HyperParameterTuningJobArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "airflow-dag", "Value": "mine"}])
    for page in (pages.tuning_job_page, pages.trial_logs, pages.best_model):
        assert page("mine", job)
        for dag, name in (("yours", job), ("mine", "no-such-job")):
            with pytest.raises(HTTPException) as refused:
                page(dag, name)
            assert (refused.value.status_code, refused.value.detail) == (404, f"DAG {dag} has no tuning job {name}")
