"""Vehicles and where they were last seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.access import Principal
from store.errors import NotFound
from store.pool import Connection
from store.queries import load

_queries = load("vehicles")


@dataclass(frozen=True, slots=True)
class LastSeen:
    """A vehicle's newest position, WGS-84 degrees; `at` is the device's time."""

    at: datetime
    received_at: datetime
    lat: float
    lon: float
    speed_mps: float | None
    heading_deg: float | None
    accuracy_m: float | None


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle; `distance_m` is set where it was asked for near a point."""

    vehicle_id: int
    public_id: UUID
    depot_public_id: UUID
    label: str
    kind: str
    status: str
    capacity_kg: float | None
    capacity_m3: float | None
    last_seen: LastSeen | None
    distance_m: float | None


@dataclass(frozen=True, slots=True)
class Box:
    """A box in degrees; west > east crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    def holds(self, lat: float, lon: float) -> bool:
        """Whether a point lies in it."""
        if not self.south <= lat <= self.north:
            return False
        if self.west <= self.east:
            return self.west <= lon <= self.east
        return lon >= self.west or lon <= self.east


@dataclass(frozen=True, slots=True)
class Circle:
    """Everything within `radius_m` metres of a point."""

    lat: float
    lon: float
    radius_m: float


async def create(
    connection: Connection,
    principal: Principal,
    *,
    public_id: UUID,
    depot: UUID,
    label: str,
    kind: str,
    status: str,
    capacity_kg: float | None,
    capacity_m3: float | None,
) -> int:
    """Add a vehicle and return its vehicle_id; NotFound when the principal has no such depot."""
    vehicle_id = await _queries.create(
        connection,
        depots=principal.depots,
        public_id=public_id,
        depot=depot,
        label=label,
        kind=kind,
        status=status,
        capacity_kg=capacity_kg,
        capacity_m3=capacity_m3,
    )
    if vehicle_id is None:
        raise NotFound(f"There is no depot {depot}.")
    return int(vehicle_id)


async def internal_id(connection: Connection, principal: Principal, public_id: UUID) -> int:
    """The internal id of a vehicle; NotFound when there is none or the principal may not see it."""
    vehicle_id = await _queries.internal_id(connection, public_id=public_id, depots=principal.depots)
    if vehicle_id is None:
        raise NotFound(f"There is no vehicle {public_id}.")
    return int(vehicle_id)


async def labelled(connection: Connection, principal: Principal, label: str) -> UUID:
    """A vehicle's public id by its label; NotFound when there is none or the principal may not see it."""
    public_id = await _queries.labelled(connection, label=label, depots=principal.depots)
    if public_id is None:
        raise NotFound(f"There is no vehicle {label!r}.")
    return UUID(str(public_id))


async def get(connection: Connection, principal: Principal, public_id: UUID) -> Vehicle:
    """One vehicle; NotFound when there is none or the principal may not see it."""
    row = await _queries.by_public_id(connection, public_id=public_id, depots=principal.depots)
    if row is None:
        raise NotFound(f"There is no vehicle {public_id}.")
    return _vehicle(row)


async def list_page(
    connection: Connection,
    principal: Principal,
    *,
    depot: UUID | None = None,
    within: Box | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[Vehicle]:
    """Vehicles after `after` in the order they were added; `within` keeps those last seen there."""
    rows = _queries.list_page(
        connection,
        depots=principal.depots,
        depot=depot,
        after=after,
        west=within.west if within else None,
        south=within.south if within else None,
        east=within.east if within else None,
        north=within.north if within else None,
        limit_rows=limit,
    )
    return [_vehicle(row) async for row in rows]


async def list_near(
    connection: Connection, principal: Principal, near: Circle, *, depot: UUID | None = None, limit: int
) -> list[Vehicle]:
    """Vehicles last seen within a circle, nearest first."""
    rows = _queries.list_near(
        connection,
        depots=principal.depots,
        depot=depot,
        lat=near.lat,
        lon=near.lon,
        radius_m=near.radius_m,
        limit_rows=limit,
    )
    return [_vehicle(row) async for row in rows]


def _vehicle(row: Any) -> Vehicle:
    last_seen = None
    if row["device_time"] is not None:
        last_seen = LastSeen(
            at=row["device_time"],
            received_at=row["received_at"],
            lat=row["lat"],
            lon=row["lon"],
            speed_mps=row["speed_mps"],
            heading_deg=row["heading_deg"],
            accuracy_m=row["accuracy_m"],
        )
    return Vehicle(
        vehicle_id=row["vehicle_id"],
        public_id=row["public_id"],
        depot_public_id=row["depot_public_id"],
        label=row["label"],
        kind=row["kind"],
        status=row["status"],
        capacity_kg=row["capacity_kg"],
        capacity_m3=row["capacity_m3"],
        last_seen=last_seen,
        distance_m=row["distance_m"],
    )
