"""What a tuning job may cost at most, by the dated price table in instance_prices.json."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from include.tuning.request import trials
from include.tuning.study import Study

_STARTING_MINUTES = 60
"""For a trial's machine, image and data, and for its upload; generous, since what it bounds is a job that hangs."""
TABLE = Path(__file__).with_name("instance_prices.json")


@dataclass(frozen=True)
class Estimate:
    """The most that a tuning job can cost: every trial runs as long as it may. Spot instances cost less."""

    trials: int
    instances: int
    hours: float
    """Longest run of one trial."""
    instance_type: str
    usd_per_hour: float | None
    """None for a type that the table lacks."""
    prices: str
    """Which prices these are."""

    @property
    def usd(self) -> float | None:
        """Trials x instances x hours x price."""
        if self.usd_per_hour is None:
            return None
        return round(self.trials * self.instances * self.hours * self.usd_per_hour, 2)

    def __str__(self) -> str:
        what = f"{self.trials} trials x {self.instances} {self.instance_type} x {self.hours:g} h"
        if self.usd is None:
            return f"{what}, whose price the table of {TABLE.name} lacks"
        return f"at most {self.usd:.2f} USD: {what} at {self.usd_per_hour:g} USD ({self.prices})"

    def as_row(self) -> dict[str, Any]:
        """For best_model.json."""
        return {"at_most_usd": self.usd, "instance_hours": self.trials * self.instances * self.hours, "how": str(self)}


def estimate(study: Study, params: Mapping[str, Any]) -> Estimate:
    """The estimate for a run's Params."""
    table = _table()
    return Estimate(
        trials=trials(study, params),
        instances=params["instance_count"],
        hours=params["max_runtime_minutes"] / 60,
        instance_type=params["instance_type"],
        usd_per_hour=table["usd_per_hour"].get(params["instance_type"]),
        prices=f"on demand in {table['region']}, {table['as_of']}",
    )


def longest_wait(study: Study, params: Mapping[str, Any]) -> float:
    """Seconds that a tuning job may take: its trials, so many at a time, each as long as it may, and time to start."""
    minutes = params["max_runtime_minutes"] + (params["spot_wait_minutes"] if params["spot"] else 0) + _STARTING_MINUTES
    return float(math.ceil(trials(study, params) / params["parallel_jobs"]) * minutes * 60)


def fault(study: Study, params: Mapping[str, Any]) -> str | None:
    """Why the budget forbids the run; None where it does not."""
    budget = params["budget_usd"]
    if budget is None:
        return None
    most = estimate(study, params)
    if most.usd is None:
        return f"budget_usd is {budget:g}, and the run would be {most}; add the price there, or leave the budget empty"
    if most.usd > budget:
        remedy = "give fewer trials, a shorter longest run, a cheaper instance or a larger budget"
        return f"budget_usd ({budget:g}) may not be enough: {most}; {remedy}"
    return None


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(TABLE.read_text())
    return table
