"""Chore: learn from what vehicles drove, and tell past estimates the truth.

A trip is learned as a whole, also while it is under way; when more of its facts arrive, late ones too, what
it taught is taken back and it is learned anew. So what is known depends on the facts alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from domain.access import Principal
from domain.facts import REFOLD_HORIZON
from geo.pace import LONGEST_GAP_S, Observation, PaceTable, combined, observe, observe_services
from geo.progress import Route, RouteProgress
from geo.road_cells import RoadPath, lane_of, road_path, service_keys
from store import learning, positions
from store.learning import FenceVisit, LearnedStop, UnlearnedTrip
from store.pool import Connection
from store.unit_of_work import UnitOfWork, unit_of_work
from watch.learned import Learned, observation_of, sums_of, utc_offset_s
from watch.measures import WatchMeasures

TRIPS_AT_ONCE = 20
MOST_FIXES = 50_000
UNKNOWN_M = math.nan

_NOTHING = np.empty(0)


async def run(
    connection: Connection, principal: Principal, now: datetime, learned: Learned, measures: WatchMeasures
) -> None:
    """Learn from the trips that have news, the longest unlearned first; each in a transaction of its own.

    Their traffic is told from what is usual by `learned`, as the estimates last read it.
    """
    trips = await learning.unlearned_trips(
        connection, principal, now - REFOLD_HORIZON, now, limit=TRIPS_AT_ONCE
    )
    for trip in trips:
        async with unit_of_work(connection) as work:
            await learn(work, principal, trip, learned.table)
        measures.trips_learned.inc()


async def learn(work: UnitOfWork, principal: Principal, trip: UnlearnedTrip, table: PaceTable) -> None:
    """Learn a trip anew, and say when its stops were reached."""
    lats, lons = (await learning.routes(work.connection, [trip.trip_id]))[trip.trip_id]
    drive = await _drive(work, principal, trip, Route(lats, lons))
    stops = await learning.stops_of(work.connection, trip.trip_id)
    stays = _stays(stops, await learning.fence_visits(work.connection, trip.trip_id))
    taught = lesson(trip, drive, stops, stays, road_path(lats, lons, lane=lane_of(lats, lons)), table)
    former = await learning.lesson_of(work.connection, trip.trip_id)
    change = taught if former is None else combined(taught, observation_of(former), -1.0)
    await learning.add_to_cells(work.connection, sums_of(change))
    await learning.keep_lesson(work.connection, trip.trip_id, trip.through_at, sums_of(taught))
    await learning.tell_truth(work.connection, _arrivals(drive, stops, stays))


@dataclass(frozen=True, slots=True, eq=False)
class Drive:
    """Progress samples: epoch seconds, metres along the route."""

    times_s: NDArray[np.float64]
    distances_m: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stay:
    """When a vehicle came to a stop, and when it left (None: still there, or unknown)."""

    entered_at: datetime
    left_at: datetime | None


async def _drive(work: UnitOfWork, principal: Principal, trip: UnlearnedTrip, route: Route) -> Drive:
    track = await positions.track(
        work.connection, principal, trip.vehicle_id, trip.active_from, trip.active_to, limit=MOST_FIXES
    )
    if not track:
        return Drive(_NOTHING, _NOTHING)
    progress = RouteProgress()
    progress.assign(0, route)
    times_s = np.array([point.at.timestamp() for point in track])
    columns = progress.advance(
        np.zeros(len(track), np.int64),
        times_s,
        [point.lat for point in track],
        [point.lon for point in track],
        [UNKNOWN_M if point.accuracy_m is None else point.accuracy_m for point in track],
    )
    on_route = columns.on_trip & np.isnan(columns.off_route_since_s)
    return Drive(times_s[on_route], columns.distance_m[on_route])


def _stays(stops: Sequence[LearnedStop], visits: Sequence[FenceVisit]) -> list[Stay | None]:
    """Pair stops with visits to their fences in the order of both, as the plan has them."""
    stays: list[Stay | None] = []
    after = 0
    for stop in stops:
        entry = next(
            (
                n
                for n in range(after, len(visits))
                if visits[n].geofence_id == stop.geofence_id and visits[n].kind != "exit"
            ),
            None,
        )
        if stop.geofence_id is None or entry is None:
            stays.append(None)
            continue
        left_at = next(
            (
                visit.at
                for visit in visits[entry:]
                if visit.geofence_id == stop.geofence_id and visit.kind == "exit"
            ),
            None,
        )
        stays.append(Stay(visits[entry].at, left_at))
        after = entry + 1
    return stays


def lesson(
    trip: UnlearnedTrip,
    drive: Drive,
    stops: Sequence[LearnedStop],
    stays: Sequence[Stay | None],
    path: RoadPath,
    table: PaceTable,
) -> Observation:
    """What a trip teaches: the pace of its roads, its lane's timetable, the service at its stops, and the
    traffic of its hours beside what was usual by the table.
    """
    offset_s = utc_offset_s(trip.time_zone, trip.active_from)
    served = [
        (key, (stay.left_at - stay.entered_at).total_seconds())
        for stop, stay in zip(stops[1:], stays[1:], strict=True)
        if stay is not None and stay.left_at is not None
        for key in service_keys(stop.kind, stop.geofence_id)
    ]
    services = observe_services(
        [key for key, _ in served], [seconds for _, seconds in served], trip.active_from.timestamp()
    )
    if len(drive.times_s) < 2:
        return services
    departure_at = stops[0].planned_departure_at if stops else None
    roads = observe(
        path,
        drive.times_s,
        drive.distances_m,
        standing=_standing(drive, stays),
        departure_s=math.nan if departure_at is None else departure_at.timestamp(),
        utc_offset_s=offset_s,
        # Traffic matters for an hour: what is usual at the newest is near enough for all.
        usual=table.usual(path, float(drive.times_s[-1]), utc_offset_s=offset_s),
    )
    return combined(roads, services)


def _standing(drive: Drive, stays: Sequence[Stay | None]) -> NDArray[np.bool_]:
    """Which intervals between fixes were spent, by half at least, inside the fence of a stop."""
    starts, ends = drive.times_s[:-1], drive.times_s[1:]
    inside_s = np.zeros(len(starts))
    for stay in stays:
        if stay is not None:
            left_s = math.inf if stay.left_at is None else stay.left_at.timestamp()
            overlap_s = np.minimum(ends, left_s) - np.maximum(starts, stay.entered_at.timestamp())
            inside_s += np.maximum(overlap_s, 0.0)
    return inside_s > (ends - starts) / 2


def _arrivals(
    drive: Drive, stops: Sequence[LearnedStop], stays: Sequence[Stay | None]
) -> dict[int, datetime]:
    """When stops were reached: their fence entered or, without a fence, their place passed on the route."""
    arrivals = {}
    for stop, stay in zip(stops, stays, strict=True):
        if stay is not None:
            arrivals[stop.stop_id] = stay.entered_at
        elif stop.geofence_id is None:
            passed_s = _passed_s(drive, stop.distance_m)
            if passed_s is not None:
                arrivals[stop.stop_id] = datetime.fromtimestamp(passed_s, UTC)
    return arrivals


def _passed_s(drive: Drive, distance_m: float) -> float | None:
    after = int(np.searchsorted(drive.distances_m, distance_m))
    if not 0 < after < len(drive.times_s) or drive.times_s[after] - drive.times_s[after - 1] > LONGEST_GAP_S:
        return None
    around = slice(after - 1, after + 1)
    return float(np.interp(distance_m, drive.distances_m[around], drive.times_s[around]))
