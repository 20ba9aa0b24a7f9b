"""Crossings, trip progress and checkpoints: what the fold derives from a vehicle's fixes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.access import Principal
from domain.crossings import Crossing, CrossingKind
from store.pool import Connection
from store.queries import load

_queries = load("crossings")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a vehicle has come on a trip, as of its fix at `fix_at`."""

    trip_id: int
    vehicle_id: int
    fix_at: datetime
    distance_m: float
    off_route_m: float
    off_route_since: datetime | None
    recent_pace_s_per_m: float | None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The fold's state of a vehicle after all its fixes up to and including `at`."""

    vehicle_id: int
    at: datetime
    state: bytes


@dataclass(frozen=True, slots=True)
class FenceCrossing:
    """A vehicle's crossing of a geofence, for people."""

    vehicle_public_id: UUID
    vehicle_label: str
    kind: CrossingKind
    at: datetime
    plus_minus_s: float


async def newest_of_fence(
    connection: Connection, principal: Principal, geofence_id: int, limit: int
) -> list[FenceCrossing]:
    """The current crossings of a geofence by vehicles the principal may see, newest first."""
    rows = _queries.newest_of_fence(
        connection, geofence_id=geofence_id, depots=principal.depots, limit_rows=limit
    )
    return [
        FenceCrossing(
            vehicle_public_id=row["public_id"],
            vehicle_label=row["label"],
            kind=CrossingKind(row["kind"]),
            at=row["at"],
            plus_minus_s=row["plus_minus_s"],
        )
        async for row in rows
    ]


async def current_since(connection: Connection, since: Mapping[int, datetime]) -> dict[int, Crossing]:
    """Vehicles' current crossings decided from each one's own device time on, by crossing id."""
    rows = _queries.current_since(connection, vehicle_ids=list(since.keys()), sinces=list(since.values()))
    return {
        row["crossing_id"]: Crossing(
            decided_at=row["decided_at"],
            at=row["at"],
            vehicle_id=row["vehicle_id"],
            geofence_id=row["geofence_id"],
            kind=CrossingKind(row["kind"]),
            plus_minus_s=row["plus_minus_s"],
            lat=row["lat"],
            lon=row["lon"],
        )
        async for row in rows
    }


async def supersede(connection: Connection, crossing_ids: Collection[int], now: datetime) -> None:
    """Mark crossings that turned out wrong; they stay readable, but are no longer current."""
    if crossing_ids:
        await _queries.supersede(connection, crossing_ids=sorted(crossing_ids), now=now)


async def record(connection: Connection, crossings: Sequence[Crossing]) -> None:
    """Store new crossings."""
    if crossings:
        await _queries.record(
            connection,
            vehicle_ids=[crossing.vehicle_id for crossing in crossings],
            geofence_ids=[crossing.geofence_id for crossing in crossings],
            kinds=[crossing.kind.value for crossing in crossings],
            ats=[crossing.at for crossing in crossings],
            plus_minus_s=[crossing.plus_minus_s for crossing in crossings],
            decided_ats=[crossing.decided_at for crossing in crossings],
            lats=[crossing.lat for crossing in crossings],
            lons=[crossing.lon for crossing in crossings],
        )


async def newest_checkpoints(
    connection: Connection, before: Mapping[int, datetime], *, engine_version: int
) -> dict[int, Checkpoint]:
    """Each vehicle's last checkpoint strictly before its own device time that this engine can read."""
    rows = _queries.newest_checkpoints(
        connection,
        vehicle_ids=list(before.keys()),
        befores=list(before.values()),
        engine_version=engine_version,
    )
    return {row["vehicle_id"]: Checkpoint(row["vehicle_id"], row["at"], row["state"]) async for row in rows}


async def checkpoints_from(
    connection: Connection, from_at: Mapping[int, datetime], limit: int, *, engine_version: int
) -> dict[int, list[Checkpoint]]:
    """Each vehicle's first checkpoints at or after its own device time, oldest first, at most `limit`."""
    found: dict[int, list[Checkpoint]] = {vehicle_id: [] for vehicle_id in from_at}
    rows = _queries.checkpoints_from(
        connection,
        vehicle_ids=list(from_at.keys()),
        froms=list(from_at.values()),
        engine_version=engine_version,
        limit_rows=limit,
    )
    async for row in rows:
        found[row["vehicle_id"]].append(Checkpoint(row["vehicle_id"], row["at"], row["state"]))
    return found


async def drop_between(connection: Connection, spans: Mapping[int, tuple[datetime, datetime]]) -> None:
    """Forget what a rebuild replaces: per vehicle, from one device time on, checkpoints before a second
    one, and progress up to it.
    """
    sinces, untils = (list(ends) for ends in zip(*spans.values(), strict=True))
    columns = {"vehicle_ids": list(spans.keys()), "sinces": sinces, "untils": untils}
    await _queries.drop_checkpoints(connection, **columns)
    await _queries.drop_progress(connection, **columns)


async def keep_checkpoints(
    connection: Connection, checkpoints: Sequence[Checkpoint], *, engine_version: int
) -> None:
    """Store checkpoints, replacing those of the same vehicle and time."""
    if checkpoints:
        await _queries.keep_checkpoints(
            connection,
            engine_version=engine_version,
            vehicle_ids=[checkpoint.vehicle_id for checkpoint in checkpoints],
            ats=[checkpoint.at for checkpoint in checkpoints],
            states=[checkpoint.state for checkpoint in checkpoints],
        )


async def advance_progress(connection: Connection, progress: Sequence[Progress]) -> None:
    """Move the trips' progress on to these fixes; where a newer one is known, it stays."""
    if progress:
        await _queries.advance_progress(
            connection,
            trip_ids=[item.trip_id for item in progress],
            vehicle_ids=[item.vehicle_id for item in progress],
            fix_ats=[item.fix_at for item in progress],
            distances_m=[item.distance_m for item in progress],
            off_routes_m=[item.off_route_m for item in progress],
            off_routes_since=[item.off_route_since for item in progress],
            recent_paces_s_per_m=[item.recent_pace_s_per_m for item in progress],
        )
