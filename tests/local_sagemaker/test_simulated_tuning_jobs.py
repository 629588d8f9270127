"""Whole tuning jobs under a fake clock and runner: what holds for every request, whatever the trials do."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_sagemaker.records import TrainingJob
from local_sagemaker.store import Store
from local_sagemaker.training import states
from tests.local_sagemaker.simulation import Course, Simulation, categories, definition, ranges, request

EXAMPLES = settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def any_course(seed: int):
    """Trials of 1 to 6 epochs with any values; some fail, some print nothing."""

    def behaviour(trial: TrainingJob) -> Course:
        draws = random.Random(f"{seed}/{trial.tuning_job}/{trial.trial}")
        values = [draws.uniform(-1, 1) for _ in range(draws.randint(0, 6))]
        return Course(values, epoch_seconds=draws.uniform(1, 60), fails=draws.random() < 0.2)

    return behaviour


def invariants(simulation: Simulation) -> None:
    """What must be true after every look of the controller."""
    for job in simulation.store.tuning_jobs():
        trials = simulation.trials(job.name)
        described = simulation.describe(job.name)
        assert sum(trial.active for trial in trials) <= job.limits["MaxParallelTrainingJobs"]
        assert len(trials) <= job.limits.get("MaxNumberOfTrainingJobs", 750)
        assert sum(described["TrainingJobStatusCounters"].values()) == len(trials)
        assert sum(described["ObjectiveStatusCounters"].values()) == len(trials)
        assert [trial.trial for trial in trials] == list(range(1, len(trials) + 1))
        if not job.active:
            assert not any(trial.active for trial in trials)
            assert described["HyperParameterTuningEndTime"] is not None


@st.composite
def tuning_requests(draw: st.DrawFn) -> dict[str, Any]:
    jobs = draw(st.integers(1, 15))
    strategy = draw(st.sampled_from(["Random", "Grid", "Hyperband"]))
    config: dict[str, Any] = {"Strategy": strategy, "RandomSeed": draw(st.integers(0, 1000))}
    limits: dict[str, Any] = {}
    if strategy == "Grid":
        config["ParameterRanges"] = categories(a=["1", "2", "3"][: draw(st.integers(1, 3))], b=["x", "y"])
        jobs = len(config["ParameterRanges"]["CategoricalParameterRanges"][0]["Values"]) * 2
    if strategy == "Hyperband":
        config["StrategyConfig"] = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 4}}
    elif draw(st.booleans()):
        config["TrainingJobEarlyStoppingType"] = "Auto"
    if draw(st.booleans()):
        limits["MaxRuntimeInSeconds"] = draw(st.integers(120, 400))
    criteria: dict[str, Any] = {}
    if draw(st.booleans()):
        criteria["TargetObjectiveMetricValue"] = draw(st.floats(-1, 0, width=32))
    if draw(st.booleans()):
        criteria["BestObjectiveNotImproving"] = {"MaxNumberOfTrainingJobsNotImproving": draw(st.integers(3, 6))}
    if draw(st.booleans()):
        criteria["ConvergenceDetected"] = {"CompleteOnConvergence": "Enabled"}
    if criteria:
        config["TuningJobCompletionCriteria"] = criteria
    metric = {"Type": draw(st.sampled_from(["Minimize", "Maximize"])), "MetricName": "loss"}
    config["HyperParameterTuningJobObjective"] = metric
    return request(jobs=jobs, parallel=draw(st.integers(1, jobs)), limits=limits, **config)


@EXAMPLES
@given(tuning_requests(), st.integers(0, 10**6))
def test_every_job_ends_within_its_limits_and_its_counters_add_up(given_request: dict, seed: int) -> None:
    simulation = Simulation(any_course(seed), checks=[invariants])
    name = simulation.create(given_request)
    simulation.run()
    job = simulation.job(name)
    assert job.status in ("Completed", "Failed")
    early = {"TuningJobCompletionCriteria"} & set(job.config) or {"MaxRuntimeInSeconds"} & set(job.limits)
    if job.status == "Completed" and not early:
        assert len(simulation.trials(name)) == job.limits["MaxNumberOfTrainingJobs"]


@EXAMPLES
@given(tuning_requests(), st.integers(0, 10**6), st.integers(0, 12))
def test_a_job_that_is_asked_to_stop_does(given_request: dict, seed: int, steps: int) -> None:
    simulation = Simulation(any_course(seed), checks=[invariants])
    name = simulation.create(given_request)
    for _ in range(steps):
        simulation.look()
        simulation.step()
    if simulation.job(name).active:
        simulation.store.update_tuning_job(name, simulation.time, status="Stopping")
    created = len(simulation.trials(name))
    simulation.run()
    assert simulation.job(name).status in ("Stopped", "Completed", "Failed")
    if simulation.job(name).status == "Stopped":
        assert len(simulation.trials(name)) == created


class KilledError(BaseException):
    """The service was killed."""


class MortalStore(Store):
    """Dies before or after one of its writes, while the controller looks."""

    writes_left = 10**9
    after = False
    looking = False

    def _mortal(self, write, *given):
        if not self.looking:
            return write(*given)
        self.writes_left -= 1
        if self.writes_left == 0 and not self.after:
            raise KilledError
        answer = write(*given)
        if self.writes_left == 0:
            raise KilledError
        return answer

    def _insert(self, *given):
        return self._mortal(super()._insert, *given)

    def _update(self, *given):
        return self._mortal(super()._update, *given)


def answers(simulation: Simulation, name: str) -> tuple[str, list[tuple]]:
    trials = simulation.trials(name)
    return simulation.job(name).status, [(t.trial, t.tuned, t.status, t.objective) for t in trials]


@EXAMPLES
@given(tuning_requests(), st.integers(0, 10**6), st.lists(st.integers(1, 20), max_size=6), st.booleans())
def test_a_killed_controller_comes_to_the_same_end(given_request: dict, seed: int, kills: list, after: bool) -> None:
    undisturbed = Simulation(any_course(seed))
    name = undisturbed.create(given_request)
    undisturbed.run()
    store = MortalStore(Path(":memory:"))
    store.after = after
    simulation = Simulation(any_course(seed), store, checks=[invariants])
    simulation.create(given_request)
    remaining = list(kills)
    store.writes_left = remaining.pop() if remaining else 10**9
    while simulation.job(name).active:
        store.looking = True
        try:
            simulation.look()
        except KilledError:
            store.writes_left = remaining.pop() if remaining else 10**9
            continue
        finally:
            store.looking = False
        simulation.step()
    assert answers(simulation, name) == answers(undisturbed, name)


def test_a_fault_in_one_jobs_decision_ends_that_job_alone(caplog) -> None:
    simulation = Simulation(lambda trial: Course([1.0]))
    names = [simulation.create(request(f"job-{number}", jobs=4)) for number in range(3)]
    simulation.look()
    broken = dict(simulation.job(names[0]).request)
    broken["HyperParameterTuningJobConfig"] = broken["HyperParameterTuningJobConfig"] | {"Strategy": "Divination"}
    broken["TrainingJobDefinition"] = None
    simulation.store.update_tuning_job(names[0], simulation.time, request=broken)
    simulation.run()
    failed, *others = (simulation.job(name) for name in names)
    assert failed.status == "Failed"
    assert failed.failure_reason.startswith("InternalServerError: ")
    assert {trial.status for trial in simulation.trials(names[0])} <= {"Completed", "Stopped"}
    assert [job.status for job in others] == ["Completed", "Completed"]
    assert "Traceback" in caplog.text


def test_what_the_service_failed_counts_as_retryable() -> None:
    simulation = Simulation(lambda trial: Course([1.0]))
    name = simulation.create(request(jobs=2))
    simulation.look()
    for trial, reason in zip(
        simulation.trials(name), ("InternalServerError: lost", "AlgorithmError: bad"), strict=True
    ):
        states.end(simulation.service, trial.name, "Failed", reason=reason)
    counters = simulation.describe(name)["TrainingJobStatusCounters"]
    assert (counters["RetryableError"], counters["NonRetryableError"]) == (1, 1)


def test_many_jobs_at_once_end_with_all_their_trials() -> None:
    simulation = Simulation(lambda trial: Course([float(trial.tuned["x"])], epoch_seconds=5 + trial.trial))
    names = [simulation.create(request(f"job-{number}", jobs=3, parallel=2)) for number in range(40)]
    simulation.run()
    assert all(len(simulation.trials(name)) == 3 for name in names)
    assert {simulation.job(name).status for name in names} == {"Completed"}


def test_a_finished_trial_is_replaced_at_once() -> None:
    simulation = Simulation(lambda trial: Course([1.0], epoch_seconds=100 if trial.trial == 1 else 10))
    name = simulation.create(request(jobs=6, parallel=2))
    simulation.run()
    begun = {trial.trial: trial.created for trial in simulation.trials(name)}
    assert [begun[number] - begun[1] for number in range(1, 7)] == [0, 0, 10, 20, 30, 40]


def test_definitions_take_turns_with_objectives_and_ranges_of_their_own() -> None:
    simulation = Simulation(lambda trial: Course([float(trial.tuned.get("x", trial.tuned.get("y")))]))
    job = request(jobs=6)
    for member in ("HyperParameterTuningJobObjective", "ParameterRanges"):
        del job["HyperParameterTuningJobConfig"][member]
    del job["TrainingJobDefinition"]
    objective = {"Type": "Minimize", "MetricName": "loss"}
    job["TrainingJobDefinitions"] = [
        definition(DefinitionName="a", TuningObjective=objective, HyperParameterRanges=ranges(x=(0, 1))),
        definition(DefinitionName="b", TuningObjective=objective, HyperParameterRanges=ranges(y=(2, 3))),
    ]
    name = simulation.create(job)
    simulation.run()
    assert [list(trial.tuned) for trial in simulation.trials(name)] == [["x"], ["y"]] * 3
    described = simulation.describe(name)
    assert described["BestTrainingJob"]["TrainingJobDefinitionName"] == "a"
    assert [item["DefinitionName"] for item in described["TrainingJobDefinitions"]] == ["a", "b"]


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_the_same_seed_gives_the_same_trials(strategy: str) -> None:
    draws = []
    for _ in range(2):
        simulation = Simulation(lambda trial: Course([(float(trial.tuned["x"]) - 0.3) ** 2]))
        name = simulation.create(request(jobs=9, parallel=3, Strategy=strategy))
        simulation.run()
        draws.append([trial.tuned for trial in simulation.trials(name)])
    assert draws[0] == draws[1]
    assert len({str(tuned) for tuned in draws[0]}) == 9
