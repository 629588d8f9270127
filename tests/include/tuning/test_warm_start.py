"""Parents for a warm start: those that SageMaker takes, and a cold start with a reason otherwise."""

import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.tuning import warm_start
from include.tuning.jobs import DAG_TAG
from include.tuning.warm_start import WarmStart, misfit
from tests.conftest import LocalService
from tests.include.tuning.jobs import CRASHES, LEARNS, finished_job, tuning_request

# Names of these tests' own: jobs of other tests on the same service must not become parents.
SOON = timedelta(minutes=5)


def choose(service: LocalService, request: dict[str, Any], beginning: str, *, before: datetime) -> WarmStart:
    return warm_start.choose(service.client("sagemaker"), request, beginning, before)


def test_finished_jobs_become_parents_and_sagemaker_takes_them(
    sagemaker_endpoint: LocalService, tmp_path: Path
) -> None:
    parent = finished_job(sagemaker_endpoint, LEARNS, tmp_path, jobs=1, parallel_jobs=1)
    request = tuning_request(sagemaker_endpoint, LEARNS, tmp_path, jobs=1, parallel_jobs=1)
    chosen = choose(sagemaker_endpoint, request, parent, before=datetime.now(UTC) + SOON)
    assert chosen.parents == [parent]
    assert chosen.reason == f"warm start (IdenticalDataAndAlgorithm) from {parent}"
    request["WarmStartConfig"] = chosen.config
    sagemaker = sagemaker_endpoint.client("sagemaker")
    assert sagemaker.create_hyper_parameter_tuning_job(**request)["HyperParameterTuningJobArn"]


def test_a_job_of_a_dag_whose_name_only_begins_alike_is_no_parent(
    sagemaker_endpoint: LocalService, tmp_path: Path
) -> None:
    parent = finished_job(sagemaker_endpoint, LEARNS, tmp_path, jobs=1, parallel_jobs=1)
    request = tuning_request(sagemaker_endpoint, LEARNS, tmp_path, jobs=1, parallel_jobs=1)
    request["Tags"].append({"Key": DAG_TAG, "Value": "mnist_tuning"})
    sagemaker = sagemaker_endpoint.client("sagemaker")
    arn = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=parent)[
        "HyperParameterTuningJobArn"
    ]
    none = "cold start: there is no finished tuning job of this DAG yet"
    assert choose(sagemaker_endpoint, request, parent, before=datetime.now(UTC) + SOON).reason == none
    for dag, parents in (("mnist_tuning_v2", []), ("mnist_tuning", [parent])):
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": DAG_TAG, "Value": dag}])
        chosen = choose(sagemaker_endpoint, request, parent, before=datetime.now(UTC) + SOON)
        assert chosen.parents == parents
        assert parents or chosen.reason == none


def test_another_script_is_another_algorithm(sagemaker_endpoint: LocalService, tmp_path: Path) -> None:
    parent = finished_job(sagemaker_endpoint, LEARNS, tmp_path, jobs=1, parallel_jobs=1)
    request = tuning_request(sagemaker_endpoint, LEARNS + "# changed", tmp_path, jobs=1, parallel_jobs=1)
    chosen = choose(sagemaker_endpoint, request, parent, before=datetime.now(UTC) + SOON)
    assert chosen.config is not None
    assert chosen.config["WarmStartType"] == "TransferLearning"


def test_a_job_that_came_after_the_run_or_found_nothing_is_no_parent(
    sagemaker_endpoint: LocalService, tmp_path: Path
) -> None:
    before = datetime.now(UTC)
    later = finished_job(sagemaker_endpoint, LEARNS, tmp_path, jobs=1, parallel_jobs=1)
    failed = finished_job(sagemaker_endpoint, CRASHES, tmp_path, jobs=1, parallel_jobs=1)
    request = tuning_request(sagemaker_endpoint, LEARNS, tmp_path)
    for beginning, until in ((later, before), (failed, datetime.now(UTC) + SOON)):
        chosen = choose(sagemaker_endpoint, request, beginning, before=until)
        assert chosen.config is None
        assert chosen.reason == "cold start: there is no finished tuning job of this DAG yet"


def test_a_job_that_does_not_fit_leaves_a_cold_start_that_says_why(
    sagemaker_endpoint: LocalService, tmp_path: Path
) -> None:
    parent = finished_job(sagemaker_endpoint, LEARNS, tmp_path, jobs=1, parallel_jobs=1)
    request = tuning_request(sagemaker_endpoint, LEARNS, tmp_path)
    request["TrainingJobDefinition"]["StaticHyperParameters"]["momentum"] = "0.9"
    chosen = choose(sagemaker_endpoint, request, parent, before=datetime.now(UTC) + SOON)
    assert chosen.config is None
    assert chosen.reason.endswith(
        f"none of 1 earlier tuning jobs fits; {parent}: its hyperparameters differ by momentum"
    )


@pytest.mark.parametrize("strategy", ["Grid", "Hyperband"])
def test_a_search_that_sagemaker_never_warm_starts_is_a_cold_start(
    sagemaker_endpoint: LocalService, tmp_path: Path, strategy: str
) -> None:
    request = tuning_request(sagemaker_endpoint, LEARNS, tmp_path)
    request["HyperParameterTuningJobConfig"]["Strategy"] = strategy
    chosen = choose(sagemaker_endpoint, request, "test", before=datetime.now(UTC))
    assert chosen.reason == f"cold start: SageMaker warm-starts no {strategy} search"


def test_what_makes_a_job_unfit_is_named(sagemaker_endpoint: LocalService, tmp_path: Path) -> None:
    request = tuning_request(sagemaker_endpoint, LEARNS, tmp_path)
    assert misfit(request, request) is None
    parent = copy.deepcopy(request)
    parent["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"] = "accuracy"
    assert misfit(request, parent) == "its objective is another one"
    parent = copy.deepcopy(request)
    channel = parent["TrainingJobDefinition"]["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    channel["S3Uri"] = channel["S3Uri"].replace("/tiny/", "/other/")
    assert misfit(request, parent) == "it tuned on another dataset"
    parent = copy.deepcopy(request)
    ranges = parent["HyperParameterTuningJobConfig"]["ParameterRanges"]
    ranges["IntegerParameterRanges"] = ranges.pop("ContinuousParameterRanges")
    assert misfit(request, parent) == "the kind of range of learning_rate has changed"
    parent = copy.deepcopy(request)
    parent["TrainingJobDefinitions"] = [parent.pop("TrainingJobDefinition")]
    assert misfit(request, parent) == "it has several training job definitions"


def test_a_hyperparameter_may_be_fixed_in_one_and_tuned_in_the_other(
    sagemaker_endpoint: LocalService, tmp_path: Path
) -> None:
    request = tuning_request(sagemaker_endpoint, LEARNS, tmp_path)
    other = tuning_request(sagemaker_endpoint, LEARNS, tmp_path, tune=["learning_rate", "batch_size"])
    assert misfit(request, other) is None
