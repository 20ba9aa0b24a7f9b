"""Real buses and depots through the crossing detector alone: rows labelled AT_BASE against its stays."""

import csv
import json
import math
import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import shapely
from kernel_twins import TWINS, using

from geo.crossings import EXIT, CrossingDetector
from geo.fences import FenceIndex, FenceVersion, parse_fence

ROOT = Path(__file__).resolve().parents[2]
REALDATA = Path(os.environ.get("ZAITU_REALDATA", ROOT.parent / "shared" / "realdata")) / "oba_b63"
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not REALDATA.is_dir(), reason="the real data folder (ZAITU_REALDATA) is not here"),
]
ZONE = ZoneInfo("America/New_York")


def depots() -> FenceIndex:
    with (REALDATA / "BaseLocations.txt").open(newline="") as file:
        shapes = [
            json.loads(shapely.to_geojson(shapely.from_wkt(row["geometry"]))) for row in csv.DictReader(file)
        ]
    return FenceIndex(
        [FenceVersion(i, 1, 0.0, math.inf, parse_fence(shape)) for i, shape in enumerate(shapes)]
    )


def traces() -> Iterator[tuple[list[dict[str, str]], list[float]]]:
    """Each trace as its rows and their epoch seconds."""
    for path in sorted((REALDATA / "traces").glob("*.csv")):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        yield (
            rows,
            [datetime.fromisoformat(row["timestamp"]).replace(tzinfo=ZONE).timestamp() for row in rows],
        )


@pytest.mark.parametrize("twin", TWINS)
def test_every_row_at_base_lies_within_an_enter_and_its_exit(
    twin: str, record_property: Callable[[str, object], None]
) -> None:
    with using(twin):
        index = depots()
        detectors = [CrossingDetector(index) for _ in traces()]
    figures: Counter[str] = Counter()
    for detector, (rows, times) in zip(detectors, traces(), strict=True):
        lats, lons = ([float(row[name]) for row in rows] for name in ("lat", "lon"))
        found = detector.process([0] * len(rows), times, lats, lons, [math.nan] * len(rows))
        assert all(kind != EXIT for kind in found.kind[::2])
        assert all(kind == EXIT for kind in found.kind[1::2])
        edges = [*found.at_s.tolist(), math.inf]
        stays = list(zip(edges[::2], edges[1::2], strict=False))
        for row, at_s in zip(rows, times, strict=True):
            within = any(start <= at_s <= end for start, end in stays)
            figures[f"{row['actual_phase']}: {'within' if within else 'outside'}"] += 1
        figures["crossings"] += len(found)
    record_property("figures", dict(figures))
    assert figures["AT_BASE: within"] > 0
    assert figures["AT_BASE: outside"] == 0
    # Buses pass the depot's fence at some 40 m on every trip, and are not in it.
    assert figures["IN_PROGRESS: within"] == 0
