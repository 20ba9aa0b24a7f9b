"""Devices, and which vehicle or operator each speaks for, when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.access import Principal
from store.errors import NotFound
from store.pool import Connection
from store.queries import load

_queries = load("devices")


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a device speaks for in [from_at, until_at): exactly one of vehicle and operator is set."""

    vehicle_public_id: UUID | None
    operator: str | None
    from_at: datetime
    until_at: datetime | None


@dataclass(frozen=True, slots=True)
class Device:
    """A device and its assignment now, if any."""

    device_id: int
    public_id: UUID
    depot_public_id: UUID
    name: str
    kind: str
    datum: str
    expected_interval_s: float
    status: str
    created_at: datetime
    assignment: Assignment | None


async def create(
    connection: Connection,
    principal: Principal,
    *,
    public_id: UUID,
    depot: UUID,
    name: str,
    kind: str,
    datum: str,
    expected_interval_s: float,
    token_hash: bytes,
) -> int:
    """Add a device and return its device_id; NotFound when the principal has no such depot."""
    device_id = await _queries.create(
        connection,
        depots=principal.depots,
        public_id=public_id,
        depot=depot,
        name=name,
        kind=kind,
        datum=datum,
        expected_interval_s=expected_interval_s,
        token_hash=token_hash,
    )
    if device_id is None:
        raise NotFound(f"There is no depot {depot}.")
    return int(device_id)


async def get(connection: Connection, principal: Principal, public_id: UUID, now: datetime) -> Device:
    """One device; NotFound when there is none or the principal may not see it."""
    rows = _queries.list_page(
        connection, depots=principal.depots, only=public_id, after=None, now=now, limit_rows=1
    )
    async for row in rows:
        return _device(row)
    raise NotFound(f"There is no device {public_id}.")


async def list_page(
    connection: Connection, principal: Principal, *, now: datetime, after: UUID | None = None, limit: int
) -> list[Device]:
    """Devices in the order they were added, from the one after `after`."""
    rows = _queries.list_page(
        connection, depots=principal.depots, only=None, after=after, now=now, limit_rows=limit
    )
    return [_device(row) async for row in rows]


async def assign(
    connection: Connection,
    principal: Principal,
    public_id: UUID,
    *,
    vehicle_id: int | None,
    operator: str | None,
    from_at: datetime,
    until_at: datetime | None,
) -> int:
    """Assign a device from a time on and return its device_id; an open assignment before ends there.

    Raises NotFound for an unknown device, Conflict (at the border) when the period overlaps another.
    """
    device_id = await _queries.internal_id(connection, public_id=public_id, depots=principal.depots)
    if device_id is None:
        raise NotFound(f"There is no device {public_id}.")
    await _queries.end_open_assignment(connection, device_id=device_id, at=from_at)
    await _queries.assign(
        connection,
        device_id=device_id,
        vehicle_id=vehicle_id,
        operator=operator,
        from_at=from_at,
        until_at=until_at,
    )
    return int(device_id)


async def assignments(connection: Connection, principal: Principal, public_id: UUID) -> list[Assignment]:
    """Everything a device was ever assigned to, oldest first."""
    rows = _queries.assignments(connection, public_id=public_id, depots=principal.depots)
    return [Assignment(**row) async for row in rows]


def _device(row: Any) -> Device:
    values = dict(row)
    names = ("vehicle_public_id", "operator", "from_at", "until_at")
    assigned = {name: values.pop(name) for name in names}
    assignment = Assignment(**assigned) if assigned["from_at"] is not None else None
    return Device(**values, assignment=assignment)
