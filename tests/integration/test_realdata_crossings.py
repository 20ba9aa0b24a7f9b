"""Crossings of real people and buses at the places where they dwell: enters and exits take turns."""

from __future__ import annotations

import csv
import gzip
import io
import math
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray

from geo.crossings import ENTER, EXIT, INSIDE, CrossingDetector
from geo.fences import FenceIndex, FenceVersion, parse_fence
from geo.stops import StopRules, find_drives, find_stays

ROOT = Path(__file__).resolve().parents[2]
REALDATA = Path(os.environ.get("ZAITU_REALDATA", ROOT.parent / "shared" / "realdata"))
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not REALDATA.is_dir(), reason="the real data folder (ZAITU_REALDATA) is not here"),
]
RADII_M = (40.0, 150.0)
DWELL = StopRules(radius_m=50.0, least_s=300.0)
Track = NDArray[np.float64]


def report(line: str) -> None:
    """Say a figure; `pytest -s` shows it."""
    sys.stdout.write(f"{line}\n")


def track(rows: list[tuple[float, float, float]]) -> Track:
    """Rows of epoch s, latitude, longitude in order of time."""
    return np.array(sorted(rows))


def geolife() -> Iterator[tuple[str, Track]]:
    """Each person's track."""
    own: dict[str, list[tuple[float, float, float]]] = {}
    with gzip.open(REALDATA / "geolife" / "geolife_sample.txt.gz", "rt") as file:
        for row in csv.DictReader(io.StringIO(file.read())):
            at = datetime.fromisoformat(row["datetime"]).replace(tzinfo=UTC).timestamp()
            own.setdefault(row["uid"], []).append((at, float(row["lat"]), float(row["lng"])))
    for person, rows in own.items():
        yield person, track(rows)


def b63() -> Iterator[tuple[str, Track]]:
    """Each bus's track."""
    for path in sorted((REALDATA / "oba_b63" / "traces").glob("*.csv")):
        with path.open(newline="") as file:
            yield (
                path.stem,
                track(
                    [
                        (
                            datetime.fromisoformat(row["timestamp"])
                            .replace(tzinfo=ZoneInfo("America/New_York"))
                            .timestamp(),
                            float(row["lat"]),
                            float(row["lon"]),
                        )
                        for row in csv.DictReader(file)
                    ]
                ),
            )


def fences_where_they_dwell(tracks: list[tuple[str, Track]]) -> tuple[FenceIndex, int, int]:
    """Round fences of two sizes around every stay (to 0.001 degrees); how many stays, and drives between."""
    stays = [find_stays(*own.T, rules=DWELL) for _, own in tracks]
    places = sorted({(round(stay.lat, 3), round(stay.lon, 3)) for found in stays for stay in found})
    shapes = [
        {"type": "Point", "coordinates": [lon, lat], "radius_m": radius_m}
        for lat, lon in places
        for radius_m in RADII_M
    ]
    index = FenceIndex(
        FenceVersion(number, 1, -math.inf, math.inf, parse_fence(shape))
        for number, shape in enumerate(shapes)
    )
    drives = [
        find_drives(own[:, 0], own[:, 1], own[:, 2], found)
        for (_, own), found in zip(tracks, stays, strict=True)
    ]
    return index, sum(map(len, stays)), sum(map(len, drives))


@pytest.mark.parametrize("source", [geolife, b63])
def test_no_vehicle_enters_twice_without_leaving(source: Callable[[], Iterator[tuple[str, Track]]]) -> None:
    tracks = list(source())
    index, stays, drives = fences_where_they_dwell(tracks)
    detector = CrossingDetector(index)
    counts: Counter[int] = Counter()
    for slot, (_, own) in enumerate(tracks):
        found = detector.process(
            np.full(len(own), slot), own[:, 0], own[:, 1], own[:, 2], np.full(len(own), math.nan)
        )
        is_in: dict[int, bool] = {}
        for fence, kind in zip(found.fence_id.tolist(), found.kind.tolist(), strict=True):
            assert is_in.get(fence, False) == (kind == EXIT), (slot, fence)
            is_in[fence] = kind != EXIT
        counts.update(found.kind.tolist())
    report(
        f"{source.__name__}: {sum(len(own) for _, own in tracks)} fixes, {stays} stays, {drives} drives, "
        f"{len(index)} fences: {counts[INSIDE]} inside, {counts[ENTER]} enters, {counts[EXIT]} exits, "
        "no two enters without an exit"
    )
    assert counts[ENTER] > 10
    assert counts[EXIT] > 10
