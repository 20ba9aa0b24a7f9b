"""How long after it happened a milestone showed, and whose delay that was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.access import Principal
from store.pool import Connection
from store.queries import load

_queries = load("service_level")

PROMISE = timedelta(minutes=15)
"""What Zaitu is sold on: a milestone shows at most this long after it happened."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Median and 99th percentile, in seconds."""

    p50_s: float
    p99_s: float


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """The lag of `milestones` milestones, and its three parts: device silent, network or backlog, ours."""

    milestones: int
    in_time: int
    lag: Quantiles
    device: Quantiles
    network: Quantiles
    ours: Quantiles


async def measure(
    connection: Connection, principal: Principal, since: datetime, now: datetime
) -> ServiceLevel | None:
    """The lag of the milestones recorded in (since, now] from scans and crossings; None without any."""
    row = await _queries.milestone_lags(
        connection, since=since, now=now, promise_s=PROMISE.total_seconds(), depots=principal.depots
    )
    if not row["milestones"]:
        return None
    return ServiceLevel(
        milestones=row["milestones"],
        in_time=row["in_time"],
        lag=_quantiles(row["lag_s"]),
        device=_quantiles(row["device_s"]),
        network=_quantiles(row["network_s"]),
        ours=_quantiles(row["ours_s"]),
    )


def _quantiles(pair: Sequence[float]) -> Quantiles:
    return Quantiles(p50_s=pair[0], p99_s=pair[1])
