"""Which vehicle an order is given to, and which could take it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.access import Principal
from domain.assignment import FleetVehicle, Load
from store.pool import Connection
from store.queries import load

_queries = load("assignments")


@dataclass(frozen=True, slots=True)
class Assignment:
    """A vehicle an order was given to, from when to when and by whom."""

    vehicle_public_id: UUID
    vehicle_label: str
    assigned_at: datetime
    assigned_by: str
    ended_at: datetime | None
    ended_by: str | None


async def load_of(connection: Connection, order_id: int) -> Load:
    """What the packages of an order weigh and fill."""
    return Load(**await _queries.load_of(connection, order_id=order_id))


async def place_of(connection: Connection, order_id: int, kind: str) -> tuple[float, float] | None:
    """Where an order's origin or destination is (WGS-84 degrees); None where no trip ever stopped there."""
    row = await _queries.place_of(connection, order_id=order_id, kind=kind)
    return None if row is None else (row["lat"], row["lon"])


async def fleet(
    connection: Connection,
    principal: Principal,
    order_id: int,
    origin: tuple[float, float] | None,
    *,
    only: UUID | None = None,
) -> dict[UUID, FleetVehicle]:
    """The vehicles of the order's depot, or one of them, by public id."""
    lat, lon = origin or (None, None)
    rows = _queries.fleet(connection, order_id=order_id, lat=lat, lon=lon, only=only, depots=principal.depots)
    return {
        row["public_id"]: FleetVehicle(
            vehicle_id=row["vehicle_id"],
            label=row["label"],
            status=row["status"],
            capacity=(row["capacity_kg"], row["capacity_m3"]),
            load=Load(row["weight_kg"], row["volume_m3"]),
            to_origin_m=row["to_origin_m"],
        )
        async for row in rows
    }


async def vehicle_of_trip(connection: Connection, trip_id: int, now: datetime) -> FleetVehicle | None:
    """The vehicle of a trip that is not over, empty; None for a trip that is."""
    row = await _queries.vehicle_of_trip(connection, trip_id=trip_id, now=now)
    if row is None:
        return None
    capacity = (row["capacity_kg"], row["capacity_m3"])
    return FleetVehicle(row["vehicle_id"], row["label"], row["status"], capacity, Load(0.0, 0.0), None)


async def assign(connection: Connection, order_id: int, vehicle_id: int, *, by: str, now: datetime) -> None:
    """Give an order the caller has locked to a vehicle; whoever had it has it no more."""
    await _queries.end(connection, order_id=order_id, by=by, now=now)
    await _queries.add(connection, order_id=order_id, vehicle_id=vehicle_id, by=by, now=now)


async def unassign(connection: Connection, order_id: int, *, by: str, now: datetime) -> bool:
    """Take an order the caller has locked from its vehicle; False when none had it."""
    ended = await _queries.end(connection, order_id=order_id, by=by, now=now)
    await _queries.take_back(connection, order_id=order_id, now=now)
    return ended is not None


async def history(connection: Connection, principal: Principal, order_id: int) -> list[Assignment]:
    """The vehicles an order was given to, the first one first."""
    rows = _queries.history(connection, order_id=order_id, depots=principal.depots)
    return [Assignment(**row) async for row in rows]
