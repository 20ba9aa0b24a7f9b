"""Published arrival estimates: reading the newest, and publishing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.access import Principal
from domain.estimates import Estimate, Publication
from domain.orders import StopKind
from store.pool import Connection
from store.queries import load

_queries = load("etas")


@dataclass(frozen=True, slots=True)
class StopEta:
    """The newest published estimate for one stop ahead of a trip; `fix_at` is the fix it rests on.

    A p50_at that has passed meanwhile means: due now.
    """

    trip_id: int
    stop_id: int
    seq: int
    name: str
    kind: StopKind
    planned_arrival_at: datetime | None
    computed_at: datetime
    fix_at: datetime | None
    p10_at: datetime | None
    p50_at: datetime
    p90_at: datetime


@dataclass(frozen=True, slots=True)
class OrderEta:
    """The newest published estimate for one stop of an order."""

    order_id: int
    stop_seq: int
    kind: StopKind
    computed_at: datetime
    fix_at: datetime | None
    p10_at: datetime | None
    p50_at: datetime
    p90_at: datetime


async def latest_for_trips(
    connection: Connection, principal: Principal, trip_ids: Sequence[int]
) -> list[StopEta]:
    """The newest estimates of the stops ahead, by trip and stop; nothing for a trip without any."""
    rows = _queries.latest_for_trips(connection, trip_ids=list(trip_ids), depots=principal.depots)
    return [StopEta(**{**row, "kind": StopKind(row["kind"])}) async for row in rows]


async def latest_for_orders(
    connection: Connection, principal: Principal, order_ids: Sequence[int]
) -> list[OrderEta]:
    """The newest estimates of the order stops still ahead, by order and stop.

    An order whose packages ride on several trips is at a stop when the last of them is.
    """
    rows = _queries.latest_for_orders(connection, order_ids=list(order_ids), depots=principal.depots)
    return [OrderEta(**{**row, "kind": StopKind(row["kind"])}) async for row in rows]


@dataclass(frozen=True, slots=True)
class TripStop:
    """A stop of a trip, `distance_m` along its route; entered_at: when the vehicle came into its fence."""

    stop_id: int
    distance_m: float
    service_s: float
    planned_arrival_at: datetime | None
    planned_departure_at: datetime | None
    entered_at: datetime | None
    geofence_id: int | None
    kind: StopKind


@dataclass(frozen=True, slots=True)
class Progress:
    """How far along the route a trip was at its newest fix, and how fast it came there.

    beside_route: latitude and longitude of a vehicle that has left the route; `distance_m` is where it left.
    """

    distance_m: float
    fix_at: datetime
    recent_pace_s_per_m: float | None
    beside_route: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class TripUnderWay:
    """A trip whose time it is, and what was told of it last.

    seen_at: device time of the vehicle's newest fix, wherever that was. Without progress it has not been seen
    following the route. free_flow_s: what the route takes when the roads are free, where an engine said so.
    """

    trip_id: int
    vehicle_id: int
    time_zone: str
    stops: tuple[TripStop, ...]
    seen_at: datetime | None
    progress: Progress | None
    told: Publication | None
    free_flow_s: float | None = None


async def trips_under_way(
    connection: Connection,
    principal: Principal,
    now: datetime,
    *,
    vehicle_ids: Collection[int] | None = None,
    trip_ids: Collection[int] = (),
) -> list[TripUnderWay]:
    """The trips whose active window holds `now`: all, or those of some vehicles and some trips."""
    rows = _queries.under_way(
        connection,
        now=now,
        vehicle_ids=None if vehicle_ids is None else sorted(vehicle_ids),
        trip_ids=sorted(trip_ids),
        depots=principal.depots,
    )
    return [_trip(row) async for row in rows]


async def publish(connection: Connection, publications: Collection[tuple[TripUnderWay, Publication]]) -> None:
    """Store new estimates; the trip says which fix they rest on."""
    records = [
        (
            trip.trip_id,
            estimate.stop_id,
            publication.computed_at,
            trip.progress.fix_at if trip.progress else None,
            estimate.p10_at,
            estimate.p50_at,
            estimate.p90_at,
            estimate.raw_at,
            estimate.spread_s,
        )
        for trip, publication in publications
        for estimate in publication.estimates
    ]
    columns = (
        "trip_id",
        "stop_id",
        "computed_at",
        "fix_at",
        "p10_at",
        "p50_at",
        "p90_at",
        "raw_at",
        "spread_s",
    )
    await connection.copy_records_to_table("eta", records=records, columns=columns)


async def note_arriving_soon(
    connection: Connection, soon: Sequence[Estimate], within_min: float, now: datetime
) -> dict[int, int]:
    """Note stops that are at most so many minutes ahead; the trips of those not noted before, by stop."""
    if not soon:
        return {}
    ordered = sorted(soon, key=lambda estimate: estimate.stop_id)
    rows = _queries.note_arriving_soon(
        connection,
        stop_ids=[estimate.stop_id for estimate in ordered],
        p50_ats=[estimate.p50_at for estimate in ordered],
        within_min=within_min,
        now=now,
    )
    return {row["stop_id"]: row["trip_id"] async for row in rows}


async def orders_at(connection: Connection, stop_ids: Collection[int]) -> dict[int, bool]:
    """The open orders that are carried to these stops; whether any of them is the order's destination."""
    rows = _queries.orders_at(connection, stop_ids=sorted(stop_ids))
    return {row["order_id"]: row["ends"] async for row in rows}


