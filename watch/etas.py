"""Duty: estimate the arrivals of trips under way, and tell those that changed enough to be worth it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from domain.access import Principal
from domain.estimates import (
    Estimate,
    Publication,
    PublishRule,
    due_within,
    revision_s,
    worth_publishing,
)
from domain.rules import DrivingLimit
from geo.detours import rejoining_m
from geo.eta import RECENT_S, Arrivals, estimate, free_flow_profile, planned_profile
from geo.pace import PaceTable
from geo.quantiles import ErrorBook
from geo.road_cells import RoadPath, service_keys
from store import etas, rules
from store.etas import TripStop, TripUnderWay
from store.unit_of_work import UnitOfWork
from watch import approaching
from watch.learned import Learned, utc_offset_s
from watch.measures import WatchMeasures
from watch.schedule import Turn

# A vehicle this little past a stop may still be standing there.
BESIDE_STOP_M = 300.0


async def run(
    work: UnitOfWork,
    principal: Principal,
    now: datetime,
    turn: Turn,
    rule: PublishRule,
    learned: Learned,
    measures: WatchMeasures,
) -> None:
    """Estimate all trips under way, or only those heard of, and publish what moved.

    Orders heard of get what was told of their trips before; on the first turn so does every order on a trip.
    """
    trips = await _trips(work, principal, now, turn)
    await learned.refresh(work.connection, now)
    paths = await learned.paths(work.connection, [trip.trip_id for trip in trips])
    in_force = await rules.in_force(work.connection)
    limit = in_force.driving
    news = []
    soon: list[Estimate] = []
    for trip in trips:
        estimates = estimate_trip(trip, paths[trip.trip_id], learned.table, learned.errors, now, limit)
        if worth_publishing(trip.told, estimates, now, rule):
            news.append((trip, Publication(now, estimates)))
            _count(trip.told, news[-1][1], measures)
        if trip.progress is not None and in_force.approaching_min is not None:
            soon += due_within(estimates, now, timedelta(minutes=in_force.approaching_min))
    if in_force.approaching_min is not None:
        await approaching.tell(work, soon, in_force.approaching_min, now)
    await etas.publish(work.connection, news)
    told_trips = {trip.trip_id for trip, _ in news}
    of_trips = {trip.trip_id for trip in trips} if turn.is_first else told_trips
    orders = await etas.orders_on(work.connection, principal, of_trips)
    orders |= turn.heard.get("order", frozenset())
    changed_orders = await etas.estimate_milestones(work.connection, principal, orders)
    work.tell("eta", told_trips)
    work.tell("order", changed_orders)


async def _trips(work: UnitOfWork, principal: Principal, now: datetime, turn: Turn) -> list[TripUnderWay]:
    if turn.everything:
        return await etas.trips_under_way(work.connection, principal, now)
    vehicle_ids = turn.heard.get("position", frozenset())
    trip_ids = turn.heard.get("trip", frozenset())
    if not vehicle_ids and not trip_ids:
        return []
    return await etas.trips_under_way(
        work.connection, principal, now, vehicle_ids=vehicle_ids, trip_ids=trip_ids
    )


def estimate_trip(
    trip: TripUnderWay,
    path: RoadPath,
    table: PaceTable,
    errors: ErrorBook,
    now: datetime,
    limit: DrivingLimit | None = None,
) -> tuple[Estimate, ...]:
    """The arrivals at the stops ahead; none before the planned start of a trip not seen on its way.

    `limit`: how long the company's drivers may drive on end.
    """
    now_s = now.timestamp()
    services_s = [
        table.service_s(stop.service_s, service_keys(stop.kind, stop.geofence_id), now_s)
        for stop in trip.stops
    ]
    start = _start(trip, path, services_s, now)
    if start is None:
        return ()
    distances_m = np.array([stop.distance_m for stop in trip.stops])
    planned_s = np.array([_planned_arrival_s(stop) for stop in trip.stops])
    planned_services_s = [stop.service_s for stop in trip.stops]
    length_m = float(path.edges_m[-1])
    plan = planned_profile(distances_m, planned_s, planned_services_s, length_m)
    if plan is None and trip.free_flow_s is not None:
        plan = free_flow_profile(length_m, trip.free_flow_s)
    profile = table.profile(
        path,
        now_s,
        plan=plan,
        departure_s=_epoch_s(trip.stops[0].planned_departure_at),
        utc_offset_s=utc_offset_s(trip.time_zone, now),
    )
    arrivals = estimate(
        now_s=now_s,
        fix_s=start.at.timestamp(),
        distance_m=start.distance_m,
        stop_distances_m=distances_m,
        service_s=services_s,
        next_stop=start.next_stop,
        profile=profile,
        errors=errors,
        recent_pace=start.recent_pace_s_per_m,
        leaves_at_s=start.leaves_at.timestamp() if start.leaves_at else -math.inf,
        departures_s=[_epoch_s(stop.planned_departure_at) for stop in trip.stops],
        limit=limit,
        driven_s=0.0 if limit is None else _driven_s(trip, services_s, start, limit),
        is_heard=start.is_heard,
    )
    return _estimates(trip, arrivals)


@dataclass(frozen=True, slots=True)
class _Start:
    """Where the rest of a trip begins: known at `at`; leaves_at where the vehicle stands at a stop; is_heard
    false where only the plan says so.
    """

    at: datetime
    distance_m: float
    next_stop: int
    leaves_at: datetime | None
    recent_pace_s_per_m: float = math.nan
    is_heard: bool = True


def _start(trip: TripUnderWay, path: RoadPath, services_s: Sequence[float], now: datetime) -> _Start | None:
    if trip.progress is None:
        return _planned_start(trip, now)
    reached_m, pace = trip.progress.distance_m, trip.progress.recent_pace_s_per_m
    here = max(
        (n for n, stop in enumerate(trip.stops) if stop.entered_at or stop.distance_m <= reached_m),
        default=-1,
    )
    if trip.progress.beside_route is not None:
        until_m = trip.stops[here + 1].distance_m if here + 1 < len(trip.stops) else float(path.edges_m[-1])
        # What it lost of late against the route is in the way it has gone.
        reached_m, pace = rejoining_m(path, *trip.progress.beside_route, reached_m, until_m), None
    stands = here >= 0 and reached_m <= trip.stops[here].distance_m + BESIDE_STOP_M
    leaves_at = _leaves_at(trip.stops[here], services_s[here]) if here >= 0 else None
    # Standing at a stop says nothing about the road, not in the ten minutes after it either.
    stood_of_late = leaves_at is not None and (trip.progress.fix_at - leaves_at).total_seconds() < RECENT_S
    return _Start(
        at=trip.progress.fix_at,
        distance_m=reached_m,
        next_stop=here + 1,
        leaves_at=leaves_at if stands else None,
        recent_pace_s_per_m=math.nan if pace is None or stands or stood_of_late else pace,
    )


def _planned_start(trip: TripUnderWay, now: datetime) -> _Start | None:
    """Of a vehicle that is heard but not on its way, it leaves now; of one not heard, it left as planned."""
    departure_at = trip.stops[0].planned_departure_at if trip.stops else None
    if not trip.stops or (departure_at is not None and departure_at > now):
        return None
    is_heard = departure_at is not None and trip.seen_at is not None and trip.seen_at > departure_at
    left_at = now if departure_at is None or is_heard else departure_at
    return _Start(at=left_at, distance_m=0.0, next_stop=1, leaves_at=None, is_heard=False)


def _driven_s(trip: TripUnderWay, services_s: Sequence[float], start: _Start, limit: DrivingLimit) -> float:
    """Seconds since the last stop that was long enough for a break, else since the planned start."""
    left = [
        leaves_at
        for stop, service_s in zip(trip.stops[: start.next_stop], services_s, strict=False)
        if stop is trip.stops[0] or service_s >= 60.0 * limit.break_min
        if (leaves_at := _leaves_at(stop, service_s)) is not None
    ]
    return max((start.at - max(left)).total_seconds(), 0.0) if left else 0.0


def _leaves_at(stop: TripStop, service_s: float) -> datetime | None:
    served_at = stop.entered_at + timedelta(seconds=service_s) if stop.entered_at else None
    return max((at for at in (served_at, stop.planned_departure_at) if at is not None), default=None)


def _planned_arrival_s(stop: TripStop) -> float:
    """Planned arrival, epoch s; where only the departure is planned, the service time before it; else NaN."""
    if stop.planned_arrival_at is not None:
        return stop.planned_arrival_at.timestamp()
    return _epoch_s(stop.planned_departure_at) - stop.service_s


def _epoch_s(at: datetime | None) -> float:
    return math.nan if at is None else at.timestamp()


def _estimates(trip: TripUnderWay, arrivals: Arrivals) -> tuple[Estimate, ...]:
    columns = zip(
        arrivals.stop_index.tolist(),
        arrivals.p10_s.tolist(),
        arrivals.p50_s.tolist(),
        arrivals.p90_s.tolist(),
        arrivals.raw_s.tolist(),
        arrivals.spread_s.tolist(),
        strict=True,
    )
    return tuple(
        Estimate(
            stop_id=trip.stops[index].stop_id,
            p10_at=datetime.fromtimestamp(p10_s, UTC),
            p50_at=datetime.fromtimestamp(p50_s, UTC),
            p90_at=datetime.fromtimestamp(p90_s, UTC),
            raw_at=datetime.fromtimestamp(raw_s, UTC),
            spread_s=spread_s,
        )
        for index, p10_s, p50_s, p90_s, raw_s, spread_s in columns
    )


def _count(told: Publication | None, news: Publication, measures: WatchMeasures) -> None:
    measures.etas_published.inc(len(news.estimates))
    if told is not None:
        measures.eta_revision_s.inc(revision_s(told, news.estimates))
        measures.eta_standing_min.inc((news.computed_at - told.computed_at).total_seconds() / 60)
