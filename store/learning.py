"""What drives have taught about arrivals, and how estimates that were told turned out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.access import Principal
from domain.estimates import ScoredEstimate
from domain.orders import StopKind
from store.pool import Connection
from store.queries import load

_queries = load("learning")

MOST_SCORED = 200_000


@dataclass(frozen=True, slots=True)
class UnlearnedTrip:
    """A trip with fixes that were not learned from yet; through_at: the newest commit among them."""

    trip_id: int
    vehicle_id: int
    active_from: datetime
    active_to: datetime
    time_zone: str
    through_at: datetime


@dataclass(frozen=True, slots=True)
class LearnedStop:
    """A stop of a trip, `distance_m` along its route."""

    stop_id: int
    geofence_id: int | None
    kind: StopKind
    distance_m: float
    planned_departure_at: datetime | None


@dataclass(frozen=True, slots=True)
class FenceVisit:
    """A crossing of a fence by a trip's vehicle."""

    geofence_id: int
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sums:
    """Weighted sums by (cell, slot), as parallel columns."""

    cells: Sequence[int]
    slots: Sequence[int]
    seconds: Sequence[float]
    weights: Sequence[float]
    squares: Sequence[float]


async def unlearned_trips(
    connection: Connection, principal: Principal, since: datetime, now: datetime, *, limit: int
) -> list[UnlearnedTrip]:
    """The trips since then with fixes that were not learned from yet."""
    rows = _queries.unlearned_trips(
        connection, depots=principal.depots, since=since, now=now, limit_rows=limit
    )
    return [UnlearnedTrip(**row) async for row in rows]


async def stops_of(connection: Connection, trip_id: int) -> list[LearnedStop]:
    """The stops of a trip, in order."""
    rows = _queries.trip_stops(connection, trip_id=trip_id)
    return [LearnedStop(**{**row, "kind": StopKind(row["kind"])}) async for row in rows]


async def fence_visits(connection: Connection, trip_id: int) -> list[FenceVisit]:
    """The current crossings of a trip's vehicle during the trip, oldest first."""
    return [FenceVisit(**row) async for row in _queries.stop_visits(connection, trip_id=trip_id)]


async def routes(
    connection: Connection, trip_ids: Collection[int]
) -> dict[int, tuple[list[float], list[float]]]:
    """The polylines of trips, as latitudes and longitudes."""
    rows = _queries.routes(connection, trip_ids=sorted(trip_ids))
    return {row["trip_id"]: (row["route_lats"], row["route_lons"]) async for row in rows}


async def lesson_of(connection: Connection, trip_id: int) -> Sums | None:
    """What was learned from a trip last, None if nothing is kept."""
    row = await _queries.lesson_of(connection, trip_id=trip_id)
    return None if row is None else Sums(**row)


async def keep_lesson(connection: Connection, trip_id: int, through_at: datetime, sums: Sums) -> None:
    """Keep what was learned from a trip, so that it can be taken back."""
    await _queries.keep_lesson(connection, trip_id=trip_id, through_at=through_at, **_columns(sums))


async def add_to_cells(connection: Connection, sums: Sums) -> None:
    """Add to what is known of cells."""
    await _queries.add_to_cells(connection, **_columns(sums))


async def cells(connection: Connection) -> Sums:
    """Everything known of cells."""
    rows = [tuple(row.values()) async for row in _queries.cells(connection)]
    columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], [], []]
    return Sums(*columns)


async def forget_lessons(connection: Connection, before: datetime, *, limit: int) -> int:
    """Delete lessons of trips that ended before then, at most `limit`; returns how many."""
    return int(await _queries.forget_lessons(connection, before=before, limit_rows=limit))


async def forget_cells(connection: Connection, least_weight: float, most: int, *, limit: int) -> int:
    """Delete the faintest cells: at most `limit` below a weight, and as many beyond `most`."""
    return int(
        await _queries.forget_cells(connection, least_weight=least_weight, most=most, limit_rows=limit)
    )


async def forget_etas(connection: Connection, before: datetime, *, limit: int) -> int:
    """Delete estimates made before then, at most `limit`; returns how many."""
    return int(await _queries.forget_etas(connection, before=before, limit_rows=limit))


async def tell_truth(connection: Connection, arrivals: Mapping[int, datetime]) -> None:
    """Say when stops were reached, to all estimates told of them before."""
    if arrivals:
        stop_ids = sorted(arrivals)
        await _queries.tell_truth(
            connection, stop_ids=stop_ids, arrived_ats=[arrivals[stop_id] for stop_id in stop_ids]
        )


async def errors(connection: Connection, since: datetime) -> list[tuple[float, float, float, float]]:
    """(arrival epoch s, time to go s, error s, spread s) of the estimates scored since then, newest first."""
    rows = _queries.errors(connection, since=since, limit_rows=MOST_SCORED)
    return [tuple(row.values()) async for row in rows]


async def scored(
    connection: Connection, principal: Principal, since: datetime, until: datetime
) -> list[ScoredEstimate]:
    """The estimates of arrivals in [since, until), by stop and time told."""
    rows = _queries.scored(
        connection, depots=principal.depots, since=since, until=until, limit_rows=MOST_SCORED
    )
    return [ScoredEstimate(**row) async for row in rows]


def _columns(sums: Sums) -> dict[str, list[Any]]:
    return {
        "cells": list(sums.cells),
        "slots": list(sums.slots),
        "seconds": list(sums.seconds),
        "weights": list(sums.weights),
        "squares": list(sums.squares),
    }
