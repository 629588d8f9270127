"""How good the best of 30 trials is: ours, random search, Optuna's TPE and a plain scikit-learn Gaussian process.

    python benchmarks/search_quality.py [--quick]

Five functions with known minima stand for a training: each method sees them 3 trials in parallel, a finished trial is
replaced at once, for 30 trials and 20 seeds. The table says the mean regret (the best value found less the minimum)
with its standard error, the mean over the functions of that regret as a share of Random's, and the CPU time of the
slowest suggestion. Exits with 1 if Bayesian is not clearly below Random everywhere, or worse than the best peer on
average. About 3 minutes on two cores; --quick, with 4 seeds, under one.
"""

import argparse
import heapq
import math
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from threadpoolctl import threadpool_limits

from local_sagemaker.tuning.history import Evaluation
from local_sagemaker.tuning.search import bayesian, random_search
from local_sagemaker.tuning.space import Categorical, Continuous, Integer, Space, read_space

TRIALS = 30
PARALLEL = 3
SEEDS = 20
CLEARLY_BELOW = 0.8
Suggest = Callable[[Space, int, int, Sequence[Evaluation]], dict[str, str]]


def branin(values: dict[str, str]) -> float:
    """Minimum 0.397887 at three places of [-5, 10] x [0, 15]."""
    x, y = float(values["x"]), float(values["y"])
    valley = y - 5.1 * x**2 / (4 * math.pi**2) + 5 * x / math.pi - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann6(values: dict[str, str]) -> float:
    """Minimum -3.32237 in the unit cube of six dimensions."""
    weights = np.array(
        [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
    )
    centres = 1e-4 * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    )
    point = np.array([float(values[f"x{i}"]) for i in range(6)])
    return -float(np.array([1.0, 1.2, 3.0, 3.2]) @ np.exp(-(weights * (point - centres) ** 2).sum(axis=1)))


def learning_rate(values: dict[str, str]) -> float:
    """A loss over learning rate, weight decay and momentum: a valley in decades, a cliff beyond. Minimum 0.1."""
    rate, decay, momentum = (float(values[name]) for name in ("rate", "decay", "momentum"))
    step = math.log10(rate / (1 - momentum))
    slow, diverged = 0.25 * (step + 1.0) ** 2, 40.0 / (1 + math.exp(-12 * (step - 0.2)))
    floor = 40.0 / (1 + math.exp(14.4))
    return 0.1 + slow + (diverged - floor) ** 2 / 40 * (step > -1) + 0.04 * (math.log10(decay) + 4) ** 2


def network(values: dict[str, str]) -> float:
    """An error over layers, units (logarithmic) and dropout: too small underfits, too large overfits. Minimum 0.02."""
    layers, units, dropout = int(values["layers"]), int(values["units"]), float(values["dropout"])
    size = layers * math.log2(units)
    return 0.02 + 0.002 * (size - 24) ** 2 / 4 + 0.03 * (layers - 3) ** 2 / 4 + (dropout - 0.05 * layers) ** 2


def optimiser(values: dict[str, str]) -> float:
    """A loss whose best learning rate hangs on the optimiser, with an activation beside it. Minimum 0.2."""
    best = {"sgd": (-1.0, 0.15), "momentum": (-2.0, 0.05), "rmsprop": (-3.5, 0.02), "adam": (-3.0, 0.0)}
    centre, penalty = best[values["optimiser"]]
    activation = {"tanh": 0.1, "relu": 0.0, "gelu": 0.01, "sigmoid": 0.3}[values["activation"]]
    away = math.log10(float(values["rate"])) - centre
    return 0.2 + penalty + activation + 0.3 * away**2 + 0.1 * (float(values["smoothing"]) - 0.1) ** 2


@dataclass(frozen=True)
class Problem:
    """A function, its space as a tuning request says it, and its minimum."""

    function: Callable[[dict[str, str]], float]
    ranges: dict[str, Any]
    minimum: float


def _range(name: str, low: float, high: float, scaling: str = "Linear") -> dict[str, str]:
    return {"Name": name, "MinValue": str(low), "MaxValue": str(high), "ScalingType": scaling}


