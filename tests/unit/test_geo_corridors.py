"""Corridors and zones of approach: where their edge lies, what they repair and what they refuse."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from geo.approach import approach_zone
from geo.distance import haversine_m
from geo.fences import FenceIndex, FenceVersion, parse_fence, to_geojson
from geo.geojson import FenceError, FenceGeometry

pytestmark = pytest.mark.usefixtures("kernels")


def corridor(*line: tuple[float, float], half_width_m: float = 100.0) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": [list(p) for p in line], "half_width_m": half_width_m}


def only(geometry: FenceGeometry) -> FenceIndex:
    return FenceIndex([FenceVersion(1, 1, 0.0, math.inf, geometry)])


def along(line: list[tuple[float, float]], steps: int = 4_000) -> np.ndarray[Any, Any]:
    """Points close together along a line: the oracle's idea of it."""
    parts = [np.linspace(a, b, steps) for a, b in pairwise(line)]
    return np.concatenate(parts)


@pytest.mark.parametrize(
    ("south", "half_width_m"), [(-55.0, 1_000.0), (0.0, 2_000.0), (31.0, 1_000.0), (58.0, 10_000.0)]
)
def test_a_corridor_is_what_lies_within_its_half_width_of_its_line(south: float, half_width_m: float) -> None:
    line = [(121.0, south), (121.05, south + 1.5), (121.6, south + 1.6)]
    index = only(parse_fence(corridor(*line, half_width_m=half_width_m)))
    chance = np.random.default_rng(4)
    on_line = along(line)[chance.integers(0, 8_000, 150)]
    points = on_line + chance.normal(0.0, half_width_m / 100_000.0, on_line.shape)
    oracle = along(line)

    judged = 0
    for lon, lat in points:
        lats, lons = np.full(len(oracle), lat), np.full(len(oracle), lon)
        away_m = float(haversine_m(lats, lons, oracle[:, 1], oracle[:, 0]).min())
        if abs(away_m - half_width_m) <= 0.003 * half_width_m:
            continue
        judged += 1
        assert (index.containing(lat, lon, 0.0) == [1]) == (away_m < half_width_m), (lat, lon, away_m)
        signed_m, rule_m = index.signed_distance_m(0, lat, lon), away_m - half_width_m
        # Inside a bend the edge is further off than the line says.
        assert signed_m <= rule_m + 0.005 * half_width_m
        assert signed_m >= rule_m - 0.005 * half_width_m or signed_m < 0.0
    assert judged > 100


def test_a_point_on_the_drawn_edge_of_a_corridor_is_inside() -> None:
    geometry = parse_fence(corridor((121.0, 31.0), (121.1, 31.0)))
    lon, lat = geometry.coordinates[0]
    assert only(geometry).containing(lat, lon, 0.0) == [1]


def test_the_land_in_the_middle_of_a_loop_is_outside() -> None:
    loop = [(121.0, 31.0), (121.1, 31.0), (121.1, 31.1), (121.0, 31.1), (121.0, 31.0)]
    index = only(parse_fence(corridor(*loop)))
    assert index.containing(31.05, 121.05, 0.0) == []
    assert index.containing(31.0, 121.05, 0.0) == [1]


def test_a_line_driven_out_and_back_is_one_corridor() -> None:
    there = parse_fence(corridor((121.0, 31.0), (121.1, 31.0)))
    back = parse_fence(corridor((121.0, 31.0), (121.1, 31.0), (121.0, 31.0)))
    assert only(back).containing(31.0005, 121.05, 0.0) == only(there).containing(31.0005, 121.05, 0.0) == [1]


def test_several_lines_make_one_corridor_and_geojson_goes_round() -> None:
    shape = {
        "type": "MultiLineString",
        "coordinates": [[[121.0, 31.0], [121.1, 31.0]], [[121.3, 31.0], [121.3, 31.2], [121.4, 31.2]]],
        "half_width_m": 250.0,
    }
    geometry = parse_fence(shape)
    assert to_geojson(geometry) == shape
    assert len(geometry.polygon_starts) == 3
    assert to_geojson(parse_fence(corridor((121.0, 31.0), (121.1, 31.0)))) == corridor(
        (121.0, 31.0), (121.1, 31.0)
    )


