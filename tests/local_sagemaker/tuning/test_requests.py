"""What a tuning request may ask, and the words in which the rest is refused."""

import copy

import pytest

from local_sagemaker.errors import InUseError, NotFoundError, ServiceError, ValidationError
from local_sagemaker.operations import tuning_jobs
from tests.local_sagemaker.simulation import Course, Simulation, categories, definition, ranges, request

OBJECTIVE = {"Type": "Minimize", "MetricName": "loss"}
LONG = [str(number) for number in range(28)]
GRID = categories(a=["1", "2", "3"], b=["x", "y"])


def listed(*items: dict, **config) -> dict:
    job = request(**config)
    for member in ("HyperParameterTuningJobObjective", "ParameterRanges"):
        del job["HyperParameterTuningJobConfig"][member]
    del job["TrainingJobDefinition"]
    return job | {"TrainingJobDefinitions": list(items)}


def item(name: str, **changes) -> dict:
    return definition(DefinitionName=name, TuningObjective=OBJECTIVE, HyperParameterRanges=ranges(x=(0, 1))) | changes


def hyperband(minimum: int, maximum: int, **config) -> dict:
    resources = {"HyperbandStrategyConfig": {"MinResource": minimum, "MaxResource": maximum}}
    return request(Strategy="Hyperband", StrategyConfig=resources, **config)


def without(job: dict, *members: str) -> dict:
    return {key: value for key, value in job.items() if key not in members}


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (
            request(Strategy="Hyperband"),
            "MaxResource parameter is not provided and could not be inferred from provided static hyperparameters of "
            "TrainingJobDefinition.",
        ),
        (hyperband(3, 2), "MinResource, [3], must be less than or equal to MaxResource, [2]."),
        (hyperband(1, 20_001), "MaxResource, [20001], must be at most 20000."),
        (
            hyperband(1, 9, TrainingJobEarlyStoppingType="Auto"),
            "TrainingJobEarlyStoppingType must be Off to use the Hyperband strategy.",
        ),
        (request(StrategyConfig={"HyperbandStrategyConfig": {}}), "is for the strategy Hyperband"),
        (request(Strategy="Grid"), "The Grid strategy takes categorical ranges only; x of the request is not."),
        (
            request(jobs=5, Strategy="Grid", ParameterRanges=GRID),
            "The value of MaxNumberOfTrainingJobs, [5], must be equal to the number of combinations of the Grid "
            "strategy, [6].",
        ),
        (
            request(jobs=10, ParameterRanges=categories(a=["1", "2", "3"])),
            "You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter "
            "combinations for the provided ranges [3.0] must be equal or greater than the value of MaxNumberOfJobs, "
            "[10]. Provide additional ranges.",
        ),
        (request(jobs=None), "so that the tuning job ends"),
        (request(jobs=1, parallel=2), "must be less than or equal to the value of MaxNumberOfTrainingJobs, [1]."),
        (without(request(), "TrainingJobDefinition"), "either TrainingJobDefinition or TrainingJobDefinitions"),
        (request() | {"TrainingJobDefinitions": [item("a")]}, "either TrainingJobDefinition or TrainingJobDefinitions"),
        (listed(without(item("a"), "DefinitionName")), "DefinitionName is required"),
        (listed(item("a"), item("a")), "a DefinitionName of its own"),
        (
            listed(item("a")) | {"HyperParameterTuningJobConfig": request()["HyperParameterTuningJobConfig"]},
            "each definition has its own HyperParameterTuningJobObjective",
        ),
        (
            listed(item("a"), item("b", TuningObjective={"Type": "Minimize", "MetricName": "other"})),
            "A metric is required for this hyperparameter tuning job objective.",
        ),
        (
            request() | {"TrainingJobDefinition": item("a")},
            "TuningObjective belongs to TrainingJobDefinitions",
        ),
        (
            request() | {"TrainingJobDefinition": without(definition(), "ResourceConfig")},
            "Provide either ResourceConfig or HyperParameterTuningResourceConfig",
        ),
        (request(ParameterRanges=ranges(x=(-1e308, 1e308))), "The range of the hyperparameter x, [-1e+308, 1e+308]"),
        (
            request(
                ParameterRanges={
                    "IntegerParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1" + "0" * 400}],
                }
            ),
            "is not an integer",
        ),
        (
            request()
            | {
                "TrainingJobDefinition": definition(
                    ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 0, "VolumeSizeInGB": 1}
                )
            },
            "Value '0' at 'resourceConfig.instanceCount' failed to satisfy constraint",
        ),
        (
            request() | {"TrainingJobDefinition": definition(ResourceConfig={"InstanceCount": 1, "VolumeSizeInGB": 1})},
            "ResourceConfig needs an InstanceType.",
        ),
        (request(ParameterRanges={}), "At least one hyperparameter range is required."),
    ],
)
def test_a_request_that_breaks_a_rule_is_refused(job: dict, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Simulation(lambda trial: Course()).create(job)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("job", "named"),
    [
        (request() | {"Autotune": {"Mode": "Enabled"}}, "CreateHyperParameterTuningJob.Autotune"),
        (
            request(ParameterRanges={"AutoParameters": [{"Name": "x", "ValueHint": "1"}]}),
            "ParameterRanges.AutoParameters",
        ),
        (
            listed(item("a"), item("b", TuningObjective={"Type": "Maximize", "MetricName": "loss"})),
            "TuningObjectives differ in Type",
        ),
        (listed(item("a")) | {"WarmStartConfig": {}}, "WarmStartConfig together with TrainingJobDefinitions"),
    ],
)
def test_what_is_not_done_here_is_named(job: dict, named: str) -> None:
    with pytest.raises(ServiceError) as refused:
        Simulation(lambda trial: Course()).create(job)
    assert refused.value.code == "UnsupportedOperationException"
    assert named in refused.value.message


