"""Which jobs a List operation asks for, in which order, and which page of them; the store turns it into SQL."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Selection:
    """Filters that are None let everything pass; times in seconds since the epoch, `order_by` a column."""

    order_by: str
    descending: bool
    offset: int
    limit: int
    tuning_job: str | None = None
    status: str | None = None
    name_contains: str | None = None
    created_after: float | None = None
    created_before: float | None = None
    modified_after: float | None = None
    modified_before: float | None = None
    evaluated: bool = False
    """Whether only trials with an objective value pass."""

    def sql(self, table: str) -> tuple[str, list[Any]]:
        """The query and its values; jobs that are equal in `order_by` come in the order of their names."""
        found = list(self._conditions())
        where = f" WHERE {' AND '.join(condition for condition, _ in found)}" if found else ""
        direction = "DESC" if self.descending else "ASC"
        query = f"SELECT * FROM {table}{where} ORDER BY {self.order_by} {direction}, name {direction} LIMIT ? OFFSET ?"
        return query, [*(value for _, value in found), self.limit, self.offset]

    def _conditions(self) -> Iterator[tuple[str, Any]]:
        conditions = (
            ("tuning_job = ?", self.tuning_job),
            ("status = ?", self.status),
            ("instr(lower(name), lower(?)) > 0", self.name_contains),
            ("created > ?", self.created_after),
            ("created < ?", self.created_before),
            ("modified > ?", self.modified_after),
            ("modified < ?", self.modified_before),
            ("(objective IS NOT NULL) = ?", self.evaluated or None),
        )
        yield from ((condition, value) for condition, value in conditions if value is not None)
