"""Checks a request against botocore's own service model, patterns, enums, lengths and ranges included.

boto3 checks required members, types and minimum lengths alone before it sends; the rest would come back from AWS one
fault at a time, after the data is uploaded. The rules are botocore/data/sagemaker/2017-07-24/service-2.json.
"""

import re
from collections.abc import Iterator, Sized
from functools import cache
from typing import Any

SHOWN_VALUES = 8
_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
}


def faults(request: dict[str, Any], operation: str) -> Iterator[str]:
    """Every constraint of the operation's input that `request` breaks, as `<path>: <value> <rule>`."""
    yield from _walk(request, _input_shape(operation), "")


@cache
def _input_shape(operation: str) -> Any:
    from botocore.session import get_session

    return get_session().get_service_model("sagemaker").operation_model(operation).input_shape


def _walk(value: Any, shape: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if not _is_a(value, kind):
        yield f"{path}: {value!r} is a {type(value).__name__}, not a {kind}"
        return
    yield from _own_faults(value, shape, path)
    if kind == "structure":
        yield from _walk_structure(value, shape, path)
    elif kind == "list":
        for number, item in enumerate(value):
            yield from _walk(item, shape.member, f"{path}[{number}]")
    elif kind == "map":
        for key, item in value.items():
            yield from _walk(key, shape.key, f"{path} key {key!r}")
            yield from _walk(item, shape.value, f"{path}[{key!r}]")


def _walk_structure(value: dict[str, Any], shape: Any, path: str) -> Iterator[str]:
    def below(name: str) -> str:
        return f"{path}.{name}" if path else name

    for name in shape.required_members:
        if name not in value:
            yield f"{below(name)} is missing"
    for name, item in value.items():
        if name in shape.members:
            yield from _walk(item, shape.members[name], below(name))
        else:
            yield f"{below(name)} is no member of {shape.name}; it has {', '.join(shape.members)}"


def _is_a(value: Any, kind: str) -> bool:
    if isinstance(value, bool) and kind != "boolean":
        return False
    return isinstance(value, _TYPES.get(kind, (object,)))


def _own_faults(value: Any, shape: Any, path: str) -> Iterator[str]:
    rules = shape.metadata
    if (allowed := rules.get("enum")) and value not in allowed:
        more = f" and {len(allowed) - SHOWN_VALUES} more" if len(allowed) > SHOWN_VALUES else ""
        yield f"{path}: {value!r} is not one of {', '.join(allowed[:SHOWN_VALUES])}{more}"
    if (pattern := rules.get("pattern")) and not _python_pattern(pattern).fullmatch(value):
        yield f"{path}: {value!r} does not match {pattern}"
    yield from _bound_faults(value, rules, path)


def _bound_faults(value: Any, rules: dict[str, Any], path: str) -> Iterator[str]:
    size, unit, shown = (len(value), " long", "") if isinstance(value, Sized) else (value, "", repr(value))
    if "min" in rules and size < rules["min"]:
        yield f"{path}: {shown or size}{unit} is below the minimum of {rules['min']}"
    if "max" in rules and size > rules["max"]:
        yield f"{path}: {shown or size}{unit} is above the maximum of {rules['max']}"


@cache
def _python_pattern(pattern: str) -> re.Pattern[str]:
    # The patterns are Java's. Of what Python lacks, only Unicode classes occur (in tags); \w adds but "_" to them.
    return re.compile(pattern.replace(r"\p{L}", r"\w").replace(r"\p{N}", r"\d").replace(r"\p{Z}", " "))
