"""Warm start: what is refused, and what a job learns from its parents."""

import pytest

from local_sagemaker.errors import ValidationError
from tests.local_sagemaker.simulation import Course, Simulation, categories, definition, ranges, request

IDENTICAL, TRANSFER = "IdenticalDataAndAlgorithm", "TransferLearning"


def behaviour(trial) -> Course:
    return Course([(float(trial.tuned.get("x", 0.5)) - 0.3) ** 2 + trial.trial / 1e6])


def with_parent(**parent_config) -> Simulation:
    simulation = Simulation(behaviour)
    simulation.create(request("parent", jobs=12, parallel=3, **parent_config))
    simulation.run()
    return simulation


def child(kind: str = IDENTICAL, parents: tuple[str, ...] = ("parent",), **config) -> dict:
    names = [{"HyperParameterTuningJobName": name} for name in parents]
    warm = {"ParentHyperParameterTuningJobs": names, "WarmStartType": kind}
    return request("child", jobs=4, parallel=1, **config) | {"WarmStartConfig": warm}


@pytest.mark.parametrize(("kind", "near"), [(IDENTICAL, 0.05), (TRANSFER, 0.1)])
def test_bayesian_search_goes_on_where_the_parent_was_best(kind: str, near: float) -> None:
    simulation = with_parent()
    simulation.create(child(kind, Strategy="Bayesian"))
    simulation.run()
    best = min(simulation.trials("child"), key=lambda trial: trial.objective)
    assert float(best.tuned["x"]) == pytest.approx(0.3, abs=near)
    assert simulation.describe("child")["WarmStartConfig"]["WarmStartType"] == kind


def test_random_search_repeats_nothing_of_its_parents() -> None:
    six = categories(x=["1", "2", "3", "4", "5", "6"])
    simulation = Simulation(behaviour)
    simulation.create(request("parent", jobs=2, ParameterRanges=six))
    simulation.run()
    simulation.create(child(ParameterRanges=six))
    simulation.run()
    tried = [trial.tuned["x"] for name in ("parent", "child") for trial in simulation.trials(name)]
    assert sorted(tried) == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("kind", [IDENTICAL, TRANSFER])
def test_the_overall_best_counts_the_parents_where_they_measured_the_same(kind: str) -> None:
    simulation = with_parent()
    simulation.create(child(kind, ParameterRanges=ranges(x=(0.9, 1.0))))
    simulation.run()
    described = simulation.describe("child")
    if kind == TRANSFER:
        assert described["OverallBestTrainingJob"] is None
    else:
        overall = described["OverallBestTrainingJob"]
        assert overall["TuningJobName"] == "parent"
        assert overall["TrainingJobName"] == simulation.describe("parent")["BestTrainingJob"]["TrainingJobName"]
        assert described["BestTrainingJob"]["TrainingJobName"].startswith("child-")


def test_what_was_static_may_be_tuned() -> None:
    job = request("parent", jobs=12, parallel=3)
    job["TrainingJobDefinition"] = definition(StaticHyperParameters={"y": '"0.5"'})
    simulation = Simulation(behaviour)
    simulation.create(job)
    simulation.run()
    simulation.create(child(Strategy="Bayesian", ParameterRanges=ranges(x=(0, 1), y=(0, 1))))
    simulation.run()
    best = min(simulation.trials("child"), key=lambda trial: trial.objective)
    assert float(best.tuned["x"]) == pytest.approx(0.3, abs=0.1), "the parent's trials count at y = 0.5"


def test_a_job_goes_on_when_its_parent_is_deleted() -> None:
    simulation = with_parent()
    simulation.create(child(Strategy="Bayesian"))
    simulation.look()
    simulation.store.delete_tuning_job("parent")
    simulation.run()
    assert simulation.job("child").status == "Completed"


def changed(**changes) -> dict:
    return child() | {"TrainingJobDefinition": definition(**changes)}


MANY = {f"p{number}": (0, 1) for number in range(11)}


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (child(Strategy="Grid", ParameterRanges=categories(x=["1", "2", "3", "4"])), "strategy Bayesian or Random"),
        (child(parents=("parent", "Parent")), "each of them once"),
        (child(parents=("nobody",)), "Amazon SageMaker can't find a tuning job called nobody. Type another name."),
        (
            child(HyperParameterTuningJobObjective={"Type": "Maximize", "MetricName": "loss"}),
            "The objective metric must be the same",
        ),
        (
            child(ParameterRanges=ranges(y=(0, 1))),
            "The set of tunable plus static HyperParameter names is not the same across current and parent tuning "
            "jobs. Please ensure this set is constant when warm starting.",
        ),
        (child(ParameterRanges=categories(x=["1", "2", "3", "4"])), "x had another type in the parent"),
        (
            changed(Environment={"A": "1"}),
            "Only the following fields in TrainingJobDefinition are allowed to change: [algorithmSpecification, ",
        ),
    ],
)
def test_a_warm_start_that_breaks_a_rule_is_refused(job: dict, message: str) -> None:
    simulation = with_parent()
    with pytest.raises(ValidationError) as refused:
        simulation.create(job)
    assert message in str(refused.value)


CHANNEL = {
    "ChannelName": "train",
    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/other"}},
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"InputDataConfig": [CHANNEL]}, "the data of the channel train is s3://bucket/other, there None"),
        (
            {"AlgorithmSpecification": definition()["AlgorithmSpecification"] | {"TrainingImage": "newer"}},
            "the training image is newer, there image",
        ),
    ],
)
def test_other_data_or_another_image_is_transfer_learning(changes: dict, message: str) -> None:
    simulation = with_parent()
    with pytest.raises(ValidationError) as refused:
        simulation.create(changed(**changes))
    assert message in str(refused.value)
    warm = child(TRANSFER)["WarmStartConfig"]
    assert simulation.create(changed(**changes) | {"WarmStartConfig": warm})


def test_at_most_ten_hyperparameters_change_between_tunable_and_static() -> None:
    simulation = with_parent(ParameterRanges=ranges(x=(0, 1), **MANY))
    job = child() | {"TrainingJobDefinition": definition(StaticHyperParameters=dict.fromkeys(MANY, "0"))}
    with pytest.raises(ValidationError, match="At most 10 hyperparameters can change"):
        simulation.create(job)


def test_a_parent_must_have_ended() -> None:
    simulation = Simulation(behaviour)
    simulation.create(request("parent", jobs=12))
    with pytest.raises(ValidationError, match="a parent must be in a terminal status"):
        simulation.create(child())


def test_data_image_and_resources_may_change() -> None:
    simulation = with_parent()
    resources = {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 9}
    simulation.create(changed(ResourceConfig=resources, StoppingCondition={"MaxRuntimeInSeconds": 9}))
    simulation.run()
    assert simulation.job("child").status == "Completed"
