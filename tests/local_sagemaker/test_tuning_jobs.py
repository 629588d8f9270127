"""Tuning jobs as a boto3 user meets them: they really train, keep their limits, and answer what SageMaker answers."""

import io
import json
import tarfile

import pytest
from botocore.exceptions import ClientError

from tests.conftest import LocalService
from tests.local_sagemaker.conftest import (
    BUCKET,
    PARABOLA,
    log_of,
    processes_below,
    trials_running,
    tuned,
    tuning_request,
    wait_until,
)

CRASH_WHEN_LARGE = PARABOLA.replace('print("loss = 1e9")', 'assert given.rate < 0.5, "rate is too large"')
LAGS_WHEN_LARGE = """
import sys, time
rate = float(sys.argv[sys.argv.index("--rate") + 1])
for epoch in range(3):
    print(f"loss = {rate}", flush=True)
time.sleep(60 if rate > 0.5 else 0)
"""
SLEEP = "import time; print('loss = 1', flush=True); time.sleep(60)"


def create(service: LocalService, request: dict) -> str:
    answer = service.client("sagemaker").create_hyper_parameter_tuning_job(**request)
    name = request["HyperParameterTuningJobName"]
    assert answer["HyperParameterTuningJobArn"].endswith(f":hyper-parameter-tuning-job/{name}")
    return name


def trials(service: LocalService, name: str, **options: object) -> list[dict]:
    pages = service.client("sagemaker").get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    return [
        trial
        for page in pages.paginate(HyperParameterTuningJobName=name, **options)
        for trial in page["TrainingJobSummaries"]
    ]


def test_a_tuning_job_trains_every_trial_and_names_the_best(service: LocalService) -> None:
    name = create(service, tuning_request(service, jobs=5, parallel=3))
    job = tuned(service, name)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["Completed"] == 5
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 5, "Pending": 0, "Failed": 0}
    found = trials(service, name)
    assert len({trial["TrainingJobName"] for trial in found}) == 5
    values = [trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for trial in found]
    for trial, value in zip(found, values, strict=True):
        x = float(trial["TunedHyperParameters"]["rate"])
        assert value == pytest.approx((x - 0.3) ** 2, rel=1e-2), "the last value printed is the objective"
    assert job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == min(values)


def test_the_model_of_a_trial_lies_in_s3_and_its_log_in_cloudwatch(service: LocalService) -> None:
    job = tuned(service, create(service, tuning_request(service, jobs=1, parallel=1)))
    trial = job["BestTrainingJob"]["TrainingJobName"]
    described = service.client("sagemaker").describe_training_job(TrainingJobName=trial)
    uri = described["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == f"s3://{BUCKET}/jobs/{trial}/output/model.tar.gz"
    archive = service.client("s3").get_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        model = json.load(tar.extractfile("rate.json"))
    assert str(model["rate"]) == job["BestTrainingJob"]["TunedHyperParameters"]["rate"]
    assert log_of(service, trial)[0] == "loss = 1e9"
    assert described["TuningJobArn"] == job["HyperParameterTuningJobArn"]
    steps = [step["Status"] for step in described["SecondaryStatusTransitions"]]
    assert steps == ["Starting", "Downloading", "Training", "Uploading", "Completed"]


def test_a_crashing_trial_fails_alone_with_its_reason(service: LocalService) -> None:
    request = tuning_request(service, CRASH_WHEN_LARGE, jobs=6, parallel=3, RandomSeed=1)
    job = tuned(service, create(service, request))
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    found = trials(service, job["HyperParameterTuningJobName"])
    for trial in found:
        if float(trial["TunedHyperParameters"]["rate"]) < 0.5:
            assert trial["TrainingJobStatus"] == "Completed"
        else:
            assert trial["TrainingJobStatus"] == "Failed"
            assert "AssertionError: rate is too large" in trial["FailureReason"]
            assert trial["FailureReason"].endswith("exit code: 1")
            assert "FinalHyperParameterTuningJobObjectiveMetric" not in trial
    assert {trial["TrainingJobStatus"] for trial in found} == {"Completed", "Failed"}


def test_a_job_whose_first_trials_all_fail_is_given_up(service: LocalService) -> None:
    job = tuned(service, create(service, tuning_request(service, "raise SystemExit('no')", jobs=9, parallel=3)))
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("No training job succeeded after 5 attempts.")
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] < 9


