"""Hyperband, asynchronous: trials are drawn at random and stopped at rungs of ever more epochs if they lag behind.

Each trial belongs to a bracket; the first has rungs from MinResource on, the next from `REDUCTION` times that, and so
on (Li et al., 2018; the stopping variant of ASHA, Li et al., 2020, as in Syne Tune). At a rung a trial goes on if it is
among the best 1/REDUCTION of those of its bracket that reached the rung no later. Every value that a trial prints of
its objective is one unit of resource. Pure functions of the recorded curves.
"""

import random
from functools import lru_cache
from typing import Any

from local_sagemaker.tuning.curves import Curve, Curves, Stop

REDUCTION = 3
MOST_RESOURCE = 20_000
_EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")


def resources(config: dict[str, Any], static: dict[str, str]) -> tuple[int, int] | None:
    """MinResource and MaxResource of a tuning job's configuration; None where MaxResource can't be told.

    Without one, MaxResource is the static hyperparameter that says the number of epochs, as on SageMaker.
    """
    given = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
    maximum = given.get("MaxResource")
    for name in _EPOCHS:
        text = static.get(name, "").strip('"')
        if maximum is None and text.isdecimal():
            maximum = int(text)
    return None if maximum is None else (given.get("MinResource", 1), maximum)


def rungs(minimum: int, maximum: int, bracket: int = 0) -> list[int]:
    """The epochs at which trials of a bracket are compared; below `maximum`, where every trial ends."""
    levels, level = [], minimum * REDUCTION**bracket
    while level < maximum:
        levels.append(level)
        level *= REDUCTION
    return levels


@lru_cache(maxsize=16_384)
def bracket_of(seed: int, trial: int, minimum: int, maximum: int) -> int:
    """The bracket of a trial: 0, the one that stops soonest, is drawn most often, in Hyperband's proportions."""
    levels = len(rungs(minimum, maximum))
    if levels < 2:
        return 0
    # Hyperband starts (levels + 1) / (s + 1) * REDUCTION**s configurations in the bracket with s rungs.
    weights = [REDUCTION**steps / (steps + 1) for steps in range(levels, 0, -1)]
    return random.Random(f"{seed}/{trial}/bracket").choices(range(levels), weights)[0]


def decide(curve: Curve, others: Curves, minimum: int, maximum: int, bracket: int) -> Stop | None:
    """Whether the trial of `curve` should stop; `others` are those of its bracket."""
    if curve.epochs > maximum:
        return Stop(curve.trial, f"it goes on beyond MaxResource, {maximum}, with epoch {curve.epochs}")
    if curve.epochs == maximum:
        return None  # it has had all its resource, and may be saving its model
    for level in reversed(rungs(minimum, maximum, bracket)):
        if curve.epochs >= level:
            return _at_rung(curve, others, level, bracket)
    return None


def _at_rung(curve: Curve, others: Curves, level: int, bracket: int) -> Stop | None:
    own, reached = curve.losses[level - 1], curve.times[level - 1]
    before = [
        other.losses[level - 1]
        for other in others
        if other.trial != curve.trial and other.epochs >= level and other.times[level - 1] <= reached
    ]
    kept = (len(before) + 1) // REDUCTION
    better = sum(loss < own for loss in before)
    if kept == 0 or better < kept:
        return None
    return Stop(
        curve.trial,
        f"its value {curve.shown(own)} at epoch {level} of bracket {bracket} is number {better + 1} of "
        f"{len(before) + 1} trials there, of which the best {kept} go on",
    )
