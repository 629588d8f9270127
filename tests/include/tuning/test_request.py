import json
import re
from dataclasses import replace
from typing import Any

import pytest
from botocore.session import get_session

from include.errors import TuningRequestError
from include.tuning import request
from include.tuning.study import Choice, Range
from tests.include.tuning.jobs import IMAGE, PARAMS, STUDY


def build(**changes: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "image": IMAGE,
        "account": request.Account("us-east-1", "arn:aws:iam::000000000000:role/SageMakerRole"),
        "places": request.Locations(
            train="s3://bucket/train/",
            validation="s3://bucket/validation/",
            code="s3://bucket/code/sourcedir.tar.gz",
            output="s3://bucket/jobs",
            checkpoints="s3://bucket/checkpoints",
        ),
        "tags": {"airflow-run": "manual__2026-11-23T22:04:18+00:00"},
        "params": PARAMS | {"jobs": 9, "training_steps": 1000, "evaluation_steps": 100} | changes.pop("params", {}),
        "study": STUDY,
    } | changes
    return request.build("mnist-tuning-1", arguments.pop("study"), arguments.pop("params"), **arguments)


def test_the_defaults_are_those_of_the_tutorial() -> None:
    built = build()
    config, definition = built["HyperParameterTuningJobConfig"], built["TrainingJobDefinition"]
    assert config["ResourceLimits"] == {"MaxNumberOfTrainingJobs": 9, "MaxParallelTrainingJobs": 3}
    assert config["HyperParameterTuningJobObjective"] == {"Type": "Minimize", "MetricName": "loss"}
    assert config["ParameterRanges"] == {
        "ContinuousParameterRanges": [
            {"Name": "learning_rate", "MinValue": "0.01", "MaxValue": "0.2", "ScalingType": "Auto"}
        ]
    }
    assert definition["ResourceConfig"]["InstanceType"] == "ml.m5.xlarge"
    assert definition["ResourceConfig"]["InstanceCount"] == 1
    static = definition["StaticHyperParameters"]
    assert (static["training_steps"], static["evaluation_steps"]) == ("1000", "100")
    assert static["sagemaker_program"] == "mnist.py"
    assert [channel["ChannelName"] for channel in definition["InputDataConfig"]] == ["train", "validation"]


def test_the_request_is_valid_and_plain_json() -> None:
    built = build()
    request.validate(built)
    assert json.loads(json.dumps(built)) == built


def test_boto3_itself_takes_the_request() -> None:
    model = get_session().get_service_model("sagemaker").operation_model(request.OPERATION)
    from botocore.validate import ParamValidator

    assert not ParamValidator().validate(build(), model.input_shape).has_errors()


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("loss = 0.0561", "0.0561"),
        ("step 3: loss = 1.5e-05", "1.5e-05"),
        ("loss = 2E+3 of 5", "2E+3"),
        ("loss = 7", "7"),
    ],
)
def test_the_objective_is_read_from_a_log_line(line: str, value: str) -> None:
    found = re.search(STUDY.objective.pattern, line)
    assert found
    assert found[1] == value


def test_all_faults_come_in_one_error_each_with_its_place_and_value() -> None:
    built = build()
    built["HyperParameterTuningJobName"] = "a_name_with_underscores_that_is_too_long_for_sagemaker"
    built["Nonsense"] = 1
    config, definition = built["HyperParameterTuningJobConfig"], built["TrainingJobDefinition"]
    config["Strategy"] = "Guessing"
    config["ResourceLimits"]["MaxParallelTrainingJobs"] = 0
    config["RandomSeed"] = "1"
    del definition["RoleArn"]
    definition["ResourceConfig"]["InstanceType"] = "ml.huge"
    definition["AlgorithmSpecification"]["MetricDefinitions"][0]["Regex"] = "x" * 501
    definition["StaticHyperParameters"]["k" * 257] = "v" * 2501
    definition["InputDataConfig"] = []
    built["Tags"] = [{"Key": "bad|key", "Value": "grün"}]
    with pytest.raises(TuningRequestError) as caught:
        request.validate(built)
    text = str(caught.value)
    for part in (
        "HyperParameterTuningJobName: 54 long is above the maximum of 32",
        "HyperParameterTuningJobName: 'a_name_with_underscores_that_is_too_long_for_sagemaker' does not match",
        "Nonsense is no member of CreateHyperParameterTuningJobRequest",
        "HyperParameterTuningJobConfig.Strategy: 'Guessing' is not one of Bayesian, Random, Hyperband, Grid",
        "MaxParallelTrainingJobs: 0 is below the minimum of 1",
        "RandomSeed: '1' is a str, not a integer",
        "TrainingJobDefinition.RoleArn is missing",
        "InstanceType: 'ml.huge' is not one of ml.m4.xlarge",
        "MetricDefinitions[0].Regex: 501 long is above the maximum of 500",
        "257 long is above the maximum of 256",
        "2501 long is above the maximum of 2500",
        "InputDataConfig: 0 long is below the minimum of 1",
        "Tags[0].Key: 'bad|key' does not match",
    ):
        assert part in text, part
    assert "grün" not in text
    assert len(caught.value.faults) == 13