def test_a_trial_without_a_metric_completes_and_fails_its_objective(service: LocalService) -> None:
    job = tuned(service, create(service, tuning_request(service, "print('nothing to see')", jobs=2)))
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 0, "Pending": 0, "Failed": 2}
    assert "BestTrainingJob" not in job


def test_the_same_seed_draws_the_same_trials(service: LocalService) -> None:
    draws = []
    for _ in range(2):
        name = create(service, tuning_request(service, jobs=3, parallel=1, RandomSeed=7))
        tuned(service, name)
        draws.append([trial["TunedHyperParameters"] for trial in trials(service, name)])
    assert draws[0] == draws[1]


def test_stopping_ends_the_running_trials_and_starts_no_other(service: LocalService) -> None:
    name = create(service, tuning_request(service, SLEEP, jobs=8, parallel=2))
    client = service.client("sagemaker")
    wait_until(lambda: trials_running(service.state) == 2)
    client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    job = tuned(service, name)
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert [trial["TrainingJobStatus"] for trial in trials(service, name)] == ["Stopped", "Stopped"]
    assert processes_below(service.state) == []
    with pytest.raises(ClientError, match="is in status Stopped"):
        client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


def test_a_laggard_is_stopped_early_and_the_finished_job_can_be_deleted(service: LocalService) -> None:
    grid = {"CategoricalParameterRanges": [{"Name": "rate", "Values": ["0.1", "0.2", "0.3", "0.15", "0.25", "0.9"]}]}
    config = {"Strategy": "Grid", "ParameterRanges": grid, "TrainingJobEarlyStoppingType": "Auto"}
    name = create(service, tuning_request(service, LAGS_WHEN_LARGE, jobs=6, parallel=3, **config))
    job = tuned(service, name)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    found = trials(service, name)
    stopped = [trial for trial in found if trial["TrainingJobStatus"] == "Stopped"]
    assert [trial["TunedHyperParameters"] for trial in stopped] == [{"rate": "0.9"}]
    assert stopped[0]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == pytest.approx(0.9)
    log = (service.state / "service.log").read_text()
    assert "its value 0.9 after epoch 3 is worse than 0.2, the median" in log
    client = service.client("sagemaker")
    client.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    with pytest.raises(ClientError, match=f"can't find a tuning job called {name}"):
        client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert client.describe_training_job(TrainingJobName=found[0]["TrainingJobName"])["TrainingJobStatus"] == "Completed"


def test_bayesian_search_starts_from_a_parent_and_names_the_overall_best(service: LocalService) -> None:
    parent = create(service, tuning_request(service, jobs=4, parallel=4))
    tuned(service, parent)
    request = tuning_request(service, jobs=3, parallel=1, Strategy="Bayesian")
    request["WarmStartConfig"] = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": parent}],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    job = tuned(service, create(service, request))
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["OverallBestTrainingJob"]["TuningJobName"] in (parent, job["HyperParameterTuningJobName"])
    assert job["TuningJobCompletionDetails"]["NumberOfTrainingJobsObjectiveNotImproving"] in range(3)


def test_trials_are_sorted_and_paged_as_asked(service: LocalService) -> None:
    name = create(service, tuning_request(service, jobs=5, parallel=5))
    tuned(service, name)
    by_value = trials(
        service, name, SortBy="FinalObjectiveMetricValue", SortOrder="Descending", PaginationConfig={"PageSize": 2}
    )
    values = [trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for trial in by_value]
    assert values == sorted(values, reverse=True)
    assert len(values) == 5
    names = [trial["TrainingJobName"] for trial in trials(service, name)]
    assert names == sorted(names)


