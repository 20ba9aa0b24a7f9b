"""Buses of New York's line B63: a handful of traces, its shapes and its timetable (GTFS).

So little is learned from so few drives that the timetable has most of the say: this is the cold start. The
rival is the timetable too, kept at the bus's present deviation from it.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.eta import tables
from bench.eta.scoring import Scored
from geo.eta import PaceProfile, estimate, planned_profile, recent_pace_s_per_m
from geo.pace import LONGEST_GAP_S, PaceTable, observe
from geo.progress import Route, RouteProgress
from geo.quantiles import ErrorBook
from geo.road_cells import RoadPath, road_path

LONGEST_TRUTH_GAP_S = 240.0
SHORTEST_RUN_M = 3000.0
FURTHEST_AHEAD_S = 1800.0
ESTIMATE_EVERY_S = 60.0
SLOWEST_MPS = 1.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Line:
    """A shape of the line, its stops' metres along it, and the seconds the timetable gives to each."""

    route: Route
    path: RoadPath
    stops_m: Floats
    timetable_s: Floats
    plan: PaceProfile | None


@dataclass(frozen=True, eq=False)
class BusRun:
    """One drive along a line: epoch seconds and metres of each fix on it."""

    trace: str
    line: Line
    times_s: Floats
    distances_m: Floats

    @property
    def name(self) -> tuple[float, float]:
        """Tells runs apart, whatever their files are called: when it began and ended."""
        return float(self.times_s[0]), float(self.times_s[-1])


def read(folder: Path) -> list[BusRun]:
    """Read the traces and the timetable in a folder. Raises ValueError where one is missing."""
    own = tables.files(folder)
    archives = [path for path in own if zipfile.is_zipfile(path)]
    traces = [path for path in own if next(tables.lines(path), "").startswith("vid,lat,lon,timestamp")]
    if not archives or not traces:
        raise ValueError(f"{folder} needs a GTFS archive and traces")
    lines = _lines(archives[0])
    runs = []
    for path in traces:
        for fixes in _passages(path):
            run = _along_best(path.stem, fixes, lines)
            if run is not None:
                runs.append(run)
    return runs


def _passages(path: Path) -> Iterator[Floats]:
    """Stretches of a trace under one destination sign, rows of (epoch s, lat, lon)."""
    rows = list(tables.rows(path))
    for _, group in groupby(rows, lambda row: row["dsc"]):
        # Local clocks are read as if they were UTC: hours are then those of the place.
        fixes = [
            (_local_s(row["timestamp"]), float(row["lat"]), float(row["lon"]))
            for row in group
            if row["timestamp"]
        ]
        in_order = np.array(sorted(set(fixes)))
        if len(in_order) > 2:
            yield in_order[np.concatenate([[True], np.diff(in_order[:, 0]) > 0.0])]


