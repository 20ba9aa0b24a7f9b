"""The fleet as a map shows it: where every vehicle was last seen, its trip, and whether that is late."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from domain.access import Principal
from domain.alerts import silence_limit
from store.pool import Connection
from store.queries import load

_queries = load("fleet_map")

Status = Literal["moving", "stopped", "stale"]

STANDING_MPS = 1.0
"""Slower than this a vehicle stands: receivers report a drift when it does."""


@dataclass(frozen=True, slots=True)
class MapVehicle:
    """A vehicle where it was last seen (WGS-84 degrees, device time); `risk`: late, late_risk or None."""

    vehicle_id: int
    public_id: UUID
    depot_id: int
    label: str
    lat: float
    lon: float
    heading_deg: float | None
    speed_mps: float | None
    at: datetime
    expected_interval_s: float
    trip_public_id: UUID | None
    risk: str | None

    def status(self, now: datetime) -> Status:
        """Whether it is moving or stopped, or has been silent for so long (stale) that nobody knows."""
        if now - self.at > silence_limit(timedelta(seconds=self.expected_interval_s)):
            return "stale"
        return "moving" if (self.speed_mps or 0.0) >= STANDING_MPS else "stopped"


async def vehicles(
    connection: Connection,
    principal: Principal,
    now: datetime,
    *,
    vehicle_ids: Collection[int] | None = None,
) -> list[MapVehicle]:
    """The vehicles that were ever seen: all, or some of them."""
    rows = _queries.vehicles(
        connection,
        now=now,
        vehicle_ids=None if vehicle_ids is None else sorted(vehicle_ids),
        depots=principal.depots,
    )
    return [MapVehicle(**row) async for row in rows]


async def concerned(
    connection: Connection, *, alert_ids: Collection[int], trip_ids: Collection[int]
) -> set[int]:
    """The vehicles that alerts and trips are about."""
    rows = _queries.concerned(connection, alert_ids=sorted(alert_ids), trip_ids=sorted(trip_ids))
    return {row["vehicle_id"] async for row in rows}
