"""Geofences and their versions: a fix is judged by the version valid at its time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.access import Principal
from store.errors import Conflict, NotFound
from store.pool import Connection
from store.queries import load

_queries = load("geofences")

Schedule = list[dict[str, Any]]
"""Rows of {"days": ["mon", …], "from": "HH:MM", "to": "HH:MM"} (domain/fence_hours.py)."""


@dataclass(frozen=True, slots=True)
class Geofence:
    """A geofence at its newest version; `geometry` is GeoJSON, a circle a Point with `radius_m`."""

    geofence_id: int
    public_id: UUID
    depot_public_id: UUID
    name: str
    purpose: str
    created_at: datetime
    version: int
    valid_from: datetime
    valid_to: datetime | None
    geometry: dict[str, Any]
    repairs: list[str]
    schedule: Schedule | None
    approach_m: float | None


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a geofence: a checked geometry as GeoJSON, what was repaired in it, and how it counts.

    schedule: hours of the week in the depot's zone, None for always. approach_m: coming this near is told.
    """

    geometry: dict[str, Any]
    repairs: Sequence[str]
    valid_from: datetime
    valid_to: datetime | None
    schedule: Schedule | None
    approach_m: float | None


@dataclass(frozen=True, slots=True)
class Place:
    """A geofence by internal id, with its newest geometry."""

    geofence_id: int
    geometry: dict[str, Any]


async def create(
    connection: Connection,
    principal: Principal,
    *,
    public_id: UUID,
    depot: UUID,
    name: str,
    purpose: str,
    version: Version,
) -> int:
    """Add a geofence with its first version and return its geofence_id; NotFound for an unknown depot."""
    geofence_id = await _queries.create(
        connection, depots=principal.depots, public_id=public_id, depot=depot, name=name, purpose=purpose
    )
    if geofence_id is None:
        raise NotFound(f"There is no depot {depot}.")
    await _add_version(connection, geofence_id, version)
    return int(geofence_id)


async def replace(
    connection: Connection,
    principal: Principal,
    public_id: UUID,
    *,
    name: str | None,
    purpose: str | None,
    version: Version,
) -> int:
    """Add a version that takes over at its `valid_from`, and return the geofence_id.

    Raises NotFound for an unknown geofence, Conflict when the newest version reaches past `valid_from`.
    """
    geofence_id = await _lock(connection, principal, public_id)
    valid_from = version.valid_from
    await _queries.end_version(connection, geofence_id=geofence_id, at=valid_from)
    newest = await _queries.newest_version(connection, geofence_id=geofence_id)
    if newest["valid_to"] is None or newest["valid_to"] > valid_from:
        raise Conflict(_takes_over_too_early(newest["valid_to"] or newest["valid_from"]))
    await _queries.describe(connection, geofence_id=geofence_id, name=name, purpose=purpose)
    await _add_version(connection, geofence_id, version)
    return geofence_id


async def end(connection: Connection, principal: Principal, public_id: UUID, at: datetime) -> int:
    """End a geofence's validity and return its geofence_id.

    Raises NotFound for an unknown geofence, Conflict when it ended before or has not begun by then.
    """
    geofence_id = await _lock(connection, principal, public_id)
    if await _queries.end_version(connection, geofence_id=geofence_id, at=at) is None:
        raise Conflict("The geofence has no version in force to end: it ended already, or begins later.")
    return geofence_id


async def get(connection: Connection, principal: Principal, public_id: UUID) -> Geofence:
    """One geofence at its newest version; NotFound when the principal may not see it."""
    found = await list_page(connection, principal, only=public_id, limit=1)
    if not found:
        raise NotFound(f"There is no geofence {public_id}.")
    return found[0]


async def list_page(
    connection: Connection,
    principal: Principal,
    *,
    only: UUID | None = None,
    depot: UUID | None = None,
    purpose: str | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[Geofence]:
    """Geofences after `after` in the order they were added, each at its newest version."""
    rows = _queries.list_page(
        connection,
        depots=principal.depots,
        only=only,
        depot=depot,
        purpose=purpose,
        after=after,
        limit_rows=limit,
    )
    return [Geofence(**row) async for row in rows]


async def resolve(
    connection: Connection, principal: Principal, public_ids: Collection[UUID]
) -> dict[UUID, Place]:
    """Geofences by public id; NotFound names the first the principal does not have."""
    wanted = sorted(set(public_ids))
    rows = _queries.resolve(connection, depots=principal.depots, public_ids=wanted)
    found = {row["public_id"]: Place(row["geofence_id"], row["geometry"]) async for row in rows}
    missing = next((public_id for public_id in wanted if public_id not in found), None)
    if missing is not None:
        raise NotFound(f"There is no geofence {missing}.")
    return found


async def _lock(connection: Connection, principal: Principal, public_id: UUID) -> int:
    geofence_id = await _queries.lock(connection, public_id=public_id, depots=principal.depots)
    if geofence_id is None:
        raise NotFound(f"There is no geofence {public_id}.")
    return int(geofence_id)


async def _add_version(connection: Connection, geofence_id: int, version: Version) -> None:
    await _queries.add_version(
        connection,
        geofence_id=geofence_id,
        valid_from=version.valid_from,
        valid_to=version.valid_to,
        geometry=version.geometry,
        repairs=list(version.repairs),
        schedule=version.schedule,
        approach_m=version.approach_m,
    )


def _takes_over_too_early(earliest: datetime) -> str:
    return f"The version before holds until {earliest.isoformat()} at least. Choose a later valid_from."
