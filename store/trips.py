"""Planned trips: a vehicle, its stops and the route between them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from domain.access import Principal
from store.cipher import Cipher
from store.errors import NotFound
from store.place_names import name_index
from store.pool import Connection
from store.queries import load

_queries = load("trips")


@dataclass(frozen=True, slots=True)
class StopToAdd:
    """A stop of a new trip; `distance_m` is along the route."""

    seq: int
    name: str
    kind: str
    geofence_id: int | None
    lat: float
    lon: float
    distance_m: float
    planned_arrival_at: datetime | None
    planned_departure_at: datetime | None
    service_s: float


@dataclass(frozen=True, slots=True)
class Trip:
    """A trip without its stops and route."""

    trip_id: int
    public_id: UUID
    depot_public_id: UUID
    vehicle_public_id: UUID
    label: str
    active_from: datetime
    active_to: datetime
    cancelled_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop of a trip; `distance_m` is along the route.

    approached_at: when the vehicle came near its fence. due_soon_at: first estimated close ahead.
    """

    stop_id: int
    seq: int
    name: str
    kind: str
    geofence_public_id: UUID | None
    lat: float
    lon: float
    distance_m: float
    planned_arrival_at: datetime | None
    planned_departure_at: datetime | None
    service_s: float
    approached_at: datetime | None
    due_soon_at: datetime | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far along the route the vehicle was at its newest folded fix."""

    fix_at: datetime
    distance_m: float
    off_route_m: float
    off_route_since: datetime | None


@dataclass(frozen=True, slots=True)
class Route:
    """A trip's polyline, WGS-84 degrees, and the progress along it."""

    lats: Sequence[float]
    lons: Sequence[float]
    progress: Progress | None


async def create(
    connection: Connection,
    principal: Principal,
    cipher: Cipher,
    *,
    public_id: UUID,
    vehicle: UUID,
    label: str,
    active_from: datetime,
    active_to: datetime,
    route_lats: Sequence[float],
    route_lons: Sequence[float],
    stops: Sequence[StopToAdd],
    free_flow_s: float | None = None,
) -> int:
    """Add a trip and return its trip_id; NotFound for an unknown vehicle.

    free_flow_s: what a routing engine says the route takes when the roads are free.
    """
    trip_id = await _queries.create(
        connection,
        depots=principal.depots,
        public_id=public_id,
        vehicle=vehicle,
        label=label,
        active_from=active_from,
        active_to=active_to,
        route_lats=list(route_lats),
        route_lons=list(route_lons),
        free_flow_s=free_flow_s,
    )
    if trip_id is None:
        raise NotFound(f"There is no vehicle {vehicle}.")
    await _queries.add_stops(
        connection,
        trip_id=trip_id,
        stops=[asdict(stop) for stop in stops],
        name_indexes=[name_index(cipher, stop.name) for stop in stops],
    )
    return int(trip_id)


async def cancel(connection: Connection, principal: Principal, public_id: UUID, now: datetime) -> int:
    """Cancel a trip and return its trip_id; cancelling again changes nothing."""
    trip_id = await _queries.cancel(connection, depots=principal.depots, public_id=public_id, now=now)
    if trip_id is None:
        raise NotFound(f"There is no trip {public_id}.")
    return int(trip_id)


async def get(connection: Connection, principal: Principal, public_id: UUID) -> Trip:
    """One trip; NotFound when there is none or the principal may not see it."""
    found = await list_page(connection, principal, only=public_id, limit=1)
    if not found:
        raise NotFound(f"There is no trip {public_id}.")
    return found[0]


async def list_page(
    connection: Connection,
    principal: Principal,
    *,
    only: UUID | None = None,
    vehicle: UUID | None = None,
    active_at: datetime | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[Trip]:
    """Trips after `after` in the order they were added."""
    rows = _queries.list_page(
        connection,
        depots=principal.depots,
        only=only,
        vehicle=vehicle,
        active_at=active_at,
        after=after,
        limit_rows=limit,
    )
    return [Trip(**row) async for row in rows]


async def stops_of(connection: Connection, principal: Principal, trip_id: int) -> list[Stop]:
    """A trip's stops in their order."""
    return [Stop(**row) async for row in _queries.stops(connection, depots=principal.depots, trip_id=trip_id)]


async def route_of(connection: Connection, principal: Principal, trip_id: int) -> Route:
    """A trip's route and progress; NotFound when the principal may not see it."""
    row = await _queries.route(connection, depots=principal.depots, trip_id=trip_id)
    if row is None:
        raise NotFound("There is no such trip.")
    progress = None
    if row["fix_at"] is not None:
        progress = Progress(row["fix_at"], row["distance_m"], row["off_route_m"], row["off_route_since"])
    return Route(row["route_lats"], row["route_lons"], progress)


async def next_of(
    connection: Connection, principal: Principal, vehicle_id: int, now: datetime
) -> UUID | None:
    """The next trip a vehicle will be on, by its public id; None where none is planned."""
    found = await _queries.next_of(connection, vehicle_id=vehicle_id, now=now, depots=principal.depots)
    return None if found is None else UUID(str(found))


async def resolve(
    connection: Connection, principal: Principal, public_ids: Collection[UUID]
) -> dict[UUID, int]:
    """Internal trip ids by public id; NotFound names the first the principal does not have."""
    wanted = sorted(set(public_ids))
    rows = _queries.resolve(connection, depots=principal.depots, public_ids=wanted)
    found = {row["public_id"]: int(row["trip_id"]) async for row in rows}
    missing = next((public_id for public_id in wanted if public_id not in found), None)
    if missing is not None:
        raise NotFound(f"There is no trip {missing}.")
    return found
