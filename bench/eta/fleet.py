"""A simulated fleet: three weeks of trucks, with rush hours, slow days, long stops, jams and silences.

The first two weeks are for learning, the third is scored. Every estimate is made, and every trip learned, by
the functions the watch process runs; only the database is left out, and the clock is simulated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.alerts import ExpectedArrival, LateRiskRule, late_risk
from domain.estimates import Publication, PublishRule, ScoredEstimate, score, worth_publishing
from domain.orders import StopKind
from geo.eta import recent_pace_s_per_m
from geo.pace import PaceTable
from geo.quantiles import ErrorBook
from geo.road_cells import RoadPath, lane_of, road_path
from store.etas import Progress, TripStop, TripUnderWay
from store.learning import LearnedStop, UnlearnedTrip
from watch.etas import estimate_trip
from watch.learning import Drive, Stay, lesson

BEGINS = datetime(2026, 3, 2, tzinfo=UTC)
LEARNING_DAYS, SCORED_DAYS = 14, 7
LANES, TRUCKS, DEPARTURE_HOURS = 6, 10, (5, 11, 17)
STOPS, LEG_M, PIECE_M = 5, 9_000.0, 300.0
PLANNED_MPS, PLANNED_SERVICE_S = 14.0, 420.0
FIX_EVERY_S, TICK = 60.0, timedelta(minutes=4)
PROMISE_SLACK_MIN = (5.0, 45.0)
SEED = 20

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lane:
    """A route with stops a leg apart, and the pace it really has, piece by piece."""

    lats: list[float]
    lons: list[float]
    path: RoadPath
    stops_m: list[float]
    paces: Floats


@dataclass
class Run:
    """One truck's trip as it will have been: fixes and stays, and what was told of it."""

    trip_id: int
    lane: Lane
    departure_at: datetime
    promised_at: datetime
    drive: Drive
    stays: list[Stay]
    told: list[Publication] = field(default_factory=list)
    alerted_at: datetime | None = None

    @property
    def ends_at(self) -> datetime:
        """When the last stop was reached."""
        return self.stays[-1].entered_at

    def stop_id(self, seq: int) -> int:
        """A number for each stop of each trip."""
        return self.trip_id * STOPS + seq


def run(advance: Callable[[float], None]) -> dict[str, Any]:
    """Simulate, learn, score."""
    random = np.random.default_rng(SEED)
    lanes = [_lane(random) for _ in range(LANES)]
    table, errors = PaceTable(), ErrorBook()
    days = LEARNING_DAYS + SCORED_DAYS
    scored: list[Run] = []
    for day in range(days):
        runs = list(_runs(random, lanes, day))
        _live_through(runs, table, errors)
        if day >= LEARNING_DAYS:
            scored += runs
        advance((day + 1) / days)
    return _summary(scored)


def _lane(random: np.random.Generator) -> Lane:
    """A crooked road of four legs; its pieces differ in pace, as towns and open country do."""
    length_m = LEG_M * (STOPS - 1)
    count = int(length_m / PIECE_M)
    bearing = random.uniform(0, 2 * np.pi) + np.cumsum(random.normal(0, 0.15, count))
    start_lat, start_lon = 31.0 + random.uniform(0, 0.5), 120.5 + random.uniform(0, 0.8)
    lats = start_lat + np.concatenate([[0.0], np.cumsum(np.cos(bearing))]) * PIECE_M / 111_195.0
    lons = start_lon + np.concatenate([[0.0], np.cumsum(np.sin(bearing))]) * PIECE_M / (
        111_195.0 * np.cos(np.radians(start_lat))
    )
    path = road_path(lats, lons, lane=lane_of(lats, lons))
    stops_m = [float(path.edges_m[-1]) * seq / (STOPS - 1) for seq in range(STOPS)]
    paces = 1 / 13.0 * np.exp(np.convolve(random.normal(0, 0.6, count + 8), np.ones(9) / 3.0, "valid") * 0.5)
    return Lane(lats.tolist(), lons.tolist(), path, stops_m, paces)