async def orders_on(connection: Connection, principal: Principal, trip_ids: Collection[int]) -> set[int]:
    """The orders that ride, or are to ride, on these trips."""
    rows = _queries.orders_on(connection, trip_ids=sorted(trip_ids), depots=principal.depots)
    return {row["order_id"] async for row in rows}


async def estimate_milestones(
    connection: Connection, principal: Principal, order_ids: Collection[int]
) -> set[int]:
    """Copy the newest estimates to the orders' open milestones; returns the orders that changed.

    Locks the orders in id order, as everything does that writes milestones.
    """
    wanted = sorted(order_ids)
    if not wanted:
        return set()
    await _queries.lock_orders(connection, order_ids=wanted, depots=principal.depots)
    rows = _queries.estimate_milestones(connection, order_ids=wanted, depots=principal.depots)
    return {row["order_id"] async for row in rows}


def _trip(row: Any) -> TripUnderWay:
    progress = None
    if row["fix_at"] is not None:
        has_left = row["off_route_since"] is not None and row["seen_at"] == row["fix_at"]
        progress = Progress(
            row["distance_m"],
            row["fix_at"],
            row["recent_pace_s_per_m"],
            beside_route=(row["lat"], row["lon"]) if has_left else None,
        )
    return TripUnderWay(
        trip_id=row["trip_id"],
        vehicle_id=row["vehicle_id"],
        time_zone=row["time_zone"],
        stops=_stops(row),
        seen_at=row["seen_at"],
        progress=progress,
        told=_told(row),
        free_flow_s=row["free_flow_s"],
    )


def _stops(row: Any) -> tuple[TripStop, ...]:
    """Pair stops with arrivals in the order of both: a place visited twice is entered twice."""
    entries = list(zip(row["entered_ids"] or (), row["entered_ats"] or (), strict=True))
    stops: list[TripStop] = []
    for geofence_id, stop_id, distance_m, service_s, arrival_at, departure_at, kind in row["stops"] or ():
        # The vehicle may have been at the origin before the trip began: then only its return is an entry.
        within = entries if stops else entries[:1]
        found = next((n for n, (entered_id, _) in enumerate(within) if entered_id == geofence_id), None)
        entered_at = None
        if found is not None:
            entered_at = entries[found][1]
            del entries[: found + 1]
        stops.append(
            TripStop(
                stop_id,
                distance_m,
                service_s,
                arrival_at,
                departure_at,
                entered_at,
                geofence_id,
                StopKind(kind),
            )
        )
    return tuple(stops)


def _told(row: Any) -> Publication | None:
    if row["told_at"] is None:
        return None
    told = zip(row["told_stop_ids"], row["told_p50_ats"], row["told_p90_ats"], strict=True)
    return Publication(row["told_at"], tuple(Estimate(*estimate) for estimate in told))