@pytest.mark.parametrize(
    ("job", "limit", "wanted"),
    [
        (request(jobs=1000, parallel=101), 100, 101),
        (request(jobs=751, Strategy="Bayesian"), 750, 751),
        (request(jobs=10_001), 10_000, 10_001),
        (request(jobs=None, Strategy="Grid", ParameterRanges=categories(a=LONG, b=LONG)), 750, 784),
    ],
)
def test_what_exceeds_a_quota_is_refused(job: dict, limit: int, wanted: int) -> None:
    with pytest.raises(ServiceError) as refused:
        Simulation(lambda trial: Course()).create(job)
    assert refused.value.code == "ResourceLimitExceeded"
    assert f"is {limit}, with current utilization of 0 and a request delta of {wanted}." in refused.value.message


def test_what_the_quotas_allow_is_taken() -> None:
    simulation = Simulation(lambda trial: Course())
    assert simulation.create(request(jobs=10_000, parallel=100))
    assert simulation.create(request("bayesian", jobs=750, parallel=100, Strategy="Bayesian"))


@pytest.mark.parametrize("jobs", [None, 6])
def test_a_grid_runs_every_combination_once(jobs: int | None) -> None:
    simulation = Simulation(lambda trial: Course([float(trial.tuned["a"])]))
    name = simulation.create(request(jobs=jobs, parallel=4, Strategy="Grid", ParameterRanges=GRID))
    simulation.run()
    tried = {tuple(trial.tuned.values()) for trial in simulation.trials(name)}
    assert tried == {(a, b) for a in "123" for b in "xy"}


def test_a_grid_of_several_definitions_goes_through_all_of_them() -> None:
    simulation = Simulation(lambda trial: Course([1.0]))
    grids = [item("a", HyperParameterRanges=GRID), item("b", HyperParameterRanges=categories(c=["1", "2"]))]
    name = simulation.create(listed(*grids, jobs=None, Strategy="Grid"))
    simulation.run()
    assert len(simulation.trials(name)) == 8
    assert [trial.tuned for trial in simulation.trials(name)[6:]] == [{"c": "1"}, {"c": "2"}]


def test_flexible_resources_become_the_trials_resource_config() -> None:
    simulation = Simulation(lambda trial: Course([1.0]))
    choices = [
        {"InstanceType": f"ml.m5.{size}", "InstanceCount": 1, "VolumeSizeInGB": 1} for size in ("large", "xlarge")
    ]
    flexible = {"HyperParameterTuningResourceConfig": {"InstanceConfigs": choices}}
    job = request() | {"TrainingJobDefinition": without(definition(**flexible), "ResourceConfig")}
    name = simulation.create(job)
    simulation.run()
    assert simulation.trials(name)[0].request["ResourceConfig"] == choices[0]


def test_a_deleted_job_is_gone_and_its_trials_stay() -> None:
    simulation = Simulation(lambda trial: Course([1.0]))
    name = simulation.create(request(jobs=2) | {"Tags": [{"Key": "a", "Value": "b"}]})
    named = {"HyperParameterTuningJobName": name}
    with pytest.raises(ValidationError, match="is in status InProgress"):
        tuning_jobs.delete(simulation.service, named)
    simulation.run()
    trials = simulation.trials(name)
    tuning_jobs.delete(simulation.service, named)
    with pytest.raises(NotFoundError, match=f"can't find a tuning job called {name}"):
        simulation.describe(name)
    assert all(simulation.store.training_job(trial.name) is not None for trial in trials)
    simulation.create(request(jobs=2))
    simulation.look()
    assert not {trial.name for trial in simulation.trials(name)} & {trial.name for trial in trials}


def test_a_name_is_taken_once() -> None:
    simulation = Simulation(lambda trial: Course([1.0]))
    job = request()
    simulation.create(copy.deepcopy(job))
    with pytest.raises(InUseError):
        simulation.create(job)
