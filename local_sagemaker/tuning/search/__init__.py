"""Search strategies: pure functions of a search space, the recorded history and a seed."""

from local_sagemaker.tuning.history import History
from local_sagemaker.tuning.search import grid, random_search
from local_sagemaker.tuning.space import Space


def suggest(strategy: str, space: Space, seed: int, trial: int, history: History) -> dict[str, str]:
    """The configuration of trial number `trial`, counted from 1, under one of SageMaker's strategies.

    Hyperband draws as Random does; what it saves, it saves by stopping trials.
    """
    if strategy == "Grid":
        return grid.suggest(space, trial)
    if strategy == "Bayesian":
        # Imported here, because SciPy takes a second and 50 MB, which a service without such jobs is spared.
        from local_sagemaker.tuning.search import bayesian

        return bayesian.suggest(space, seed, trial, history)
    return random_search.suggest(space, seed, trial, history)
