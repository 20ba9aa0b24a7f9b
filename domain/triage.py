"""Which late orders to look at first: those where most can still be saved. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.alerts import probability_late

WEIGHTS = {"urgent": 4.0, "high": 2.0, "regular": 1.0, "low": 0.5}
"""How much an order counts, by its priority, which the rules derive from customer level and urgency."""

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Outlook:
    """How an order stands: late_min is the likeliest arrival after the promise, left_min the time until it.

    Both are negative the other way round: in time, or the promise has passed.
    """

    probability: float
    late_min: float
    left_min: float


def outlook(p50_at: datetime, p90_at: datetime, promised_at: datetime, now: datetime) -> Outlook:
    """How an order with this estimate stands now; once the promise has passed it is late for certain."""
    left_min = (promised_at - now) / _MINUTE
    probability = probability_late(p50_at, p90_at, promised_at) if left_min > 0 else 1.0
    return Outlook(probability, (max(p50_at, now) - promised_at) / _MINUTE, left_min)


def savable(outlooks: Iterable[tuple[Outlook, str]]) -> float:
    """What can still be saved of the orders of one alert, each with its priority; more comes first.

    An order counts its weight × the probability that it is late otherwise × the share of the time it needs
    that there is: left / (left + late). An hour missing of two can hardly be driven in, ten minutes can. An
    order whose promise has passed cannot be saved any more and counts nothing.
    """
    return sum(WEIGHTS.get(priority, 1.0) * _saved(one) for one, priority in outlooks)


def _saved(one: Outlook) -> float:
    if one.left_min <= 0:
        return 0.0
    return one.probability * one.left_min / (one.left_min + max(one.late_min, 0.0))
