"""Which trials are stopped before their end: the median rule and Hyperband's rungs, and the trials that they stop."""

import logging

import pytest

from local_sagemaker.tuning import early_stopping
from local_sagemaker.tuning.curves import Curve
from local_sagemaker.tuning.search import hyperband
from tests.local_sagemaker.simulation import Course, Simulation, request

FIVE = [Curve(number, (1.0, 0.8, 0.6)) for number in range(1, 6)]


def curve(trial: int, *losses: float, begun: float = 0.0) -> Curve:
    return Curve(trial, losses, tuple(begun + number for number in range(len(losses))))


def test_a_trial_worse_than_the_median_of_the_running_averages_stops() -> None:
    # The running averages after two epochs are 0.9; the values then are 0.8.
    assert early_stopping.decide(curve(6, 1.0, 0.89), FIVE) is None
    stop = early_stopping.decide(curve(6, 1.0, 0.91), FIVE)
    assert stop is not None
    assert "0.91 after epoch 2 is worse than 0.9" in stop.reason


def test_the_current_value_counts_not_the_best() -> None:
    assert early_stopping.decide(curve(6, 0.1, 0.95), FIVE) is not None


@pytest.mark.parametrize(
    ("own", "others"),
    [
        (curve(6, 9.0), FIVE),
        (curve(6, 1.0, 9.0), FIVE[:4]),
        (curve(3, 1.0, 9.0), FIVE),
        (curve(6, 1.0, 1.0, 1.0, 9.0), FIVE),
    ],
    ids=["first epoch", "four others", "later ones do not count", "nobody came so far"],
)
def test_the_rule_has_grace(own: Curve, others: list[Curve]) -> None:
    assert early_stopping.decide(own, others) is None


def test_grace_can_be_set() -> None:
    assert early_stopping.decide(curve(6, 9.0), FIVE, grace_epochs=0) is not None
    assert early_stopping.decide(curve(6, 1.0, 9.0), FIVE[:2], grace_trials=2) is not None


def test_rungs_and_brackets_are_hyperbands() -> None:
    assert hyperband.rungs(1, 27) == [1, 3, 9]
    assert hyperband.rungs(1, 27, bracket=1) == [3, 9]
    assert hyperband.rungs(5, 5) == []
    drawn = [hyperband.bracket_of(1, trial, 1, 27) for trial in range(1, 1001)]
    assert drawn == [hyperband.bracket_of(1, trial, 1, 27) for trial in range(1, 1001)]
    counts = [drawn.count(bracket) for bracket in range(3)]
    assert counts[0] > counts[1] > counts[2] > 0


def test_at_a_rung_the_best_third_goes_on() -> None:
    others = [curve(number, number / 10) for number in range(1, 6)]
    assert hyperband.decide(curve(6, 0.15, begun=9), others, 1, 9, 0) is None
    stop = hyperband.decide(curve(6, 0.35, begun=9), others, 1, 9, 0)
    assert stop is not None
    assert "at epoch 1 of bracket 0 is number 4 of 6 trials there, of which the best 2 go on" in stop.reason


def test_a_rung_forgives_the_first_and_counts_only_who_came_before() -> None:
    assert hyperband.decide(curve(2, 9.0, begun=5), [curve(1, 0.1)], 1, 9, 0) is None
    later = [curve(number, 0.1, begun=50) for number in range(3, 9)]
    assert hyperband.decide(curve(2, 9.0, begun=5), later, 1, 9, 0) is None


def test_a_trial_that_has_used_its_max_resource_may_save_its_model() -> None:
    better = [curve(number, *[0.0] * 9) for number in range(2, 9)]
    assert hyperband.decide(curve(1, *[0.1] * 9, begun=99), better, 1, 9, 0) is None


def test_a_trial_that_goes_on_beyond_max_resource_is_ended() -> None:
    stop = hyperband.decide(curve(1, *[0.1] * 10), [], 1, 9, 0)
    assert stop is not None
    assert stop.reason == "it goes on beyond MaxResource, 9, with epoch 10"


@pytest.mark.parametrize(
    ("config", "static", "expected"),
    [
        ({"StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 2, "MaxResource": 8}}}, {}, (2, 8)),
        ({}, {"epochs": "12"}, (1, 12)),
        ({}, {"n-epochs": '"12"'}, (1, 12)),
        ({"StrategyConfig": {"HyperbandStrategyConfig": {"MaxResource": 8}}}, {"epochs": "12"}, (1, 8)),
        ({}, {"steps": "12"}, None),
    ],
)
def test_max_resource_is_given_or_inferred(config: dict, static: dict, expected: tuple | None) -> None:
    assert hyperband.resources(config, static) == expected


@pytest.mark.parametrize("kind", ["Minimize", "Maximize"])
def test_early_stopping_stops_the_bad_trials_and_keeps_their_metric(kind: str, caplog) -> None:
    factor = 1 if kind == "Minimize" else -1
    bad = {7, 9}

    def behaviour(trial) -> Course:
        level = 5.0 if trial.trial in bad else 1.0
        return Course([factor * (level + 1 / epoch) for epoch in range(1, 11)])

    caplog.set_level(logging.INFO)
    simulation = Simulation(behaviour)
    objective = {"Type": kind, "MetricName": "loss"}
    config = {"TrainingJobEarlyStoppingType": "Auto", "HyperParameterTuningJobObjective": objective}
    name = simulation.create(request(jobs=10, parallel=1, **config))
    simulation.run()
    trials = simulation.trials(name)
    assert {trial.trial for trial in trials if trial.status == "Stopped"} == bad
    for trial in trials:
        if trial.trial in bad:
            assert trial.objective_status == "Succeeded"
            assert trial.objective == pytest.approx(factor * 5.5)
            assert trial.name in caplog.text
    assert f"its value {factor * 5.5:g} after epoch 2 is worse than {factor * 1.75:g}, the median" in caplog.text
    counters = simulation.describe(name)["TrainingJobStatusCounters"]
    assert counters["Completed"] == 8
    assert counters["Stopped"] == 2


def test_hyperband_spends_less_than_random_and_finds_as_much() -> None:
    def behaviour(trial) -> Course:
        quality = float(trial.tuned["x"])
        return Course([quality + 1 / epoch for epoch in range(1, 28)])

    spent, best = {}, {}
    resources = {"StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 27}}}
    for strategy, config in (("Random", {}), ("Hyperband", resources)):
        simulation = Simulation(behaviour)
        name = simulation.create(request(jobs=30, parallel=3, Strategy=strategy, **config))
        simulation.run()
        trials = simulation.trials(name)
        spent[strategy] = sum(len(simulation.store.metrics(trial.name, "loss")) for trial in trials)
        best[strategy] = simulation.store.best_trial(name, False).objective
        assert len(trials) == 30
    assert spent["Hyperband"] < 0.6 * spent["Random"]
    assert best["Hyperband"] == best["Random"]
