"""Checks a request against every constraint in botocore's service model, in SageMaker's own words.

boto3 checks only required members, types and minimum lengths before it sends; lengths, patterns, enums and ranges are
the server's to enforce. Source of the rules: botocore/data/sagemaker/2017-07-24/service-2.json.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import regex
from botocore.model import ListShape, MapShape, Shape, StructureShape

from local_sagemaker.errors import ServiceError, ValidationError

_NUMBERS = ("integer", "long", "float", "double")
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str),
}


def validate(request: Any, shape: Shape) -> None:
    """Raise ValidationError listing every constraint of `shape` that `request` breaks.

    A member of another JSON type than the model's is a ServiceError, SerializationException.
    """
    faults = list(_faults(request, shape, ""))
    if faults:
        noun = "error" if len(faults) == 1 else "errors"
        raise ValidationError(f"{len(faults)} validation {noun} detected: {'; '.join(faults)}")


def _faults(value: Any, shape: Shape, path: str) -> Iterator[str]:
    _check_type(value, shape, path)
    walk = _WALKERS.get(shape.type_name)
    yield from _own_faults(value, shape, path)
    if walk is not None:
        yield from walk(value, shape, path)


def _check_type(value: Any, shape: Shape, path: str) -> None:
    expected = _PYTHON_TYPES.get(shape.type_name, (object,))
    wrong_bool = isinstance(value, bool) and shape.type_name != "boolean"
    if wrong_bool or not isinstance(value, expected):
        where = f" at '{path}'" if path else ""
        message = f"Expected {shape.type_name}{where}, but found {type(value).__name__}"
        raise ServiceError("SerializationException", message)


def _structure_faults(value: dict[str, Any], shape: Shape, path: str) -> Iterator[str]:
    assert isinstance(shape, StructureShape)
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{_join(path, _camel(name))}' failed to satisfy constraint: Member must not be null"
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _faults(value[name], member, _join(path, _camel(name)))


def _list_faults(value: list[Any], shape: Shape, path: str) -> Iterator[str]:
    assert isinstance(shape, ListShape)
    for number, item in enumerate(value, start=1):
        yield from _faults(item, shape.member, f"{path}.{number}.member")


def _map_faults(value: dict[str, Any], shape: Shape, path: str) -> Iterator[str]:
    assert isinstance(shape, MapShape)
    for key, item in value.items():
        for fault in _own_faults(key, shape.key, path):
            yield fault.replace("Member must", "Map keys must satisfy constraint: [Member must", 1) + "]"
        yield from _faults(item, shape.value, f"{path}.{key}.member")


_WALKERS: dict[str, Callable[[Any, Shape, str], Iterator[str]]] = {
    "structure": _structure_faults,
    "list": _list_faults,
    "map": _map_faults,
}


def _own_faults(value: Any, shape: Shape, path: str) -> Iterator[str]:
    for constraint in _constraints(value, shape):
        yield f"Value '{_shown(value)}' at '{path}' failed to satisfy constraint: {constraint}"


def _constraints(value: Any, shape: Shape) -> Iterator[str]:
    rules = shape.metadata
    if shape.type_name in ("string", "list", "map"):
        if len(value) < rules.get("min", 0):
            yield f"Member must have length greater than or equal to {rules['min']}"
        if len(value) > rules.get("max", float("inf")):
            yield f"Member must have length less than or equal to {rules['max']}"
    if shape.type_name in _NUMBERS:
        if value < rules.get("min", float("-inf")):
            yield f"Member must have value greater than or equal to {rules['min']}"
        if value > rules.get("max", float("inf")):
            yield f"Member must have value less than or equal to {rules['max']}"
    if shape.type_name == "string":
        if "enum" in rules and value not in rules["enum"]:
            yield f"Member must satisfy enum value set: [{', '.join(rules['enum'])}]"
        pattern = rules.get("pattern")
        if pattern and not _compiled(pattern).fullmatch(value):
            yield f"Member must satisfy regular expression pattern: {pattern}"


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> "regex.Pattern[str]":
    """The model's patterns are Java's, with classes such as \\p{L} that Python's own `re` lacks."""
    return regex.compile(pattern)


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    return str(value)
