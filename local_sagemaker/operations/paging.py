"""Filters, order and pages that List operations share. A page's token is the place where the next page begins."""

import base64
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from local_sagemaker.errors import ValidationError

DEFAULT_PAGE = 10
Item = TypeVar("Item")


def page(items: Sequence[Item], request: dict[str, Any]) -> tuple[Sequence[Item], str | None]:
    """The items of the page that `request` asks for, and the token of the next one. Raises ValidationError."""
    first = _read_token(request.get("NextToken"))
    last = first + request.get("MaxResults", DEFAULT_PAGE)
    return items[first:last], _token(last) if last < len(items) else None


def in_order(items: Sequence[Item], request: dict[str, Any], key: Callable[[Item], Any], default: str) -> list[Item]:
    """The items sorted by `key`, Ascending or Descending as the request's SortOrder or `default` says."""
    return sorted(items, key=key, reverse=request.get("SortOrder", default) == "Descending")


def matches(request: dict[str, Any], *, name: str, status: str, created: float, modified: float) -> bool:
    """Whether an item passes NameContains, StatusEquals and the four time filters of a request."""
    checks = (
        ("NameContains", lambda wanted: wanted.lower() in name.lower()),
        ("StatusEquals", lambda wanted: wanted == status),
        ("CreationTimeAfter", lambda wanted: created > wanted),
        ("CreationTimeBefore", lambda wanted: created < wanted),
        ("LastModifiedTimeAfter", lambda wanted: modified > wanted),
        ("LastModifiedTimeBefore", lambda wanted: modified < wanted),
    )
    return all(check(request[member]) for member, check in checks if request.get(member) is not None)


def _token(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode()


def _read_token(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return max(0, int(base64.urlsafe_b64decode(token)))
    except ValueError:
        raise ValidationError(f"The NextToken {token!r} is not valid.") from None