def _runs(random: np.random.Generator, lanes: list[Lane], day: int) -> Iterator[Run]:
    slow_day = float(np.exp(random.normal(0, 0.06)))
    for truck in range(TRUCKS):
        for turn, hour in enumerate(DEPARTURE_HOURS):
            departure_at = BEGINS + timedelta(days=day, hours=hour, minutes=5 * truck)
            number = (day * TRUCKS + truck) * len(DEPARTURE_HOURS) + turn
            lane = lanes[(truck + turn) % LANES]
            yield _driven(random, number, lane, departure_at, slow_day)


def _driven(
    random: np.random.Generator, number: int, lane: Lane, departure_at: datetime, slow_day: float
) -> Run:
    """Drive a lane once: late off, as fast as road, hour, day and driver allow, sometimes into a jam."""
    pieces = len(lane.paces)
    length_m = lane.stops_m[-1]
    seconds = lane.paces * length_m / pieces * slow_day * np.exp(random.normal(0, 0.07))
    seconds = seconds * np.exp(random.normal(0, 0.2, pieces))
    if random.random() < 0.06:
        seconds[random.integers(pieces)] += random.uniform(600, 2400)
    clock_s = departure_at.timestamp() + random.exponential(240.0)
    times, places = [clock_s], [0.0]
    stays = [Stay(departure_at - timedelta(minutes=20), _at(clock_s))]
    for leg in range(STOPS - 1):
        for piece in range(leg * pieces // (STOPS - 1), (leg + 1) * pieces // (STOPS - 1)):
            clock_s += seconds[piece] * _rush(clock_s)
            times.append(clock_s)
            places.append(length_m * (piece + 1) / pieces)
        service_s = 120.0 + random.gamma(4.0, 110.0)
        stays.append(Stay(_at(clock_s), _at(clock_s + service_s)))
        clock_s += service_s
        times.append(clock_s)
        places.append(places[-1])
    fixes_s = np.arange(times[0], times[-1], FIX_EVERY_S) + random.uniform(0, 5)
    if random.random() < 0.1:
        silent_s = random.uniform(times[0], times[-1])
        fixes_s = fixes_s[(fixes_s < silent_s) | (fixes_s > silent_s + 1500)]
    planned_s = length_m / PLANNED_MPS + PLANNED_SERVICE_S * (STOPS - 2)
    promised_at = departure_at + timedelta(seconds=planned_s, minutes=random.uniform(*PROMISE_SLACK_MIN))
    drive = Drive(fixes_s, np.interp(fixes_s, times, places))
    return Run(number, lane, departure_at, promised_at, drive, stays)


def _rush(clock_s: float) -> float:
    hour = clock_s / 3600.0 % 24
    return 1.0 + 0.35 * float(np.exp(-(((hour - 7.5) / 1.2) ** 2)) + np.exp(-(((hour - 17.8) / 1.3) ** 2)))


def _at(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)


def _live_through(runs: list[Run], table: PaceTable, errors: ErrorBook) -> None:
    """A day: at every tick estimate what is under way; what has ended is learned."""
    now = min(run.departure_at for run in runs)
    open_runs = sorted(runs, key=lambda run: run.departure_at)
    rule, risk_rule = PublishRule(), LateRiskRule()
    while open_runs:
        for run in [run for run in open_runs if run.ends_at <= now]:
            _learn(run, table, errors)
            open_runs.remove(run)
        for run in open_runs:
            if run.departure_at <= now:
                _tell(run, table, errors, now, rule, risk_rule)
        now += TICK


def _tell(
    run: Run, table: PaceTable, errors: ErrorBook, now: datetime, rule: PublishRule, risk_rule: LateRiskRule
) -> None:
    trip = _under_way(run, now)
    estimates = estimate_trip(trip, run.lane.path, table, errors, now)
    if worth_publishing(trip.told, estimates, now, rule):
        run.told.append(Publication(now, estimates))
    if not run.told or run.alerted_at is not None:
        return
    last = run.told[-1].estimates[-1]
    arrival = ExpectedArrival(run.trip_id, run.trip_id, 1, run.promised_at, last.p50_at, last.p90_at)
    if late_risk([arrival], (), now, risk_rule):
        run.alerted_at = now


def _under_way(run: Run, now: datetime) -> TripUnderWay:
    """The trip as the database would show it at a time."""
    seen = int(np.searchsorted(run.drive.times_s, now.timestamp(), side="right"))
    times_s, places_m = run.drive.times_s[:seen], run.drive.distances_m[:seen]
    heard_at = _at(float(times_s[-1])) if seen else None
    pace = recent_pace_s_per_m(times_s[-12:], places_m[-12:])
    progress = None
    if heard_at is not None:
        progress = Progress(float(places_m[-1]), heard_at, None if np.isnan(pace) else pace)
    stops = tuple(
        TripStop(
            stop_id=run.stop_id(seq),
            distance_m=stop_m,
            service_s=PLANNED_SERVICE_S,
            planned_arrival_at=run.departure_at
            + timedelta(seconds=stop_m / PLANNED_MPS + PLANNED_SERVICE_S * max(seq - 1, 0)),
            planned_departure_at=run.departure_at if seq == 0 else None,
            entered_at=stay.entered_at if heard_at is not None and stay.entered_at <= heard_at else None,
            geofence_id=None,
            kind=StopKind.DESTINATION,
        )
        for seq, (stop_m, stay) in enumerate(zip(run.lane.stops_m, run.stays, strict=True))
    )
    told = run.told[-1] if run.told else None
    return TripUnderWay(run.trip_id, run.trip_id, "UTC", stops, heard_at, progress, told)


def _learn(run: Run, table: PaceTable, errors: ErrorBook) -> None:
    trip = UnlearnedTrip(run.trip_id, run.trip_id, run.departure_at, run.ends_at, "UTC", run.ends_at)
    stops = [
        LearnedStop(
            run.stop_id(seq), None, StopKind.DESTINATION, stop_m, run.departure_at if seq == 0 else None
        )
        for seq, stop_m in enumerate(run.lane.stops_m)
    ]
    table.add(lesson(trip, run.drive, stops, run.stays, run.lane.path, table))
    arrivals = {run.stop_id(seq): stay.entered_at for seq, stay in enumerate(run.stays)}
    for publication in run.told:
        for estimate in publication.estimates:
            arrived_at = arrivals[estimate.stop_id]
            if arrived_at > publication.computed_at and estimate.raw_at is not None and estimate.spread_s:
                to_go_s = max((estimate.raw_at - publication.computed_at).total_seconds(), 0.0)
                error_s = (arrived_at - estimate.raw_at).total_seconds()
                errors.add([arrived_at.timestamp()], [to_go_s], [error_s], [estimate.spread_s])


def _summary(runs: list[Run]) -> dict[str, Any]:
    scored = score(sorted(_scored(runs), key=lambda one: (one.stop_id, one.computed_at)))
    assert scored is not None
    late = [run for run in runs if run.ends_at > run.promised_at]
    warned = [run for run in runs if run.alerted_at is not None]
    right = [run for run in warned if run.ends_at > run.promised_at]
    leads_min = [(run.promised_at - run.alerted_at).total_seconds() / 60 for run in right if run.alerted_at]
    return {
        "coverage_p90": round(scored.overall.coverage_p90, 4),
        "coverage_p90_by_horizon": {
            name: round(part.coverage_p90, 4) for name, part in scored.by_horizon.items()
        },
        "coverage_p50": round(scored.overall.coverage_p50, 4),
        "mae_s": {name: round(part.mae_s, 1) for name, part in scored.by_horizon.items()},
        "wobble_s": None if scored.wobble_s is None else round(scored.wobble_s, 2),
        "score": None if scored.kept_percent is None else round(scored.kept_percent, 2),
        "n": scored.overall.estimates,
        "late_trips": len(late),
        "late_risk_alerts": len(warned),
        "late_risk_precision": round(len(right) / len(warned), 4) if warned else None,
        "late_risk_recall": round(len(right) / len(late), 4) if late else None,
        "late_risk_median_lead_min": round(median(leads_min), 1) if leads_min else None,
    }


def _scored(runs: list[Run]) -> Iterator[ScoredEstimate]:
    for run in runs:
        arrivals = {run.stop_id(seq): stay.entered_at for seq, stay in enumerate(run.stays)}
        for publication in run.told:
            for one in publication.estimates:
                arrived_at = arrivals[one.stop_id]
                if arrived_at > publication.computed_at:
                    yield ScoredEstimate(
                        1,
                        run.trip_id,
                        one.stop_id,
                        publication.computed_at,
                        one.p50_at,
                        one.p90_at,
                        arrived_at,
                        "lane",
                    )
