import re
from typing import Any

import pytest

from include.tuning import search_space


def test_each_kind_becomes_the_sdks_parameter_and_the_apis_range() -> None:
    space = {
        "learning_rate": {"kind": "continuous", "scaling": "Logarithmic", "min": 0.01, "max": 0.2},
        "batch_size": {"kind": "integer", "scaling": "Auto", "min": 32, "max": 256},
        "optimizer": {"kind": "categorical", "values": ["sgd", "adam"]},
    }
    kinds = {name: type(parameter).__name__ for name, parameter in search_space.parameters(space).items()}
    assert kinds == {
        "learning_rate": "ContinuousParameter",
        "batch_size": "IntegerParameter",
        "optimizer": "CategoricalParameter",
    }
    assert search_space.parameter_ranges(space) == {
        "ContinuousParameterRanges": [
            {"Name": "learning_rate", "MinValue": "0.01", "MaxValue": "0.2", "ScalingType": "Logarithmic"}
        ],
        "IntegerParameterRanges": [{"Name": "batch_size", "MinValue": "32", "MaxValue": "256", "ScalingType": "Auto"}],
        "CategoricalParameterRanges": [{"Name": "optimizer", "Values": ["sgd", "adam"]}],
    }
    assert list(search_space.faults(space)) == []


@pytest.mark.parametrize(
    ("bounds", "fault"),
    [
        ({"min": 0.5, "max": 0.2}, r"x_min \(0.5\) is above x_max \(0.2\)"),
        ({"min": 0.2, "max": 0.2}, r"x_min \(0.2\) is equal to x_max"),
        ({"min": float("nan"), "max": 0.2}, "x_min is nan; give a finite continuous number"),
        ({"min": "0.1", "max": True}, "x_min is '0.1'"),
        ({"min": 0, "max": 1, "scaling": "Logarithmic"}, r"x_min \(0\) can't be searched logarithmically"),
        ({"min": 0, "max": 1, "scaling": "ReverseLogarithmic"}, r"bounds in \[0, 1\)"),
        ({"kind": "integer", "min": 1.5, "max": 3}, "x_min is 1.5; give a finite integer number"),
        ({"kind": "categorical", "values": []}, "at least one value"),
        ({"kind": "categorical", "values": list(range(31))}, "has 31 values; SageMaker takes at most 30"),
        ({"kind": "categorical", "values": [1, "1"]}, "repeats a value"),
    ],
)
def test_bounds_that_cannot_be_searched_are_named_with_their_values(bounds: dict[str, Any], fault: str) -> None:
    found = list(search_space.faults({"x": {"kind": "continuous", "scaling": "Auto"} | bounds}))
    assert re.search(fault, found[0])
