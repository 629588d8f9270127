"""Random search: each trial's draw depends on the seed and the trial's number alone, so a restart repeats none."""

import random
from collections.abc import Collection

from local_sagemaker.tuning.space import Space

_ATTEMPTS = 1000


def suggest(space: Space, seed: int, trial: int, tried: Collection[dict[str, str]] = ()) -> dict[str, str]:
    """One configuration for trial number `trial`, scaled uniform in each range.

    Where the space is small, a configuration already in `tried` is drawn again, up to a thousand times.
    """
    draws = random.Random(f"{seed}/{trial}")
    for _ in range(_ATTEMPTS):
        configuration = {item.name: item.value(draws.random()) for item in space}
        if configuration not in tried:
            break
    return configuration
