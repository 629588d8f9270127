"""Filters, order and pages that List operations share. A page's token is the place where the next page begins."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from local_sagemaker.errors import ValidationError
from local_sagemaker.selection import Selection

DEFAULT_PAGE = 10
_FURTHEST = 2**62
_SHOWN = 100
COLUMNS = {"Name": "name", "CreationTime": "created", "Status": "status", "FinalObjectiveMetricValue": "objective"}
_FILTERS = {
    "status": "StatusEquals",
    "name_contains": "NameContains",
    "created_after": "CreationTimeAfter",
    "created_before": "CreationTimeBefore",
    "modified_after": "LastModifiedTimeAfter",
    "modified_before": "LastModifiedTimeBefore",
}
Item = TypeVar("Item")


def page(items: Sequence[Item], request: Mapping[str, Any]) -> tuple[Sequence[Item], str | None]:
    """The items of the page that `request` asks for, and the token of the next one. Raises ValidationError."""
    first = _read_token(request.get("NextToken"))
    last = first + request.get("MaxResults", DEFAULT_PAGE)
    return items[first:last], _token(last) if last < len(items) else None


def select(
    find: Callable[[Selection], list[Item]],
    request: Mapping[str, Any],
    *,
    sort_by: str,
    order: str,
    tuning_job: str | None = None,
) -> tuple[list[Item], str | None]:
    """As `page`, of a store's jobs, of which no more than the page is read.

    `sort_by` and `order` are what the operation sorts by where the request does not say.
    """
    first, size = _read_token(request.get("NextToken")), request.get("MaxResults", DEFAULT_PAGE)
    column = COLUMNS[request.get("SortBy", sort_by)]
    found = find(
        Selection(
            order_by=column,
            descending=request.get("SortOrder", order) == "Descending",
            offset=first,
            limit=size + 1,
            tuning_job=tuning_job,
            evaluated=column == "objective",
            **{name: request.get(member) for name, member in _FILTERS.items()},
        )
    )
    return found[:size], _token(first + size) if len(found) > size else None


def _token(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode()


def _read_token(token: str | None) -> int:
    if token is None:
        return 0
    try:
        position = int(base64.urlsafe_b64decode(token))
    except ValueError:
        position = -1
    if not 0 <= position <= _FURTHEST:
        raise ValidationError(f"The NextToken {token[:_SHOWN]!r} is not one of this service's.")
    return position
