"""The search strategies: within their ranges, reproducible, without repeats, and better than chance."""

import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_sagemaker.tuning.history import Evaluation
from local_sagemaker.tuning.search import bayesian, grid, random_search, suggest
from local_sagemaker.tuning.search.encoding import snap, to_configuration, to_point
from local_sagemaker.tuning.search.gaussian_process import normalise
from local_sagemaker.tuning.space import Categorical, Continuous, Integer, Space
from tests.conftest import ROOT

RATE = Continuous("rate", 1e-5, 1.0, "Logarithmic")
MIXED: Space = (
    RATE,
    Continuous("momentum", 0.0, 0.99, "ReverseLogarithmic"),
    Integer("layers", 1, 6),
    Integer("units", 8, 1024, "Logarithmic"),
    Categorical("optimiser", ("sgd", "adam", "rmsprop")),
)


def loss(tuned: dict[str, str]) -> float:
    away = abs(np.log10(float(tuned["rate"])) + 2) + abs(int(tuned["layers"]) - 3) / 3
    return float(away + (tuned["optimiser"] != "adam"))


def history_of(space: Space, trials: int, seed: int = 0, pending: int = 0) -> list[Evaluation]:
    drawn = [random_search.suggest(space, seed, number) for number in range(1, trials + pending + 1)]
    done = [Evaluation(tuned, loss(tuned)) for tuned in drawn[:trials]]
    return done + [Evaluation(tuned, pending=True) for tuned in drawn[trials:]]


@settings(max_examples=200, deadline=None, database=None)
@given(st.integers(0, 10**9), st.integers(1, 1000))
def test_a_value_and_its_place_in_the_range_belong_together(seed: int, trial: int) -> None:
    tuned = random_search.suggest(MIXED, seed, trial)
    point = to_point(MIXED, tuned)
    assert point is not None
    assert ((point >= 0) & (point <= 1)).all()
    again = to_configuration(MIXED, point)
    for item in MIXED:
        if isinstance(item, Continuous):
            assert float(again[item.name]) == pytest.approx(float(tuned[item.name]), rel=1e-9)
        else:
            assert again[item.name] == tuned[item.name]


@settings(max_examples=200, deadline=None, database=None)
@given(st.floats(0, 1, exclude_max=True), st.sampled_from(MIXED[2:]))
def test_the_process_sees_an_integer_and_a_category_as_the_trial_does(unit: float, item) -> None:
    seen = snap((item,), np.array([[unit]]))
    middle = snap((item,), np.array([[item.unit(item.value(unit))]]))
    assert np.allclose(seen, middle)


@pytest.mark.parametrize("value", ["2", "-1", "nan", "", "word", "0.5e9"])
def test_what_lies_outside_has_no_place(value: str) -> None:
    assert RATE.unit(value) is None
    assert Categorical("c", ("a", "b")).unit(value) is None


def test_a_grid_has_every_combination_once() -> None:
    space = (Categorical("a", ("1", "2", "3")), Categorical("b", ("x", "y")))
    cells = [grid.suggest(space, number) for number in range(1, 7)]
    assert len({tuple(cell.items()) for cell in cells}) == 6
    assert cells[:2] == [{"a": "1", "b": "x"}, {"a": "1", "b": "y"}]


@pytest.mark.parametrize("strategy", ["Random", "Bayesian", "Hyperband"])
@pytest.mark.parametrize("trials", [0, 5, 25])
def test_every_strategy_stays_within_the_ranges(strategy: str, trials: int) -> None:
    history = history_of(MIXED, trials, pending=2)
    tuned = suggest(strategy, MIXED, 3, trials + 3, history)
    assert list(tuned) == [item.name for item in MIXED]
    assert to_point(MIXED, tuned) is not None


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_the_same_history_gives_the_same_suggestion_and_another_trial_another(strategy: str) -> None:
    history = history_of(MIXED, 15, pending=2)
    first, again = (suggest(strategy, MIXED, 3, 18, history) for _ in range(2))
    assert first == again
    assert suggest(strategy, MIXED, 3, 19, history) != first
    assert suggest(strategy, MIXED, 4, 18, history) != first


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_a_small_space_is_used_up_without_a_repeat(strategy: str) -> None:
    space = (Integer("layers", 1, 3), Categorical("optimiser", ("sgd", "adam")), Categorical("rate", ("0.1", "0.01")))
    history: list[Evaluation] = []
    for number in range(1, 13):
        tuned = suggest(strategy, space, 5, number, history)
        assert tuned not in [entry.tuned for entry in history]
        history.append(Evaluation(tuned, loss(tuned), pending=number % 4 == 0))


