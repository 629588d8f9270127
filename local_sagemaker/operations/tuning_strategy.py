"""What each strategy, and early stopping beside it, asks of a tuning request."""

from collections.abc import Sequence
from typing import Any

from local_sagemaker.errors import ValidationError
from local_sagemaker.tuning.definitions import Definition
from local_sagemaker.tuning.search import hyperband
from local_sagemaker.tuning.space import Categorical, combinations


def check(config: dict[str, Any], definitions: Sequence[Definition]) -> None:
    """Raise ValidationError where the configuration does not suit its strategy."""
    strategy = config["Strategy"]
    if "HyperbandStrategyConfig" in config.get("StrategyConfig", {}) and strategy != "Hyperband":
        raise ValidationError(f"HyperbandStrategyConfig is for the strategy Hyperband, not {strategy}.")
    if strategy == "Hyperband":
        _check_hyperband(config, definitions)
    if strategy == "Grid":
        _check_grid(config, definitions)


def _check_hyperband(config: dict[str, Any], definitions: Sequence[Definition]) -> None:
    if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        raise ValidationError("TrainingJobEarlyStoppingType must be Off to use the Hyperband strategy.")
    for definition in definitions:
        resources = hyperband.resources(config, definition.static)
        if resources is None:
            raise ValidationError(
                "MaxResource parameter is not provided and could not be inferred from provided static hyperparameters "
                "of TrainingJobDefinition."
            )
        minimum, maximum = resources
        if maximum > hyperband.MOST_RESOURCE:
            raise ValidationError(f"MaxResource, [{maximum}], must be at most {hyperband.MOST_RESOURCE}.")
        if minimum > maximum:
            raise ValidationError(f"MinResource, [{minimum}], must be less than or equal to MaxResource, [{maximum}].")


def _check_grid(config: dict[str, Any], definitions: Sequence[Definition]) -> None:
    for definition in definitions:
        others = [item.name for item in definition.space if not isinstance(item, Categorical)]
        if others:
            raise ValidationError(
                f"The Grid strategy takes categorical ranges only; {', '.join(others)} of the request is not."
            )
    total = int(sum(combinations(definition.space) for definition in definitions))
    wanted = config["ResourceLimits"].get("MaxNumberOfTrainingJobs", total)
    if wanted != total:
        raise ValidationError(
            f"The value of MaxNumberOfTrainingJobs, [{wanted}], must be equal to the number of combinations of the "
            f"Grid strategy, [{total}]."
        )
