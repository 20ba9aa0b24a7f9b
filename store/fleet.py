"""What ingest must know to fold facts: devices, which vehicle each speaks for, fences and trips."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.access import Principal
from store.pool import Connection
from store.queries import load

_queries = load("fleet")
SILENT_WRITER_S = 3.0
COMPUTING_WRITER_S = 120.0
WRITER_SETTINGS = {"idle_in_transaction_session_timeout": f"{COMPUTING_WRITER_S:.0f}s"}
"""Laying out many fences, or folding many days again, the writer asks nothing for long."""
_WRITER_LOCK = 0x5A414954  # "ZAIT": one ingest process at a time on this database


@dataclass(frozen=True, slots=True)
class Device:
    """A registered device; `token_hash` is for those that send over HTTP."""

    device_id: int
    name: str
    kind: str
    datum: str
    status: str
    token_hash: bytes | None


@dataclass(frozen=True, slots=True)
class Assignment:
    """A device speaks for a vehicle from `from_at` until before `until_at` (None: without end)."""

    device_id: int
    vehicle_id: int
    from_at: datetime | None
    until_at: datetime | None


@dataclass(frozen=True, slots=True)
class FenceRow:
    """A stored fence version with its geometry as GeoJSON; schedule: hours in the zone, None for always."""

    geofence_id: int
    version: int
    valid_from: datetime | None
    valid_until: datetime | None
    geometry: dict[str, Any]
    schedule: list[dict[str, Any]] | None
    approach_m: float | None
    time_zone: str


@dataclass(frozen=True, slots=True)
class TripRow:
    """A trip's route (degrees), and when its vehicle drives it."""

    trip_id: int
    vehicle_id: int
    from_at: datetime | None
    until_at: datetime | None
    route_lats: list[float]
    route_lons: list[float]
    cancelled: bool


async def take_writer_lock(connection: Connection) -> bool:
    """Become the one writer for as long as this connection lives; False while another process is."""
    return bool(await _queries.try_writer_lock(connection, key=_WRITER_LOCK))


async def end_silent_writer(connection: Connection) -> bool:
    """End the session of a writer that has stopped asking, as when its machine is frozen or cut off.

    Should it wake up, its commit fails. True when there was such a session.
    """
    rows = _queries.end_silent_writer(
        connection, key=_WRITER_LOCK, idle_s=SILENT_WRITER_S, computing_s=COMPUTING_WRITER_S
    )
    return any([row async for row in rows])


async def devices(connection: Connection, principal: Principal) -> list[Device]:
    """All devices the principal may see."""
    return [Device(**row) async for row in _queries.all_devices(connection, depots=principal.depots)]


async def devices_named(connection: Connection, principal: Principal, names: Collection[str]) -> list[Device]:
    """Those of the named devices that exist."""
    rows = _queries.devices_by_name(connection, depots=principal.depots, names=sorted(names))
    return [Device(**row) async for row in rows]


async def assignments(
    connection: Connection, principal: Principal, device_ids: Collection[int] | None = None
) -> list[Assignment]:
    """Which vehicles devices speak for: of all devices, or of these."""
    rows = _queries.assignments(
        connection, depots=principal.depots, device_ids=None if device_ids is None else sorted(device_ids)
    )
    return [Assignment(**row) async for row in rows]


async def fence_versions(
    connection: Connection, principal: Principal, geofence_ids: Collection[int] | None = None
) -> list[FenceRow]:
    """All versions of all fences, or of these."""
    rows = _queries.fence_versions(
        connection,
        depots=principal.depots,
        geofence_ids=None if geofence_ids is None else sorted(geofence_ids),
    )
    return [FenceRow(**row) async for row in rows]


async def trips_ending_after(connection: Connection, principal: Principal, since: datetime) -> list[TripRow]:
    """Trips whose active time reaches beyond `since`."""
    rows = _queries.trips_ending_after(connection, depots=principal.depots, since=since)
    return [TripRow(**row) async for row in rows]


async def trips(connection: Connection, principal: Principal, trip_ids: Collection[int]) -> list[TripRow]:
    """These trips."""
    return [
        TripRow(**row)
        async for row in _queries.trips(connection, depots=principal.depots, trip_ids=sorted(trip_ids))
    ]
