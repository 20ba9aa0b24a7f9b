"""The kernels on geometry nobody here made: JTS's answers, and Shapely's."""

import json
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.fences import FenceGeometry, FenceIndex, FenceVersion

ROOT = Path(__file__).resolve().parents[2]
REALDATA = Path(os.environ.get("ZAITU_REALDATA", ROOT.parent / "shared" / "realdata"))
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not REALDATA.is_dir(), reason="the real data folder (ZAITU_REALDATA) is not here"),
]
AREAL = ("Polygon", "MultiPolygon")
POINTS = 1_000_000


def report(line: str) -> None:
    """Say a figure; `pytest -s` shows it."""
    sys.stdout.write(f"{line}\n")


def version(fence_id: int, shape: BaseGeometry) -> FenceVersion:
    """A fence exactly as it is, unrepaired."""
    polygons = [part for part in shapely.get_parts(shape) if not part.is_empty]
    rings = [[part.exterior, *part.interiors] for part in polygons]
    columns = [shapely.get_coordinates(ring) for group in rings for ring in group]
    geometry = FenceGeometry(
        np.concatenate(columns),
        np.cumsum([0, *map(len, columns)], dtype=np.int64),
        np.cumsum([0, *map(len, rings)], dtype=np.int64),
        0.0,
        1_000.0,
    )
    return FenceVersion(fence_id, 1, -math.inf, math.inf, geometry)


def jts_cases() -> Iterator[tuple[str, str, BaseGeometry, BaseGeometry, bool]]:
    """File, predicate, the two geometries in the order asked, and the answer; a point first or second."""
    for path in sorted((REALDATA / "jts_xml").glob("*/*.xml")):
        for case in ElementTree.parse(path).getroot().iter("case"):
            texts = {name: (case.findtext(name) or "").strip() for name in "ab"}
            try:
                shapes = {name: shapely.from_wkt(text) for name, text in texts.items()}
            except shapely.errors.GEOSException:
                continue
            for op in case.iter("op"):
                first, second = (op.get(key, "").lower() for key in ("arg1", "arg2"))
                name, answer = op.get("name", ""), (op.text or "").strip().lower()
                if {first, second} == {"a", "b"} and answer in {"true", "false"}:
                    yield path.name, name, shapes[first], shapes[second], answer == "true"


def scaled(shape: BaseGeometry, largest: float) -> BaseGeometry:
    """The shape within some 60 degrees, by a power of two: no coordinate is rounded."""
    factor = 2.0 ** -max(0, math.ceil(math.log2(max(largest, 1.0) / 60.0)))
    return shapely.transform(shape, lambda points: points * factor)


def test_jts_agrees_about_every_point_and_area() -> None:
    asked = 0
    for file, name, one, other, answer in jts_cases():
        if one is None or other is None or one.is_empty or other.is_empty:
            continue
        if name not in {"contains", "covers", "within", "coveredBy", "intersects"}:
            continue
        area, point = (one, other) if one.geom_type in AREAL else (other, one)
        if area.geom_type not in AREAL or point.geom_type != "Point" or not area.is_valid:
            continue
        area_first = area is one
        if name != "intersects" and area_first != (name in {"contains", "covers"}):
            continue
        largest = float(np.abs(np.concatenate([shapely.get_coordinates(x) for x in (area, point)])).max())
        area, point = scaled(area, largest), scaled(point, largest)
        index = FenceIndex([version(1, area)])
        found = index.containing(point.y, point.x, 0.0) == [1]
        if name in {"contains", "within"}:
            found = found and index.signed_distance_m(0, point.y, point.x) < -1e-6
        assert found == answer, (file, name, area.wkt, point.wkt)
        asked += 1
    report(f"JTS: {asked} predicates of a point and an area agree")
    assert asked >= 50


def taxi_zones() -> list[BaseGeometry]:
    return features("nyc_taxi_zones")


def countries() -> list[BaseGeometry]:
    return features("countries")


def features(name: str) -> list[BaseGeometry]:
    collection = json.loads((REALDATA / "geofences" / f"{name}.geojson").read_text())
    shapes = [shapely.from_geojson(json.dumps(each["geometry"])) for each in collection["features"]]
    # Even-odd and Shapely speak of the same area only where it is valid.
    return [shapely.make_valid(shape) if not shape.is_valid else shape for shape in shapes]


def stars_with_holes() -> list[BaseGeometry]:
    random = np.random.default_rng(5)
    return [star(random) for _ in range(500)]


def star(random: np.random.Generator) -> BaseGeometry:
    angles = np.sort(random.uniform(0.0, 2.0 * np.pi, 60))
    around = np.column_stack([np.cos(angles), np.sin(angles)])
    middle = random.uniform((120.0, 30.0), (121.0, 31.0))
    shell = middle + 0.04 * random.uniform(0.5, 1.0, (60, 1)) * around
    hole = middle + 0.015 * random.uniform(0.5, 1.0, (60, 1)) * around
    shape = shapely.Polygon(shell, [hole])
    return shape if shape.is_valid else star(random)


@pytest.mark.parametrize("shapes", [taxi_zones, countries, stars_with_holes])
def test_shapely_agrees_about_a_million_points(shapes: Any) -> None:
    areas = [
        shapely.union_all([part for part in shapely.get_parts(shape) if part.geom_type in AREAL])
        for shape in shapes()
    ]
    areas = [area for area in areas if not area.is_empty]
    index = FenceIndex([version(i, area) for i, area in enumerate(areas)])
    west, south, east, north = shapely.total_bounds(areas)
    random = np.random.default_rng(6)
    lons, lats = random.uniform(west, east, POINTS), random.uniform(south, north, POINTS)
    points, versions = index.query(lats, lons, np.zeros(POINTS))
    ours = np.unique(points * len(areas) + versions)
    theirs = pairs_by_shapely(areas, lons, lats)
    wrong = np.setxor1d(ours, theirs)
    apart = [
        areas[pair % len(areas)].boundary.distance(
            shapely.Point(lons[pair // len(areas)], lats[pair // len(areas)])
        )
        for pair in wrong.tolist()
    ]
    report(f"{shapes.__name__}: {len(theirs)} pairs, {len(wrong)} answered otherwise next to an edge")
    assert len(theirs) > 10_000
    assert all(distance <= 1e-9 for distance in apart)


def pairs_by_shapely(
    areas: list[BaseGeometry], lons: NDArray[np.float64], lats: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Point times the number of areas plus area, for every pair."""
    found = []
    for i, area in enumerate(areas):
        shapely.prepare(area)
        west, south, east, north = area.bounds
        near = np.flatnonzero((lons >= west) & (lons <= east) & (lats >= south) & (lats <= north))
        found.append(near[shapely.intersects_xy(area, lons[near], lats[near])] * len(areas) + i)
    return np.unique(np.concatenate(found))
