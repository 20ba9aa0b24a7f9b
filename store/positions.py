"""Stored fixes, read back as a vehicle's track."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.access import Principal
from store.pool import Connection
from store.queries import load

_queries = load("positions")


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """One fix of a track, WGS-84 degrees; `at` is the device's time."""

    at: datetime
    received_at: datetime
    lat: float
    lon: float
    speed_mps: float | None
    heading_deg: float | None
    accuracy_m: float | None


async def track(
    connection: Connection,
    principal: Principal,
    vehicle_id: int,
    from_at: datetime,
    until_at: datetime,
    *,
    after: datetime | None = None,
    limit: int,
) -> list[TrackPoint]:
    """A vehicle's fixes with device times in [from_at, until_at) and after `after`, oldest first."""
    rows = _queries.track(
        connection,
        depots=principal.depots,
        vehicle_id=vehicle_id,
        from_at=from_at,
        until_at=until_at,
        after=after,
        limit_rows=limit,
    )
    return [TrackPoint(**row) async for row in rows]


async def sampled_track(
    connection: Connection,
    principal: Principal,
    vehicle_id: int,
    from_at: datetime,
    until_at: datetime,
    *,
    max_points: int,
) -> list[TrackPoint]:
    """A vehicle's whole track in at most so many fixes, evenly over the time, oldest first."""
    step_s = (until_at - from_at).total_seconds() / max_points
    rows = _queries.track_sampled(
        connection,
        depots=principal.depots,
        vehicle_id=vehicle_id,
        from_at=from_at,
        until_at=until_at,
        step_s=step_s,
    )
    return [TrackPoint(**row) async for row in rows]
