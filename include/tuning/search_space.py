"""The search space in the SageMaker SDK's own parameter classes, and in the form that the API takes.

The SDK takes seconds to import, so it is imported where it is used.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

Space = Mapping[str, Mapping[str, Any]]
MAX_VALUES = 30  # of a categorical range, AWS developer guide "Define Hyperparameter Ranges"


def faults(space: Space) -> Iterator[str]:
    """What is wrong with the bounds, a line each; nothing when they can be searched."""
    for name, bounds in space.items():
        if bounds["kind"] == "categorical":
            yield from _categorical_faults(name, bounds["values"])
        else:
            yield from _numeric_faults(name, bounds)


def combinations(space: Space) -> float:
    """How many settings there are to try; infinity where a range is continuous."""
    return math.prod(map(_values, space.values()))


def parameters(space: Space) -> dict[str, Any]:
    """{name: ContinuousParameter | IntegerParameter | CategoricalParameter} of sagemaker.core.parameter."""
    from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter

    numeric = {"continuous": ContinuousParameter, "integer": IntegerParameter}
    return {
        name: CategoricalParameter(list(bounds["values"]))
        if bounds["kind"] == "categorical"
        else numeric[bounds["kind"]](bounds["min"], bounds["max"], bounds["scaling"])
        for name, bounds in space.items()
    }


def parameter_ranges(space: Space) -> dict[str, list[dict[str, Any]]]:
    """`ParameterRanges` of CreateHyperParameterTuningJob; bounds are strings there."""
    try:
        known = parameters(space)
    except ModuleNotFoundError:  # where Airflow leaves no room for the SDK: docs/deploy-to-aws.md, Amazon MWAA
        return _ranges_without_sdk(space)
    ranges: dict[str, list[dict[str, Any]]] = {}
    for name, parameter in known.items():
        ranges.setdefault(f"{parameter.__name__}ParameterRanges", []).append(parameter.as_tuning_range(name))
    return ranges


def _ranges_without_sdk(space: Space) -> dict[str, list[dict[str, Any]]]:
    ranges: dict[str, list[dict[str, Any]]] = {}
    for name, bounds in space.items():
        searched = (
            {"Values": list(map(str, bounds["values"]))}
            if bounds["kind"] == "categorical"
            else {"MinValue": str(bounds["min"]), "MaxValue": str(bounds["max"]), "ScalingType": bounds["scaling"]}
        )
        ranges.setdefault(f"{bounds['kind'].title()}ParameterRanges", []).append({"Name": name, **searched})
    return ranges


def _categorical_faults(name: str, values: Any) -> Iterator[str]:
    if not isinstance(values, list) or not values:
        yield f"{name}_values is {values!r}; give a list of at least one value"
    elif len(values) > MAX_VALUES:
        yield f"{name}_values has {len(values)} values; SageMaker takes at most {MAX_VALUES}"
    elif len(set(map(str, values))) < len(values):
        yield f"{name}_values repeats a value: {values}; give each once"


def _numeric_faults(name: str, bounds: Mapping[str, Any]) -> Iterator[str]:
    low, high = bounds["min"], bounds["max"]
    wanted = int if bounds["kind"] == "integer" else (int, float)
    wrong = [f"{name}_{end}" for end in ("min", "max") if not _is_number(bounds[end], wanted)]
    if wrong:
        yield from (f"{end} is {bounds[end[-3:]]!r}; give a finite {bounds['kind']} number" for end in wrong)
    elif low >= high:
        relation = "above" if low > high else "equal to"
        yield f"{name}_min ({low}) is {relation} {name}_max ({high}); give a minimum below the maximum"
    elif bounds["scaling"] == "Logarithmic" and low <= 0:
        yield f"{name}_min ({low}) can't be searched logarithmically; give a minimum above 0"
    elif bounds["scaling"] == "ReverseLogarithmic" and not 0 <= low < high < 1:
        yield f"{name} from {low} to {high} can't be searched reverse-logarithmically; give bounds in [0, 1)"


def _values(bounds: Mapping[str, Any]) -> float:
    if bounds["kind"] == "categorical":
        return len(bounds["values"])
    return bounds["max"] - bounds["min"] + 1 if bounds["kind"] == "integer" else math.inf


def _is_number(value: Any, wanted: Any) -> bool:
    return isinstance(value, wanted) and not isinstance(value, bool) and math.isfinite(value)
