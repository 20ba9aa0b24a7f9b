"""Line B63's GTFS as trips, and the progress of its recorded buses against Shapely's projection."""

from __future__ import annotations

import csv
import math
import os
import sys
from collections.abc import Iterator
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest
import shapely
from company import Company
from numpy.typing import NDArray
from typer.testing import CliRunner

from geo.gtfs import GtfsTrip, Wanted, read_timetable
from geo.progress import Route, RouteProgress
from runtime.cli import app

ROOT = Path(__file__).resolve().parents[2]
REALDATA = Path(os.environ.get("ZAITU_REALDATA", ROOT.parent / "shared" / "realdata")) / "oba_b63"
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not REALDATA.is_dir(), reason="the real data folder (ZAITU_REALDATA) is not here"),
]
ZONE = ZoneInfo("America/New_York")
FEED = REALDATA / "gtfs-b63-winter10.zip"
MONDAY = date(2010, 11, 22)
METRES_PER_DEGREE = math.radians(1.0) * 6_371_008.8
Floats = NDArray[np.float64]


def report(line: str) -> None:
    """Say a figure; `pytest -s` shows it."""
    sys.stdout.write(f"{line}\n")


def test_the_feeds_trips_of_a_block_are_planned_with_shape_stops_and_times(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("ZAITU_DATA_DIR", str(tmp_path))
    trips = read_timetable(FEED, Wanted(MONDAY)).trips
    block = next(trip.block_id for trip in trips)
    own = [trip for trip in trips if trip.block_id == block]
    with psycopg.connect(database_url, autocommit=True) as connection:
        company = Company(connection)
        company.vehicle(company.depot(), "bus 1")
        command = ["trip", "import-gtfs", str(FEED), "--date", MONDAY.isoformat(), "--vehicle", "bus 1"]
        done = CliRunner().invoke(app, [*command, "--block", block])
        assert done.exit_code == 0, done.output
        assert len(done.output.splitlines()) == len(own) > 1
        stops = company.rows(
            "select count(*), min(planned_arrival_at), bool_and(distance_m <= 20000) from stop "
            "group by trip_id order by 2"
        )
        assert [count for count, *_ in stops] == [len(trip.stops) for trip in own]
        assert all(sensible for *_, sensible in stops)
        first = stops[0][1].astimezone(ZONE)
        assert first.date() >= MONDAY

        again = CliRunner().invoke(app, [*command, "--block", block])
        assert again.exit_code == 1
        assert "another trip at this time" in again.output
        overlapping = CliRunner().invoke(app, command)
        assert overlapping.exit_code == 1
        assert "one vehicle cannot drive both" in overlapping.output
        assert company.value("select count(*) from trip") == len(own)


def traces() -> Iterator[Floats]:
    """Stretches of buses in progress under one destination sign: rows of epoch s, latitude, longitude."""
    for path in sorted((REALDATA / "traces").glob("*.csv")):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        for (_, phase), group in groupby(rows, lambda row: (row["dsc"], row["actual_phase"])):
            if phase == "IN_PROGRESS":
                yield np.array(
                    [
                        (
                            datetime.fromisoformat(row["timestamp"]).replace(tzinfo=ZONE).timestamp(),
                            float(row["lat"]),
                            float(row["lon"]),
                        )
                        for row in group
                    ]
                )


def flat(lats: Any, lons: Any, middle: float) -> Floats:
    """Metres on the plane that touches the sphere in the middle of the line."""
    across = METRES_PER_DEGREE * math.cos(math.radians(middle))
    return np.column_stack([np.asarray(lons) * across, np.asarray(lats) * METRES_PER_DEGREE])


def by_shapely(route: Route, lats: Floats, lons: Floats) -> Floats:
    """Metres along the route of the points nearest to fixes, by Shapely."""
    middle = float(np.mean(route.lats))
    line = flat(route.lats, route.lons, middle)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    projected = shapely.line_locate_point(shapely.linestrings(line), shapely.points(flat(lats, lons, middle)))
    return np.asarray(np.interp(projected, along, route.distances_m))


def followed(route: Route, fixes: Floats) -> tuple[Floats, Floats]:
    """Progress along the route, and Shapely's, of the fixes that are on it."""
    progress = RouteProgress()
    progress.assign(0, route)
    seen = progress.advance(
        np.zeros(len(fixes), np.int64), fixes[:, 0], fixes[:, 1], fixes[:, 2], np.full(len(fixes), 10.0)
    )
    on_route = seen.on_trip & np.isnan(seen.off_route_since_s)
    return seen.distance_m[on_route], by_shapely(route, fixes[on_route, 1], fixes[on_route, 2])


def routes_of(trips: tuple[GtfsTrip, ...]) -> list[Route]:
    lines = sorted({(trip.lats, trip.lons) for trip in trips})
    return [Route(lats, lons) for lats, lons in lines]


def test_progress_along_the_shapes_is_shapelys_projection() -> None:
    routes = routes_of(read_timetable(FEED, Wanted(MONDAY)).trips)
    errors: list[float] = []
    runs = 0
    for fixes in traces():
        if len(fixes) < 10:
            continue
        found = max(
            (followed(route, fixes) for route in routes),
            key=lambda pair: float(np.ptp(pair[0])) if len(pair[0]) else 0.0,
        )
        if len(found[0]) > 10 and np.ptp(found[0]) > 3_000.0:
            runs += 1
            errors += np.abs(found[0] - found[1]).tolist()
    median_m, p95_m = np.percentile(errors, [50, 95])
    report(
        f"B63: {runs} runs, {len(errors)} fixes on {len(routes)} shapes; progress against Shapely's "
        f"projection: median {median_m:.2f} m, p95 {p95_m:.2f} m"
    )
    assert len(errors) > 500
    assert median_m < 5.0
    assert p95_m < 50.0
