"""Random search: each trial's draw depends on the seed and the trial's number alone, so a restart repeats none."""

import random

from local_sagemaker.tuning.history import History
from local_sagemaker.tuning.space import Space

_ATTEMPTS = 1000


def suggest(space: Space, seed: int, trial: int, history: History = ()) -> dict[str, str]:
    """One configuration for trial number `trial`, scaled uniform in each range.

    Where the space is small, a configuration already in `history` is drawn again, up to a thousand times.
    """
    draws = random.Random(f"{seed}/{trial}")
    tried = [evaluation.tuned for evaluation in history]
    for _ in range(_ATTEMPTS):
        configuration = {item.name: item.value(draws.random()) for item in space}
        if configuration not in tried:
            break
    return configuration
