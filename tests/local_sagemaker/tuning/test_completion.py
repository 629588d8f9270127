"""When a tuning job ends before its last trial, what it says of that, and what it logs."""

import logging

import pytest

from local_sagemaker.tuning.completion import progress
from tests.local_sagemaker.simulation import Course, Simulation, request

MINIMISE = {"Type": "Minimize", "MetricName": "loss"}
MAXIMISE = {"Type": "Maximize", "MetricName": "loss"}


def outcomes(*values: float) -> list[tuple[float, float]]:
    return [(float(number), value) for number, value in enumerate(values, start=1)]


@pytest.mark.parametrize(
    ("values", "objective", "expected"),
    [
        ((), MINIMISE, 0),
        ((1.0,), MINIMISE, 0),
        ((1.0, 0.995, 1.2), MINIMISE, 2),
        ((1.0, 2.0, 0.9), MINIMISE, 0),
        ((0.90, 0.905, 0.95, 0.951), MAXIMISE, 1),
        ((0.0, 0.0, -0.1), MINIMISE, 0),
    ],
)
def test_a_trial_improves_by_more_than_one_percent(values: tuple, objective: dict, expected: int) -> None:
    assert progress(outcomes(*values), objective, 1).not_improving == expected


def test_a_search_has_converged_when_its_last_trials_gained_nothing() -> None:
    falling = [1.0 - number / 10 for number in range(8)]
    assert progress(outcomes(*falling), MINIMISE, 1).converged is None
    still = [*falling, *[0.5] * 10]
    assert progress(outcomes(*still), MINIMISE, 1).converged == 18.0
    assert progress(outcomes(*still), MINIMISE, 6).converged is None


def run(values: list[float], objective: dict = MINIMISE, parallel: int = 2, **config) -> tuple[Simulation, str]:
    def behaviour(trial) -> Course:
        return Course([values[trial.trial - 1]], epoch_seconds=10 + trial.trial / 100)

    simulation = Simulation(behaviour)
    job = request(jobs=len(values), parallel=parallel, HyperParameterTuningJobObjective=objective, **config)
    name = simulation.create(job)
    simulation.run()
    return simulation, name


@pytest.mark.parametrize("objective", [MINIMISE, MAXIMISE])
def test_reaching_the_target_stops_what_runs_and_completes_the_job(objective: dict, caplog) -> None:
    caplog.set_level(logging.INFO)
    factor = 1 if objective is MINIMISE else -1
    values = [factor * value for value in (0.9, 0.8, 0.1, 0.7, 0.7, 0.7)]
    criteria = {"TargetObjectiveMetricValue": factor * 0.1}
    simulation, name = run(values, objective, TuningJobCompletionCriteria=criteria)
    statuses = [trial.status for trial in simulation.trials(name)]
    assert statuses == ["Completed", "Completed", "Completed", "Stopped"]
    assert simulation.job(name).status == "Completed"
    assert f"The best objective, {factor * 0.1:g}, has reached TargetObjectiveMetricValue" in caplog.text


def test_a_job_that_no_longer_improves_completes(caplog) -> None:
    caplog.set_level(logging.INFO)
    criteria = {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}
    values = [1.0, 0.5, 0.6, 0.499, 0.7, 0.1, 0.1]
    simulation, name = run(values, parallel=1, TuningJobCompletionCriteria=criteria)
    assert len(simulation.trials(name)) == 5
    details = simulation.describe(name)["TuningJobCompletionDetails"]
    assert details["NumberOfTrainingJobsObjectiveNotImproving"] == 3
    assert "3 training jobs in a row have not improved the best objective by more than 1%" in caplog.text


@pytest.mark.parametrize(("wanted", "expected"), [("Enabled", 12), ("Disabled", 20)])
def test_convergence_completes_the_job_where_that_is_wanted(wanted: str, expected: int) -> None:
    criteria = {"ConvergenceDetected": {"CompleteOnConvergence": wanted}}
    simulation, name = run([1.0, 0.5, *[0.9] * 18], parallel=1, TuningJobCompletionCriteria=criteria)
    assert len(simulation.trials(name)) == expected
    assert simulation.describe(name)["TuningJobCompletionDetails"]["ConvergenceDetectedTime"] is not None


def test_the_time_limit_stops_what_runs_and_completes_the_job(caplog) -> None:
    caplog.set_level(logging.INFO)
    simulation = Simulation(lambda trial: Course([1.0] * 100, epoch_seconds=5))
    name = simulation.create(request(jobs=None, limits={"MaxRuntimeInSeconds": 120}))
    simulation.run()
    job = simulation.job(name)
    assert job.status == "Completed"
    assert [trial.status for trial in simulation.trials(name)] == ["Stopped", "Stopped"]
    assert "and MaxRuntimeInSeconds is 120" in caplog.text
    assert simulation.describe(name)["ConsumedResources"]["RuntimeInSeconds"] >= 120


def test_a_job_without_a_number_ends_with_its_space() -> None:
    simulation = Simulation(lambda trial: Course([1.0]))
    three = {"IntegerParameterRanges": [{"Name": "x", "MinValue": "1", "MaxValue": "3"}]}
    limits = {"MaxRuntimeInSeconds": 10_000}
    name = simulation.create(request(jobs=None, parallel=2, limits=limits, ParameterRanges=three))
    simulation.run()
    assert sorted(trial.tuned["x"] for trial in simulation.trials(name)) == ["1", "2", "3"]


def test_a_verdict_stands_although_a_stopped_trial_would_have_changed_it() -> None:
    criteria = {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}

    def behaviour(trial) -> Course:
        return Course([0.01] * 50) if trial.trial == 1 else Course([1.0])

    simulation = Simulation(behaviour)
    name = simulation.create(request(jobs=20, parallel=2, TuningJobCompletionCriteria=criteria))
    simulation.run()
    trials = simulation.trials(name)
    assert trials[0].status == "Stopped"
    assert simulation.job(name).status == "Completed"
    assert simulation.describe(name)["BestTrainingJob"]["TrainingJobName"] == trials[0].name
    assert len(trials) < 20
