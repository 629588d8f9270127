"""Which Params a run on this machine gets: MNIST, or the bundled digits where no mirror of MNIST answers."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from include.datasets.catalogue import find_dataset
from include.datasets.sources import mirrors_reachable
from include.errors import StackError

DEFAULT_DATASET = "mnist"
DIGITS: dict[str, Any] = {"dataset": "digits", "training_steps": 150, "evaluation_steps": 10, "evaluate_every": 50}
"""1,797 images: fewer steps do."""
AFRESH = {"force": True, "warm_start": "off"}
"""Whoever types `make run` wants to see a search, and the same one each time."""


def choose_params(
    dataset: str, source: str, given: str, mirrors: Sequence[str], say: Callable[[str], None]
) -> dict[str, Any]:
    """The run's Params. `given` is a JSON object that goes before everything else.

    Only a run that names neither dataset nor source falls back to digits. Raises StackError for JSON that is none,
    UnknownDatasetError.
    """
    chosen = _read(given)
    dataset, source = _text(chosen, "dataset", dataset), _absolute(_text(chosen, "source", source))
    if dataset:
        find_dataset(dataset)
    if dataset == "digits" and not source:
        return AFRESH | DIGITS | chosen
    if not dataset and not source and not mirrors_reachable(find_dataset(DEFAULT_DATASET), mirrors=mirrors):
        say("NO MIRROR OF MNIST ANSWERS: running on scikit-learn's bundled handwritten digits instead.")
        return AFRESH | DIGITS | chosen
    return AFRESH | {"dataset": dataset or DEFAULT_DATASET, "source": source, **chosen}


def _text(params: dict[str, Any], name: str, otherwise: str) -> str:
    """Take a Param that is a text, or null for none, out of `params`."""
    value = params.pop(name, otherwise)
    if value is not None and not isinstance(value, str):
        raise StackError(f'PARAMS: {name} is {json.dumps(value)} and has to be a text, such as "{DEFAULT_DATASET}"')
    return value or ""


def _absolute(source: str) -> str:
    """A folder as the workers find it, wherever they run."""
    return source if "://" in source or not source else str(Path(source).absolute())


def _read(given: str) -> dict[str, Any]:
    try:
        params = json.loads(given or "{}")
    except ValueError as error:
        raise StackError(f"PARAMS={given!r} is not JSON: {error}") from None
    if not isinstance(params, dict):
        raise StackError(f"PARAMS={given!r} is not a JSON object, such as '{{\"jobs\": 3}}'")
    return params