def test_tags_reach_the_job_and_its_trials(service: LocalService) -> None:
    tags = [{"Key": "team", "Value": "vision"}]
    request = tuning_request(service, jobs=1, parallel=1) | {"Tags": tags}
    job = tuned(service, create(service, request))
    client = service.client("sagemaker")
    assert client.list_tags(ResourceArn=job["BestTrainingJob"]["TrainingJobArn"])["Tags"] == tags
    added = client.add_tags(ResourceArn=job["HyperParameterTuningJobArn"], Tags=[{"Key": "cost", "Value": "0"}])
    assert added["Tags"] == [{"Key": "cost", "Value": "0"}, *tags]


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (
            lambda r: r["HyperParameterTuningJobConfig"].update(Strategy="Bayes"),
            "ValidationException",
            "1 validation error detected: Value 'Bayes' at 'hyperParameterTuningJobConfig.strategy' failed to satisfy "
            "constraint: Member must satisfy enum value set: [Bayesian, Random, Hyperband, Grid]",
        ),
        (
            lambda r: r.update(HyperParameterTuningJobName="a" * 33),
            "ValidationException",
            "Member must have length less than or equal to 32",
        ),
        (
            lambda r: r["TrainingJobDefinition"]["AlgorithmSpecification"].update(MetricDefinitions=[]),
            "ValidationException",
            "A metric is required for this hyperparameter tuning job objective. "
            "Provide a metric in the metric definitions.",
        ),
        (
            lambda r: r["TrainingJobDefinition"].update(RoleArn="arn:aws:iam::000000000000:role/nobody"),
            "ValidationException",
            "Could not assume role arn:aws:iam::000000000000:role/nobody.",
        ),
        (
            lambda r: r["HyperParameterTuningJobConfig"]["ParameterRanges"]["ContinuousParameterRanges"][0].update(
                MinValue="2"
            ),
            "ValidationException",
            r"The MinValue of the hyperparameter rate, [2], must be less than or equal to its MaxValue, [1].",
        ),
        (
            lambda r: r["HyperParameterTuningJobConfig"].update(
                ParameterRanges={"CategoricalParameterRanges": [{"Name": "rate", "Values": ["1", "2", "3"]}]}
            ),
            "ValidationException",
            "The total number of hyperparameter combinations for the provided ranges [3.0] must be equal or greater "
            "than the value of MaxNumberOfJobs, [4].",
        ),
        (
            lambda r: r.update(Autotune={"Mode": "Enabled"}),
            "UnsupportedOperationException",
            "CreateHyperParameterTuningJob.Autotune is not supported by the local SageMaker: ",
        ),
    ],
)
def test_a_request_that_breaks_a_rule_is_refused_in_sagemakers_words(service, change, code, message) -> None:
    request = tuning_request(service)
    change(request)
    with pytest.raises(ClientError) as refused:
        service.client("sagemaker").create_hyper_parameter_tuning_job(**request)
    assert refused.value.response["Error"]["Code"] == code
    assert message in refused.value.response["Error"]["Message"]


def test_a_name_is_taken_whatever_its_case(service: LocalService) -> None:
    request = tuning_request(service, jobs=1, parallel=1)
    name = create(service, request)
    request["HyperParameterTuningJobName"] = name.upper()
    with pytest.raises(ClientError) as refused:
        service.client("sagemaker").create_hyper_parameter_tuning_job(**request)
    assert refused.value.response["Error"] == {
        "Code": "ResourceInUse",
        "Message": f"A hyperparameter tuning job with the name, {name.upper()}, already exists. "
        "Choose a different name.",
    }


def test_unknown_jobs_are_answered_as_sagemaker_does(service: LocalService) -> None:
    client = service.client("sagemaker")
    with pytest.raises(ClientError) as missing:
        client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="nobody")
    assert missing.value.response["Error"] == {
        "Code": "ResourceNotFound",
        "Message": "Amazon SageMaker can't find a tuning job called nobody. Type another name.",
    }
    with pytest.raises(ClientError) as missing:
        client.describe_training_job(TrainingJobName="nobody")
    assert missing.value.response["Error"]["Code"] == "ValidationException"
    assert missing.value.response["Error"]["Message"] == "Requested resource not found."


def test_an_operation_that_is_not_there_is_named(service: LocalService) -> None:
    with pytest.raises(ClientError) as refused:
        service.client("sagemaker").list_endpoints()
    assert refused.value.response["Error"] == {
        "Code": "UnsupportedOperationException",
        "Message": "The operation ListEndpoints is not supported by the local SageMaker.",
    }