def test_the_half_width_may_be_a_property_of_the_feature() -> None:
    bare = {"type": "LineString", "coordinates": [[121.0, 31.0], [121.1, 31.0]]}
    feature = {"type": "Feature", "geometry": bare, "properties": {"half_width_m": 80}}
    geometry = parse_fence(feature)
    assert geometry.corridor is not None
    assert geometry.corridor.half_width_m == 80.0


def test_repeated_points_of_a_line_are_removed_and_reported() -> None:
    geometry = parse_fence(corridor((121.0, 31.0), (121.0, 31.0), (121.1, 31.0)))
    assert geometry.repairs == ("removed 1 repeated point",)
    assert to_geojson(geometry) == corridor((121.0, 31.0), (121.1, 31.0))


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ({"type": "LineString", "coordinates": [[121.0, 31.0], [121.1, 31.0]]}, "needs half_width_m"),
        (corridor((121.0, 31.0), (121.1, 31.0), half_width_m=0.0), "above zero"),
        (corridor((121.0, 31.0), (121.1, 31.0), half_width_m=10_001.0), "at most 10,000"),
        (corridor((121.0, 31.0), (121.1, 31.0), half_width_m=math.nan), "finite number"),
        (corridor((121.0, 31.0)), "two different points"),
        (corridor((121.0, 31.0), (121.0, 31.0)), "two different points"),
        (corridor((179.0, 31.0), (-179.0, 31.0)), "antimeridian"),
        (corridor((179.9, 31.0), (179.9999, 31.0)), "antimeridian"),
        (corridor((20.0, 84.0), (20.0, 84.9999)), "beyond 85 degrees"),
        (corridor((20.0, 84.0), (20.0, 86.0)), "beyond 85 degrees"),
        ({"type": "LineString", "half_width_m": 5}, "must be a list"),
        ({"type": "MultiLineString", "coordinates": [], "half_width_m": 5}, "must be a list"),
    ],
)
def test_a_corridor_that_cannot_be_used_is_refused_with_the_reason(shape: Any, reason: str) -> None:
    with pytest.raises(FenceError, match=reason):
        parse_fence(shape)


SQUARE = [[121.0, 31.0], [121.01, 31.0], [121.01, 31.01], [121.0, 31.01], [121.0, 31.0]]


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "Polygon", "coordinates": [SQUARE]},
        {"type": "Point", "coordinates": [121.0, 31.0], "radius_m": 150.0},
        corridor((121.0, 31.0), (121.1, 31.0)),
    ],
)
def test_an_approach_zone_reaches_so_many_metres_beyond_its_fence(shape: dict[str, Any]) -> None:
    fence = parse_fence(shape)
    both = FenceIndex(
        [
            FenceVersion(1, 1, 0.0, math.inf, fence),
            FenceVersion(2, 1, 0.0, math.inf, approach_zone(fence, 500.0)),
        ]
    )
    for lat, lon in ((31.004, 120.995), (30.998, 121.004), (31.013, 121.012), (31.0, 121.0001)):
        to_fence_m = both.signed_distance_m(0, lat, lon)
        if to_fence_m > 0.0:
            assert both.signed_distance_m(1, lat, lon) == pytest.approx(to_fence_m - 500.0, abs=2.0)
        assert (2 in both.containing(lat, lon, 0.0)) == (to_fence_m <= 500.0)


@pytest.mark.parametrize(
    ("shape", "within_m", "reason"),
    [
        ({"type": "Point", "coordinates": [121.0, 31.0], "radius_m": 150.0}, 0.0, "above zero"),
        ({"type": "Point", "coordinates": [121.0, 31.0], "radius_m": 150.0}, 50_001.0, "at most 50,000"),
        ({"type": "Point", "coordinates": [179.99, 0.0], "radius_m": 150.0}, 2_000.0, "antimeridian"),
        ({"type": "Polygon", "coordinates": [SQUARE]}, math.nan, "above zero"),
    ],
)
def test_an_approach_that_cannot_be_used_is_refused(shape: Any, within_m: float, reason: str) -> None:
    with pytest.raises(FenceError, match=reason):
        approach_zone(parse_fence(shape), within_m)