def _local_s(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _along_best(trace: str, fixes: Floats, lines: list[Line]) -> BusRun | None:
    """The run along the line it follows furthest, None if it follows none."""
    best: BusRun | None = None
    furthest_m = SHORTEST_RUN_M
    for line in lines:
        progress = RouteProgress()
        progress.assign(0, line.route)
        seen = progress.advance(
            np.zeros(len(fixes), np.int64), fixes[:, 0], fixes[:, 1], fixes[:, 2], np.full(len(fixes), 10.0)
        )
        on_route = seen.on_trip & np.isnan(seen.off_route_since_s)
        distances_m = seen.distance_m[on_route]
        if len(distances_m) > 2 and distances_m[-1] - distances_m[0] > furthest_m:
            furthest_m = float(distances_m[-1] - distances_m[0])
            best = BusRun(trace, line, fixes[on_route, 0], distances_m)
    return best


def _lines(archive: Path) -> list[Line]:
    """One line for each shape, with the stops and the timetable of one of its trips."""
    with zipfile.ZipFile(archive) as files:
        points: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
        for row in _table(files, "shapes.txt"):
            place = (float(row["shape_pt_lat"]), float(row["shape_pt_lon"]))
            points[row["shape_id"]].append((int(row["shape_pt_sequence"]), *place))
        trips = {row["shape_id"]: row["trip_id"] for row in _table(files, "trips.txt")}
        shape_of = {trip: shape for shape, trip in trips.items()}
        stops = {
            row["stop_id"]: (float(row["stop_lat"]), float(row["stop_lon"]))
            for row in _table(files, "stops.txt")
        }
        calls: dict[str, list[tuple[float, tuple[float, float]]]] = defaultdict(list)
        for row in _table(files, "stop_times.txt"):
            if row["trip_id"] in shape_of:
                hours, minutes, seconds = map(int, row["arrival_time"].split(":"))
                clock_s = 3600.0 * hours + 60.0 * minutes + seconds
                calls[shape_of[row["trip_id"]]].append((clock_s, stops[row["stop_id"]]))
    return [_line(shape, points[shape], calls[shape]) for shape in sorted(points) if calls[shape]]


def _table(files: zipfile.ZipFile, name: str) -> Iterator[dict[str, str]]:
    with files.open(name) as file:
        yield from csv.DictReader(io.TextIOWrapper(file, encoding="utf-8-sig"))


def _line(
    shape: str, points: list[tuple[int, float, float]], calls: list[tuple[float, tuple[float, float]]]
) -> Line:
    _, lats, lons = zip(*sorted(points), strict=True)
    route = Route(lats, lons)
    calls = sorted(calls)
    clock_s = np.array([call_s for call_s, _ in calls])
    stops_m = np.maximum.accumulate([_place_m(route, *point) for _, point in calls])
    return Line(
        route=route,
        path=road_path(lats, lons, lane=shape),
        stops_m=stops_m,
        timetable_s=clock_s - clock_s[0],
        plan=planned_profile(stops_m, clock_s, np.zeros(len(clock_s)), route.length_m),
    )


def _place_m(route: Route, lat: float, lon: float) -> float:
    """Metres along a route of the point on it nearest to a stop, to about 10 m."""
    along_m = np.arange(0.0, route.length_m, 10.0)
    north = np.interp(along_m, route.distances_m, route.lats) - lat
    east = (np.interp(along_m, route.distances_m, route.lons) - lon) * np.cos(np.radians(lat))
    return float(along_m[np.argmin(north**2 + east**2)])


def run(train: Path, test: Path, advance: Callable[[float], None]) -> Scored:
    """Estimate the runs of a test folder; of one and the same folder, each trace's from the others."""
    training = read(train)
    testing = training if train.resolve() == test.resolve() else read(test)
    rows: list[tuple[float, ...]] = []
    traces = sorted({run.trace for run in testing})
    for number, trace in enumerate(traces):
        table, errors = PaceTable(), ErrorBook()
        asked_of = {run.name for run in testing if run.trace == trace}
        for learned in sorted(training, key=lambda run: float(run.times_s[0])):
            if learned.name not in asked_of:
                _estimated(learned, table, errors, [], 0)
                table.add(observe(learned.line.path, learned.times_s, learned.distances_m))
        for asked in (run for run in testing if run.trace == trace):
            _estimated(asked, table, errors, rows, len(rows))
        advance((number + 1) / len(traces))
    if not rows:
        raise ValueError("no run of the test folder follows the line")
    columns = np.array(rows).T
    group, visit = columns[6:].astype(np.int64)
    return Scored(columns[0], columns[1], columns[2], columns[3], columns[4], columns[5], group, visit)


def _estimated(
    run: BusRun, table: PaceTable, errors: ErrorBook, rows: list[tuple[float, ...]], number: int
) -> None:
    """Estimate a run as it goes on, add each estimate with its truth to the rows, then learn the errors."""
    line, lessons = run.line, []
    profile = table.profile(line.path, float(run.times_s[0]), plan=line.plan)
    arrivals_s = [_passed_s(run, place_m) for place_m in line.stops_m.tolist()]
    next_s = -np.inf
    for n, (now_s, here_m) in enumerate(zip(run.times_s.tolist(), run.distances_m.tolist(), strict=True)):
        ahead = int(np.searchsorted(line.stops_m, here_m, side="right"))
        if now_s < next_s or ahead == len(line.stops_m):
            continue
        next_s = now_s + ESTIMATE_EVERY_S
        since = slice(max(n - 25, 0), n + 1)
        made = estimate(
            now_s=now_s,
            fix_s=now_s,
            distance_m=here_m,
            stop_distances_m=line.stops_m,
            service_s=np.zeros(len(line.stops_m)),
            next_stop=ahead,
            profile=profile,
            errors=errors,
            recent_pace=recent_pace_s_per_m(run.times_s[since], run.distances_m[since]),
        )
        scheduled_s = now_s + line.timetable_s - np.interp(here_m, line.stops_m, line.timetable_s)
        before = max(n - 1, 0)
        mps = (here_m - run.distances_m[before]) / max(now_s - run.times_s[before], 1.0)
        for stop in range(ahead, len(line.stops_m)):
            arrival_s, column = arrivals_s[stop], stop - ahead
            if arrival_s is None or not 0.0 < arrival_s - now_s < FURTHEST_AHEAD_S:
                continue
            naive_s = now_s + (line.stops_m[stop] - here_m) / max(mps, SLOWEST_MPS)
            told = (made.p50_s[column], made.p90_s[column], scheduled_s[stop], naive_s)
            rows.append((now_s, arrival_s, *map(float, told), number, number + stop))
            lessons.append((arrival_s, made.to_go_s[column], made.raw_s[column], made.spread_s[column]))
    for arrival_s, to_go_s, raw_s, spread_s in lessons:
        errors.add([arrival_s], [to_go_s], [arrival_s - raw_s], [spread_s])


def _passed_s(run: BusRun, place_m: float) -> float | None:
    after = int(np.searchsorted(run.distances_m, place_m))
    if not 0 < after < len(run.times_s):
        return None
    gap_s = run.times_s[after] - run.times_s[after - 1]
    if gap_s > min(LONGEST_TRUTH_GAP_S, LONGEST_GAP_S):
        return None
    around = slice(after - 1, after + 1)
    return float(np.interp(place_m, run.distances_m[around], run.times_s[around]))