def test_bayesian_search_closes_in_on_the_best() -> None:
    history: list[Evaluation] = []
    for number in range(1, 26):
        tuned = bayesian.suggest(MIXED, 1, number, history)
        history.append(Evaluation(tuned, loss(tuned)))
    drawn = [loss(random_search.suggest(MIXED, 1, number)) for number in range(1, 26)]
    assert min(entry.loss for entry in history) < 0.5 * min(drawn)


def test_pending_trials_turn_the_next_choice_elsewhere() -> None:
    space = (Continuous("rate", 0.0, 1.0),)
    done = [Evaluation({"rate": str(x)}, (x - 0.3) ** 2) for x in (0.0, 0.2, 0.5, 0.8, 1.0)]
    alone = float(bayesian.suggest(space, 1, 6, done)["rate"])
    pending = [*done, Evaluation({"rate": str(alone)}, pending=True)]
    beside = float(bayesian.suggest(space, 1, 6, pending)["rate"])
    assert abs(beside - alone) > 1e-3


def test_a_failed_trial_counts_as_the_worst() -> None:
    space = (Continuous("rate", 0.0, 1.0),)
    good = [Evaluation({"rate": str(x)}, 1.0 - x) for x in (0.1, 0.3, 0.5, 0.7)]
    failed = [Evaluation({"rate": str(x)}) for x in (0.85, 0.9, 0.95, 1.0)]
    assert float(bayesian.suggest(space, 1, 5, good)["rate"]) > 0.8
    assert float(bayesian.suggest(space, 1, 9, good + failed)["rate"]) < 0.85


def test_a_diverged_trial_does_not_flatten_the_others() -> None:
    flat = normalise(np.array([1.0, 1.1, 1.2, 1.3, 1e30]))
    assert np.isfinite(flat).all()
    assert np.all(np.diff(flat) > 0.05)
    assert np.array_equal(normalise(np.array([2.0, 2.0, 2.0])), np.zeros(3))


def test_what_another_objective_says_helps_where_it_is_alike() -> None:
    space = (Continuous("rate", 0.0, 1.0),)
    parent = [Evaluation({"rate": str(x / 20)}, 100 + 50 * (x / 20 - 0.3) ** 2, task=1) for x in range(21)]
    own = [Evaluation({"rate": x}, (float(x) - 0.3) ** 2) for x in ("0.9", "0.6")]
    assert float(bayesian.suggest(space, 1, 3, parent + own)["rate"]) == pytest.approx(0.3, abs=0.15)


@pytest.mark.parametrize("columns", [6, 30])
def test_a_suggestion_costs_less_than_a_third_of_a_second_with_100_trials(columns: int) -> None:
    space = tuple(Continuous(f"x{number}", 0.0, 1.0) for number in range(columns))
    drawn = [random_search.suggest(space, 0, number) for number in range(1, 104)]
    history = [Evaluation(tuned, sum(float(value) ** 2 for value in tuned.values())) for tuned in drawn[:100]]
    history += [Evaluation(tuned, pending=True) for tuned in drawn[100:]]
    seconds = []
    for _ in range(3):
        began = time.process_time()
        bayesian.suggest(space, 1, 104, history)
        seconds.append(time.process_time() - began)
    assert min(seconds) < 0.3


def test_an_idle_service_has_not_imported_what_only_bayesian_search_needs() -> None:
    program = (
        "import sys, local_sagemaker.app, local_sagemaker.engine\n"
        "print([name for name in ('sklearn', 'scipy', 'optuna') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
