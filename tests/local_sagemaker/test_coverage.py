"""COVERAGE.md says what the service does: it is made from the table that refuses, and every refusal is tried."""

from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from local_sagemaker.coverage import (
    HONOURED,
    REFUSED,
    RULES,
    TRAINING,
    members,
    refuse_unsupported,
    rule_of,
    ruled_by,
)
from local_sagemaker.coverage_page import page
from local_sagemaker.errors import UnsupportedError
from local_sagemaker.operations import OPERATIONS
from local_sagemaker.protocol import service_model
from tests.conftest import ROOT

REFUSED_MEMBERS = [
    (operation, path) for operation in RULES for path in members(operation) if rule_of(operation, path)[0] == REFUSED
]
_EXAMPLES = {"string": "x", "integer": 1, "long": 1, "float": 1.0, "boolean": True}


def test_the_page_is_what_the_table_says() -> None:
    assert (ROOT / "local_sagemaker" / "COVERAGE.md").read_text() == page(), (
        "run: python -m local_sagemaker.coverage_page > local_sagemaker/COVERAGE.md"
    )


def test_every_operation_exists_in_sagemaker() -> None:
    assert set(OPERATIONS) <= set(service_model().operation_names)


def test_every_rule_is_about_members_that_exist_and_says_why() -> None:
    for operation, rules in RULES.items():
        paths = list(members(operation))
        for prefix, (status, why) in rules.items():
            assert any(ruled_by(operation, path) == prefix for path in paths), prefix
            assert status == HONOURED or why, prefix


def test_what_is_switched_off_is_not_refused() -> None:
    refuse_unsupported(TRAINING, {"RemoteDebugConfig": {"EnableRemoteDebug": False}})


@pytest.mark.parametrize(("operation", "path"), REFUSED_MEMBERS)
def test_what_is_refused_is_refused_by_name(operation: str, path: str) -> None:
    request: dict[str, Any] = {}
    shape = service_model().operation_model(operation).input_shape
    assert shape is not None
    _put(request, shape, path.split("."))
    with pytest.raises(UnsupportedError) as refused:
        refuse_unsupported(operation, request)
    assert f"{operation}.{ruled_by(operation, path)} is not supported" in refused.value.message


def _put(value: dict[str, Any], shape: Shape, names: list[str]) -> None:
    """Set one leaf of a request, making what is above it."""
    assert isinstance(shape, StructureShape)
    name, *rest = names
    member = shape.members[name.removesuffix("[]")]
    if not rest:
        value[name] = _example(member)
    elif isinstance(member, ListShape):
        inner: dict[str, Any] = {}
        value[name.removesuffix("[]")] = [inner]
        _put(inner, member.member, rest)
    else:
        value[name] = {}
        _put(value[name], member, rest)


def _example(shape: Shape) -> Any:
    if isinstance(shape, ListShape):
        return [_example(shape.member)]
    if isinstance(shape, MapShape):
        return {"x": _example(shape.value)}
    return _EXAMPLES[shape.type_name]
