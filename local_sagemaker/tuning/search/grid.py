"""Grid search: every combination of categorical values once, in an order that the seed does not change."""

from local_sagemaker.tuning.space import Categorical, Space


def suggest(space: Space, trial: int) -> dict[str, str]:
    """The combination number `trial`, counted from 1; the last range varies fastest."""
    position, configuration = trial - 1, {}
    for item in reversed(space):
        assert isinstance(item, Categorical)
        position, index = divmod(position, len(item.values))
        configuration[item.name] = item.values[index]
    return {item.name: configuration[item.name] for item in space}
