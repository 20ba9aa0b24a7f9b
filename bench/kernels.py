"""Speed of the kernels against what a user would pick instead: `zaitu bench kernels --json`.

Single thread, in seconds of its processor time. Ours and the reference take turns five times in the same run;
the medians count. A bar is a ratio where there is a reference, else a rate.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
import psutil
import shapely
from numpy.typing import NDArray

from geo.arrivals import FleetEstimator, RoutePlan
from geo.crossings import CrossingDetector
from geo.datum import gcj02_to_wgs84, wgs84_to_gcj02
from geo.eta import PaceProfile
from geo.fences import FenceGeometry, FenceIndex, FenceVersion
from geo.progress import Route, RouteProgress

ROUNDS = 5
POINTS = 1_000_000
FENCES = 5_000
VEHICLES = 10_000
WEST, SOUTH = 120.0, 30.0
METRES_PER_DEGREE = 111_195.08


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement; rates are per second, `bar` is of the ratio where there is a reference."""

    name: str
    ours_per_s: float
    reference_per_s: float | None
    ratio: float | None
    bar: float
    met: bool
    note: str = ""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="zaitu bench kernels", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    as_json: bool = parser.parse_args().json
    results = list(measured())
    if as_json:
        json.dump([asdict(result) for result in results], sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    for result in results:
        ratio = "" if result.ratio is None else f"{result.ratio:6.1f} x"
        sys.stdout.write(
            f"{result.name:24}{result.ours_per_s:14,.0f}/s {ratio:10} bar {result.bar:12,g}"
            f" {'met' if result.met else 'MISSED'} {result.note}\n"
        )


def measured() -> Iterator[Result]:
    """Every benchmark, one after another."""
    random = np.random.default_rng(20)
    rings = [star(random, 0.0087, 64) for _ in range(FENCES)]
    index = FenceIndex(version(i, ring) for i, ring in enumerate(rings))
    yield from fence_queries(random, rings, index)
    for name in ("tx", "az"):
        yield from one_polygon(random, name)
    yield crossings(random, index)
    yield a_million_vehicles(random, index)
    yield progress_and_arrivals(random)
    yield from build_and_change(random)
    yield from datums(random)


def fence_queries(
    random: np.random.Generator, rings: list[NDArray[np.float64]], index: FenceIndex
) -> Iterator[Result]:
    """Points in many fences: a million at once, and one at a time."""
    polygons = shapely.polygons(rings)
    shapely.prepare(polygons)
    tree = shapely.STRtree(polygons)
    lats, lons = random.uniform(SOUTH, SOUTH + 1, POINTS), random.uniform(WEST, WEST + 1, POINTS)
    times, points = np.zeros(POINTS), shapely.points(lons, lats)
    hits = len(index.query(lats, lons, times)[0]) / POINTS
    yield compared(
        "fences_bulk",
        POINTS,
        lambda: index.query(lats, lons, times),
        lambda: tree.query(points, predicate="within"),
        10.0,
        f"{hits:.2f} hits per point",
    )
    some = 20_000
    pairs = list(zip(lats[:some].tolist(), lons[:some].tolist(), strict=True))
    yield compared(
        "fences_single",
        some,
        lambda: [index.containing(lat, lon, 0.0) for lat, lon in pairs],
        lambda: [tree.query(point, predicate="within") for point in points[:some]],
        4.0,
    )


def one_polygon(random: np.random.Generator, name: str) -> Iterator[Result]:
    """Random points in the box of a large polygon, a tenth larger."""
    folder = Path(os.environ.get("ZAITU_REALDATA", "../shared/realdata")) / "geofences"
    if not folder.is_dir():
        sys.stderr.write(f"skipped polygon_{name}: there is no {folder}\n")
        return
    polygon = shapely.from_geojson((folder / f"{name}.geojson").read_text())
    polygon = max(shapely.get_parts(shapely.get_parts(polygon)), key=shapely.get_num_coordinates)
    ring = shapely.get_coordinates(polygon)
    index = FenceIndex([version(0, ring)])
    shapely.prepare(polygon)
    west, south, east, north = polygon.bounds
    lons = random.uniform(west - 0.05 * (east - west), east + 0.05 * (east - west), POINTS)
    lats = random.uniform(south - 0.05 * (north - south), north + 0.05 * (north - south), POINTS)
    times = np.zeros(POINTS)
    yield compared(
        f"polygon_{name}",
        POINTS,
        lambda: index.query(lats, lons, times),
        lambda: shapely.contains_xy(polygon, lons, lats),
        2.0,
        f"{len(ring)} vertices",
    )


def crossings(random: np.random.Generator, index: FenceIndex) -> Result:
    """A fleet, three in ten parked, the others at 3 to 22 m/s, a fix every 10 s, in batches of 2,000."""
    speeds = np.where(random.random(VEHICLES) < 0.3, 0.0, random.uniform(3.0, 22.0, VEHICLES))
    lats, lons = random.uniform(SOUTH, SOUTH + 1, VEHICLES), random.uniform(WEST, WEST + 1, VEHICLES)
    headings = random.uniform(0.0, 2.0 * np.pi, VEHICLES)
    columns = []
    for step in range(20):
        headings += random.normal(0.0, 0.2, VEHICLES)
        lats += speeds * 10.0 / METRES_PER_DEGREE * np.sin(headings)
        lons += speeds * 10.0 / (METRES_PER_DEGREE * 0.86) * np.cos(headings)
        noise = random.normal(0.0, 5.0 / METRES_PER_DEGREE, (2, VEHICLES))
        order = random.permutation(VEHICLES)
        rows = (order, np.full(VEHICLES, 10.0 * step), (lats + noise[0])[order], (lons + noise[1])[order])
        columns.append((*rows, np.full(VEHICLES, 8.0)))
    fixes = [np.concatenate(column) for column in zip(*columns, strict=True)]
    count = len(fixes[0])
    decided = 0

    def run() -> None:
        nonlocal decided
        detector = CrossingDetector(index)
        decided = sum(
            len(detector.process(*(column[first : first + 2_000] for column in fixes)))
            for first in range(0, count, 2_000)
        )

    return alone("crossings", count, run, 2e6, lambda: f"{decided / count:.3f} crossings per fix")


def a_million_vehicles(random: np.random.Generator, index: FenceIndex) -> Result:
    """Crossings of a million vehicles, a fix of each in any order, twice; the memory is what the process grew
    by, the columns of the fixes not counted.
    """
    count = 1_000_000
    lats, lons = random.uniform(SOUTH, SOUTH + 1, count), random.uniform(WEST, WEST + 1, count)
    accuracies, slots = np.full(count, 8.0), random.permutation(count)
    before = psutil.Process().memory_info().rss
    detector = CrossingDetector(index)

    def run() -> None:
        for at_s in (0.0, 30.0):
            for first in range(0, count, 2_000):
                some = slice(first, first + 2_000)
                detector.process(
                    slots[some], np.full(2_000, at_s), lats[some], lons[some] + at_s * 1e-5, accuracies[some]
                )

    seconds = timed(run)
    grown_mb = (psutil.Process().memory_info().rss - before) / 1e6
    note = f"{grown_mb:.0f} MB, {grown_mb:.0f} bytes a vehicle"
    met = 2 * count / seconds >= 5e5 and grown_mb < 400.0
    return Result("crossings_1m_vehicles", 2 * count / seconds, None, None, 5e5, met, note)


def progress_and_arrivals(random: np.random.Generator) -> Result:
    """One fix of every vehicle snapped to its route of 1,000 points, and arrivals at the 10 stops left."""
    routes, plans = [], []
    for _ in range(500):
        turns = np.cumsum(random.normal(0.0, 0.1, 999))
        lats = SOUTH + np.concatenate([[0.0], np.cumsum(np.sin(turns))]) * 100.0 / METRES_PER_DEGREE
        lons = WEST + np.concatenate([[0.0], np.cumsum(np.cos(turns))]) * 116.0 / METRES_PER_DEGREE
        route = Route(lats, lons)
        seconds = np.concatenate(
            [[0.0], np.cumsum(np.diff(route.distances_m) * random.uniform(0.05, 0.1, 999))]
        )
        stops_m = np.linspace(0.9, 1.0, 10) * route.length_m
        routes.append(route)
        plans.append(
            RoutePlan(
                PaceProfile(route.distances_m, seconds), stops_m, np.full(10, 60.0), np.full(10, math.nan)
            )
        )
    on = random.integers(0, 500, VEHICLES)
    slots, accuracies = np.arange(VEHICLES), np.full(VEHICLES, 8.0)
    steps = 20
    places = np.array([200 + 4 * step for step in range(steps)])
    lats = np.array([[routes[r].lats[place] for r in on] for place in places])
    lons = np.array([[routes[r].lons[place] for r in on] for place in places])
    follower, estimator = RouteProgress(), FleetEstimator(plans)
    zeros = np.zeros(VEHICLES, dtype=np.int64)

    def start() -> None:
        for slot, route in enumerate(on):
            follower.assign(slot, routes[route], float(routes[route].distances_m[198]))

    def run() -> None:
        for step in range(steps):
            now_s = 30.0 * step
            found = follower.advance(slots, np.full(VEHICLES, now_s), lats[step], lons[step], accuracies)
            estimator.arrivals(
                now_s,
                on,
                found.distance_m,
                zeros,
                np.full(VEHICLES, now_s),
                median_offset=0.0,
                late_offset=1.3,
            )

    taken = []
    for _ in range(ROUNDS):
        start()
        taken.append(timed(run))
    rate = steps * VEHICLES / median(taken)
    return Result("progress_and_arrivals", rate, None, None, 1e6, rate >= 1e6, "10 stops each")


def build_and_change(random: np.random.Generator) -> Iterator[Result]:
    """An index of 100,000 fences of 32 vertices; the memory is what the process grew by. Then one fence of it
    replaced at a time, each time in the index the last one made, over building all of them.
    """
    count, changes = 100_000, 200
    versions = [version(i, star(random, 0.002, 32)) for i in range(count)]
    before = psutil.Process().memory_info().rss
    kept: list[FenceIndex] = []
    seconds = timed(lambda: kept.append(FenceIndex(versions)))
    grown_mb = (psutil.Process().memory_info().rss - before) / 1e6
    met = seconds < 10.0 and grown_mb < 400.0
    note = f"{seconds:.1f} s, {grown_mb:.0f} MB"
    yield Result("build_100k", count / seconds, None, None, count / 10.0, met, note)
    newer = [version(int(i), star(random, 0.002, 32)) for i in random.integers(0, count, changes)]
    index, taken = kept.pop(), []
    for each in newer:
        begun = time.thread_time()
        index = index.changed(add=[each], remove=[each.fence_id])
        taken.append(time.thread_time() - begun)
    ratio = seconds / median(taken)
    note = f"median {median(taken) * 1e3:.1f} ms, the slowest of {changes} {max(taken) * 1e3:.1f} ms"
    yield Result("replace_1_of_100k", 1.0 / median(taken), 1.0 / seconds, ratio, 20.0, ratio >= 20.0, note)


def datums(random: np.random.Generator) -> Iterator[Result]:
    """WGS-84 to GCJ-02 and back, within China."""
    lats, lons = random.uniform(3.0, 53.0, POINTS), random.uniform(74.0, 135.0, POINTS)
    yield alone("datum_forward", POINTS, lambda: wgs84_to_gcj02(lats, lons), 5e6)
    yield alone("datum_inverse", POINTS, lambda: gcj02_to_wgs84(lats, lons), 1.5e6)


def compared(
    name: str,
    count: int,
    ours: Callable[[], object],
    reference: Callable[[], object],
    bar: float,
    note: str = "",
) -> Result:
    """Rates of both, taking turns."""
    seconds = [(timed(ours), timed(reference)) for _ in range(ROUNDS)]
    ours_s, reference_s = (median(column) for column in zip(*seconds, strict=True))
    ratio = reference_s / ours_s
    return Result(name, count / ours_s, count / reference_s, ratio, bar, ratio >= bar, note)


def alone(
    name: str, count: int, ours: Callable[[], object], bar: float, note: Callable[[], str] = str
) -> Result:
    """A rate without a reference."""
    rate = count / median(timed(ours) for _ in range(ROUNDS))
    return Result(name, rate, None, None, bar, rate >= bar, note())


def timed(work: Callable[[], object]) -> float:
    """Seconds of processor time a piece of work takes: other programs on the machine hardly change it."""
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


def star(random: np.random.Generator, radius: float, corners: int) -> NDArray[np.float64]:
    """A closed star-shaped ring somewhere in the square degree."""
    angles = np.sort(random.uniform(0.0, 2.0 * np.pi, corners))
    lengths = radius * random.uniform(0.5, 1.0, corners)
    ring = np.column_stack([lengths * np.cos(angles), lengths * np.sin(angles)])
    return np.vstack([ring, ring[:1]]) + random.uniform((WEST, SOUTH), (WEST + 1, SOUTH + 1))


def version(fence_id: int, ring: NDArray[np.float64]) -> FenceVersion:
    """A fence of one ring, always in force."""
    starts = np.array([0, 1], dtype=np.int64)
    geometry = FenceGeometry(ring, np.array([0, len(ring)]), starts, 0.0, 200.0)
    return FenceVersion(fence_id, 1, -math.inf, math.inf, geometry)


if __name__ == "__main__":
    main()