PROBLEMS = {
    "Branin": Problem(
        branin, {"ContinuousParameterRanges": [_range("x", -5, 10), _range("y", 0, 15)]}, 0.39788735772973816
    ),
    "Hartmann6": Problem(
        hartmann6, {"ContinuousParameterRanges": [_range(f"x{i}", 0, 1) for i in range(6)]}, -3.322368011415515
    ),
    "learning rate": Problem(
        learning_rate,
        {
            "ContinuousParameterRanges": [
                _range("rate", 1e-6, 1, "Logarithmic"),
                _range("decay", 1e-7, 1e-1, "Logarithmic"),
                _range("momentum", 0, 0.99, "ReverseLogarithmic"),
            ]
        },
        0.1,
    ),
    "integer": Problem(
        network,
        {
            "IntegerParameterRanges": [_range("layers", 1, 8), _range("units", 8, 1024, "Logarithmic")],
            "ContinuousParameterRanges": [_range("dropout", 0, 0.8)],
        },
        0.02,
    ),
    "categorical": Problem(
        optimiser,
        {
            "ContinuousParameterRanges": [_range("rate", 1e-6, 1, "Logarithmic"), _range("smoothing", 0, 0.5)],
            "CategoricalParameterRanges": [
                {"Name": "optimiser", "Values": ["sgd", "momentum", "rmsprop", "adam"]},
                {"Name": "activation", "Values": ["tanh", "relu", "gelu", "sigmoid"]},
            ],
        },
        0.2,
    ),
}


def simulate(suggest: Suggest, problem: Problem, seed: int) -> tuple[float, float]:
    """The regret of the best of 30 trials, 3 at a time, and the seconds of the slowest suggestion."""
    space, durations = read_space(problem.ranges), np.random.default_rng(seed)
    history: list[Evaluation] = []
    running: list[tuple[float, int]] = []
    clock, slowest = 0.0, 0.0
    while len(history) < TRIALS or running:
        while len(running) < PARALLEL and len(history) < TRIALS:
            began = time.process_time()
            tuned = suggest(space, seed, len(history) + 1, history)
            slowest = max(slowest, time.process_time() - began)
            heapq.heappush(running, (clock + durations.uniform(0.5, 1.5), len(history)))
            history.append(Evaluation(tuned, pending=True))
        clock, index = heapq.heappop(running)
        history[index] = Evaluation(history[index].tuned, problem.function(history[index].tuned))
    return min(entry.loss for entry in history if entry.loss is not None) - problem.minimum, slowest


def optuna_tpe(space: Space, seed: int, trial: int, history: Sequence[Evaluation]) -> dict[str, str]:
    """Optuna's TPE with its defaults, told the history anew each time; it sees scaled ranges as Optuna writes them."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions = {item.name: _distribution(optuna, item) for item in space}
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed * 1000 + trial))
    states = optuna.trial.TrialState
    for entry in history:
        study.add_trial(
            optuna.trial.create_trial(
                params={item.name: _optuna_value(item, entry.tuned[item.name]) for item in space},
                distributions=distributions,
                value=entry.loss,
                state=states.RUNNING if entry.pending else states.COMPLETE,
            )
        )
    params = study.ask(distributions).params
    return {item.name: _from_optuna(item, params[item.name]) for item in space}


def _distribution(optuna: Any, item: Any) -> Any:
    if isinstance(item, Categorical):
        return optuna.distributions.CategoricalDistribution(item.values)
    if isinstance(item, Integer):
        return optuna.distributions.IntDistribution(item.low, item.high, log=item.scaling == "Logarithmic")
    if item.scaling == "ReverseLogarithmic":
        return optuna.distributions.FloatDistribution(1 - item.high, 1 - item.low, log=True)
    return optuna.distributions.FloatDistribution(item.low, item.high, log=item.scaling == "Logarithmic")


def _optuna_value(item: Any, value: str) -> Any:
    if isinstance(item, Continuous):
        return 1 - float(value) if item.scaling == "ReverseLogarithmic" else float(value)
    return int(value) if isinstance(item, Integer) else value


def _from_optuna(item: Any, value: Any) -> str:
    return str(1 - value) if getattr(item, "scaling", "") == "ReverseLogarithmic" else str(value)


def plain_gaussian_process(space: Space, seed: int, trial: int, history: Sequence[Evaluation]) -> dict[str, str]:
    """As in a tutorial: 5 random trials, Matern 5/2, expected improvement of 2000 random points, nothing pending."""
    from scipy.stats import norm
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    from local_sagemaker.tuning.search.encoding import to_configuration

    done = [entry for entry in history if entry.loss is not None]
    if len(done) < 5:
        return random_search.suggest(space, seed, trial, history)
    points = _one_hot(space, [entry.tuned for entry in done])
    losses = np.array([entry.loss for entry in done])
    kernel = ConstantKernel() * Matern(np.full(points.shape[1], 0.5), nu=2.5) + WhiteKernel(1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed).fit(points, losses)
        draws = np.random.default_rng([seed, trial]).random((2000, len(space)))
        candidates = [to_configuration(space, draw) for draw in draws]
        mean, deviation = model.predict(_one_hot(space, candidates), return_std=True)
    scaled = (losses.min() - mean) / np.maximum(deviation, 1e-12)
    improvement = deviation * (scaled * norm.cdf(scaled) + norm.pdf(scaled))
    return candidates[int(np.argmax(improvement))]


def _one_hot(space: Space, configurations: Sequence[dict[str, str]]) -> Any:
    """Scaled numbers as they are, a category as one column a value."""
    return np.array(
        [
            [
                coordinate
                for item in space
                for coordinate in (
                    [float(value == tuned[item.name]) for value in item.values]
                    if isinstance(item, Categorical)
                    else [item.unit(tuned[item.name])]
                )
            ]
            for tuned in configurations
        ]
    )


METHODS: dict[str, Suggest] = {
    "Random": random_search.suggest,
    "Bayesian": bayesian.suggest,
    "Optuna TPE": optuna_tpe,
    "plain GP": plain_gaussian_process,
}


def main() -> int:
    """Print the table, a line a method as it comes; 1 where Bayesian misses its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="4 seeds instead of 20")
    seeds = 4 if parser.parse_args().quick else SEEDS
    print(f"mean regret of {TRIALS} trials, {PARALLEL} in parallel, {seeds} seeds, +- standard error\n")
    print(_row("", [*PROBLEMS, "of Random's", "slowest CPU"]), flush=True)
    means: dict[str, list[float]] = {}
    with ProcessPoolExecutor(os.cpu_count(), initializer=threadpool_limits, initargs=(1,)) as pool:
        for method in METHODS:
            means[method] = _measure(pool, method, seeds, means)
    return _verdict(means)