MANY = tuple(Range(f"r{n}", "continuous", value=1, low=1, high=2, least=0, most=9) for n in range(31))


@pytest.mark.parametrize(
    ("study", "params", "fault"),
    [
        (STUDY, {"jobs": 2, "parallel_jobs": 3}, "MaxParallelTrainingJobs is above MaxNumberOfTrainingJobs"),
        (replace(STUDY, fixed=("learning_rate",)), {}, "both tuned and fixed: learning_rate"),
        (replace(STUDY, objective=replace(STUDY.objective, pattern="loss = .*")), {}, "has no group"),
        (replace(STUDY, objective=replace(STUDY.objective, pattern="loss = (")), {}, "is no regular expression"),
        (replace(STUDY, hyperparameters=MANY), {"tune": [known.name for known in MANY]}, "ContinuousParameterRanges"),
    ],
)
def test_rules_that_the_service_model_does_not_hold_are_checked_too(
    study: Any, params: dict[str, Any], fault: str
) -> None:
    bounds = {f"{known.name}_{end}": number for known in MANY for end, number in (("min", 1), ("max", 2))}
    with pytest.raises(TuningRequestError) as caught:
        request.validate(build(study=study, params=bounds | params))
    assert fault in str(caught.value)


def test_every_hyperparameter_is_tuned_or_fixed() -> None:
    built = build(params={"tune": ["batch_size", "optimizer"]})
    request.validate(built)
    ranges = built["HyperParameterTuningJobConfig"]["ParameterRanges"]
    assert ranges == {
        "IntegerParameterRanges": [{"Name": "batch_size", "MinValue": "32", "MaxValue": "256", "ScalingType": "Auto"}],
        "CategoricalParameterRanges": [{"Name": "optimizer", "Values": ["sgd", "adam"]}],
    }
    static = built["TrainingJobDefinition"]["StaticHyperParameters"]
    assert static["learning_rate"] == "0.05"
    assert not {"batch_size", "optimizer"} & set(static)


def test_the_strategy_the_seed_and_early_stopping_reach_the_request() -> None:
    config = build(params={"strategy": "Bayesian", "early_stopping": True, "seed": 7})["HyperParameterTuningJobConfig"]
    assert (config["Strategy"], config["TrainingJobEarlyStoppingType"], config["RandomSeed"]) == ("Bayesian", "Auto", 7)


def test_hyperband_counts_the_objectives_that_a_trial_prints() -> None:
    built = build(params={"strategy": "Hyperband", "training_steps": 1000, "evaluate_every": 300})
    request.validate(built)
    config = built["HyperParameterTuningJobConfig"]["StrategyConfig"]["HyperbandStrategyConfig"]
    assert config == {"MinResource": 1, "MaxResource": 4}


def test_grid_runs_every_combination() -> None:
    study = replace(STUDY, hyperparameters=(*STUDY.hyperparameters, Choice("activation", "relu", ("relu", "elu"))))
    chosen = {"strategy": "Grid", "tune": ["optimizer", "activation"], "activation_values": ["relu", "elu"]}
    config = build(study=study, params=chosen)["HyperParameterTuningJobConfig"]
    assert config["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 4


def test_spot_instances_may_be_waited_for_and_leave_checkpoints() -> None:
    built = build(params={"spot": True, "max_runtime_minutes": 10, "spot_wait_minutes": 20})
    request.validate(built)
    definition = built["TrainingJobDefinition"]
    assert definition["EnableManagedSpotTraining"]
    assert definition["StoppingCondition"] == {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 1800}
    assert definition["CheckpointConfig"] == {"S3Uri": "s3://bucket/checkpoints"}
    assert "CheckpointConfig" not in build()["TrainingJobDefinition"]


def test_a_tag_keeps_what_it_may_and_is_cut() -> None:
    assert request.tag_value("manual__2026-11-23T22:04:18+00:00") == "manual__2026-11-23T22:04:18+00:00"
    assert request.tag_value("run|é" + "x" * 300) == "run_é" + "x" * 251
