"""Bayesian search: the configuration that promises the largest improvement, given all results and all pending trials.

A pure function: the same space, seed, trial number and history give the same configuration, after a restart as well.
The first trials fill the space evenly; then a Gaussian process judges random candidates and neighbours of the
best ones, in the scaled unit cube.
"""

from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from local_sagemaker.tuning.history import Evaluation, History
from local_sagemaker.tuning.search import random_search
from local_sagemaker.tuning.search.encoding import Array, snap, to_configuration, to_point
from local_sagemaker.tuning.search.gaussian_process import GaussianProcess, normalise
from local_sagemaker.tuning.space import Categorical, Space

_MOST_INITIAL = 10
_MOST_EVALUATED = 200
_CANDIDATES = 1000
_ROUNDS = (0.1, 0.03, 0.01)
_ANCHORS = 8
_NEIGHBOURS = 32


def suggest(space: Space, seed: int, trial: int, history: History) -> dict[str, str]:
    """One configuration for trial number `trial`, counted from 1. About 0.1 s with 100 evaluations."""
    evaluated = _evaluated(space, history)
    pending = [entry for entry in history if entry.pending]
    if len(evaluated) + len(pending) < initial_trials(space) or len(evaluated) < 2:
        return _first(space, seed, trial, history)
    with threadpool_limits(1):
        return _best_candidate(space, np.random.default_rng([seed, trial]), evaluated, history)


def initial_trials(space: Space) -> int:
    """How many trials fill the space before the process takes over."""
    return min(2 * len(space), _MOST_INITIAL)


def _first(space: Space, seed: int, trial: int, history: History) -> dict[str, str]:
    """The point number `trial` of an additive recurrence that fills the cube evenly, begun at a place of the seed's.

    Its steps are powers of the root of x**(d + 1) = x + 1 (Roberts, 2018).
    """
    root = 2.0
    for _ in range(30):
        root = (1 + root) ** (1 / (len(space) + 1))
    steps = root ** -np.arange(1.0, len(space) + 1)
    point = (np.random.default_rng(seed).random(len(space)) + trial * steps) % 1.0
    configuration = to_configuration(space, point)
    if any(entry.tuned == configuration for entry in history):
        return random_search.suggest(space, seed, trial, history)
    return configuration


def _evaluated(space: Space, history: History) -> list[Evaluation]:
    """What the process learns from: at most 200, the best half and the newest half; a failed trial is as bad as any."""
    known = [entry for entry in history if not entry.pending and to_point(space, entry.tuned) is not None]
    own = [entry.loss for entry in known if entry.loss is not None and entry.task == 0]
    if own:
        known = [replace(entry, loss=max(own)) if entry.loss is None else entry for entry in known]
    known = [entry for entry in known if entry.loss is not None]
    if len(known) <= _MOST_EVALUATED:
        return known
    newest = known[-_MOST_EVALUATED // 2 :]
    best = sorted(known[: -_MOST_EVALUATED // 2], key=lambda entry: entry.loss or 0.0)
    return best[: _MOST_EVALUATED // 2] + newest


def _best_candidate(
    space: Space, generator: np.random.Generator, evaluated: list[Evaluation], history: History
) -> dict[str, str]:
    points, losses = _points(space, evaluated), _normalised(evaluated)
    # One more column says whose objective it was; how much alike the parents' are is learnt as any length is.
    tasks = np.array([entry.task for entry in evaluated], dtype=float)
    categorical = np.array([*(isinstance(item, Categorical) for item in space), True])
    process = GaussianProcess(np.column_stack([snap(space, points), tasks]), losses, categorical)
    pending = _points(space, [entry for entry in history if entry.pending])
    improvement = process.improvement(_own(space, pending), generator)
    anchors = points[np.argsort(losses, kind="stable")[:_ANCHORS]]
    candidates = np.vstack([generator.random((_CANDIDATES, len(space))), _around(space, anchors, 0.1, generator)])
    scores = improvement(_own(space, candidates))
    for radius in _ROUNDS:
        leaders = candidates[np.argsort(-scores, kind="stable")[:_ANCHORS]]
        more = _around(space, leaders, radius, generator)
        candidates = np.vstack([candidates, more])
        scores = np.concatenate([scores, improvement(_own(space, more))])
    return _first_untried(space, candidates[np.argsort(-scores, kind="stable")], history)


def _first_untried(space: Space, candidates: Array, history: History) -> dict[str, str]:
    tried = {tuple(sorted(entry.tuned.items())) for entry in history}
    for candidate in candidates:
        configuration = to_configuration(space, candidate)
        if tuple(sorted(configuration.items())) not in tried:
            return configuration
    return to_configuration(space, candidates[0])


def _normalised(evaluated: list[Evaluation]) -> Array:
    """Each objective's losses on a scale of their own, since a parent's may lie elsewhere."""
    tasks = np.array([entry.task for entry in evaluated])
    losses = np.array([entry.loss for entry in evaluated], dtype=float)
    for task in np.unique(tasks):
        losses[tasks == task] = normalise(losses[tasks == task])
    return losses


def _points(space: Space, entries: list[Evaluation]) -> Array:
    found = [point for entry in entries if (point := to_point(space, entry.tuned)) is not None]
    return np.array(found, dtype=float).reshape(len(found), len(space))


def _around(space: Space, anchors: Array, radius: float, generator: np.random.Generator) -> Array:
    """Neighbours of each anchor: some coordinates moved by about `radius`, or one value further, categoricals drawn."""
    points = np.repeat(anchors, _NEIGHBOURS, axis=0)
    widths = np.array([max(radius, 1.0 / item.size) for item in space])
    moved = np.clip(points + generator.normal(size=points.shape) * widths, 0.0, 1.0)
    drawn = generator.random(points.shape)
    categorical = np.array([isinstance(item, Categorical) for item in space])
    changed = generator.random(points.shape) < np.where(categorical, 0.2, 0.7)
    return np.where(changed, np.where(categorical, drawn, moved), points)


def _own(space: Space, points: Array) -> Array:
    """Points as the process takes them, of this job's own objective."""
    return np.column_stack([snap(space, points), np.zeros(len(points))])