def _measure(pool: ProcessPoolExecutor, method: str, seeds: int, means: dict[str, list[float]]) -> list[float]:
    """Print a method's line; its mean regret for each function."""
    tasks = [(method, problem, seed) for problem in PROBLEMS for seed in range(seeds)]
    results = np.array(list(pool.map(_run, tasks, chunksize=2))).reshape(len(PROBLEMS), seeds, 2)
    regrets, slowest = results[:, :, 0], results[:, :, 1].max()
    errors = regrets.std(axis=1, ddof=1) / math.sqrt(seeds)
    own = [float(mean) for mean in regrets.mean(axis=1)]
    cells = [f"{mean:.4f} +- {error:.4f}" for mean, error in zip(own, errors, strict=True)]
    print(_row(method, [*cells, f"{_share(own, means.get('Random', own)):.3f}", f"{slowest:.2f} s"]), flush=True)
    return own


def _run(task: tuple[str, str, int]) -> tuple[float, float]:
    method, problem, seed = task
    return simulate(METHODS[method], PROBLEMS[problem], seed)


def _verdict(means: dict[str, list[float]]) -> int:
    own, drawn = means["Bayesian"], means["Random"]
    shares = {method: _share(regrets, drawn) for method, regrets in means.items()}
    peer = min((method for method in shares if method not in ("Bayesian", "Random")), key=lambda method: shares[method])
    worst = max(mean / other for mean, other in zip(own, drawn, strict=True))
    below, ahead = worst <= CLEARLY_BELOW, shares["Bayesian"] <= shares[peer]
    print(f"\nBayesian's regret is at most {worst:.2f} of Random's (wanted: {CLEARLY_BELOW}): {_said(below)}")
    print(f"on average {shares['Bayesian']:.3f}; the best peer, {peer}, {shares[peer]:.3f}: {_said(ahead)}")
    return 0 if below and ahead else 1


def _share(regrets: list[float], drawn: list[float]) -> float:
    return float(np.mean(np.array(regrets) / np.array(drawn)))


def _said(met: bool) -> str:
    return "met" if met else "MISSED"


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:<12}" + "".join(f"{cell:>20}" for cell in cells[:-2]) + "".join(f"{cell:>13}" for cell in cells[-2:])


if __name__ == "__main__":
    sys.exit(main())
