"""The fence index against Shapely: the same points in the same fences, edges included."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kernel_twins import TWINS, using
from shapely.geometry.base import BaseGeometry

from geo.fences import FenceError, FenceGeometry, FenceIndex, FenceVersion, parse_fence

STEP = 1.0 / 1024.0
# On this lattice all products of differences are exact, so that both must agree about the edge as well.
places = st.tuples(st.integers(0, 16), st.integers(0, 16)).map(
    lambda p: [121.0 + p[0] * STEP, 31.0 + p[1] * STEP]
)
rings = st.lists(places, min_size=3, max_size=10).map(lambda points: [*points, points[0]])


def shape_of(geometry: FenceGeometry) -> BaseGeometry:
    parts = np.split(geometry.coordinates, geometry.ring_starts[1:-1])
    starts = geometry.polygon_starts
    return shapely.union_all([shapely.Polygon(parts[a], parts[a + 1 : b]) for a, b in pairwise(starts)])


def is_on_lattice(geometry: FenceGeometry) -> bool:
    return bool(np.all((geometry.coordinates / STEP) % 1.0 == 0.0))


@pytest.mark.parametrize("twin", TWINS)
@settings(max_examples=150, deadline=None)
@given(
    fences=st.lists(st.lists(rings, min_size=1, max_size=2), min_size=1, max_size=5), points=st.lists(places)
)
def test_points_on_a_lattice_edges_included(twin: str, fences: list[Any], points: list[Any]) -> None:
    geometries = []
    for coordinates in fences:
        try:
            geometries.append(parse_fence({"type": "Polygon", "coordinates": coordinates}))
        except FenceError:
            continue
    geometries = [geometry for geometry in geometries if is_on_lattice(geometry)]
    assume(geometries and points)
    with using(twin):
        index = FenceIndex([FenceVersion(i, 1, 0.0, math.inf, each) for i, each in enumerate(geometries)])
    lons, lats = np.array(points).T
    found = set(
        zip(*(column.tolist() for column in index.query(lats, lons, np.zeros(len(lats)))), strict=True)
    )
    shapes = [shape_of(geometry) for geometry in geometries]
    expected = {
        (i, j)
        for i, (lon, lat) in enumerate(points)
        for j, shape in enumerate(shapes)
        if shape.covers(shapely.Point(lon, lat))
    }
    assert found == expected


def star(
    random: np.random.Generator, lat: float, lon: float, radius: float, corners: int
) -> list[list[float]]:
    angles = np.sort(random.uniform(0.0, 2.0 * np.pi, corners))
    lengths = radius * random.uniform(0.4, 1.0, corners)
    ring = np.column_stack([lon + lengths * np.cos(angles), lat + lengths * np.sin(angles)])
    return [*ring.tolist(), ring[0].tolist()]


def test_many_points_over_stars_with_holes() -> None:
    random = np.random.default_rng(3)
    versions = []
    for fence_id in range(200):
        lat, lon = random.uniform(30.0, 31.0), random.uniform(120.0, 121.0)
        rings = [star(random, lat, lon, 0.05, 40), star(random, lat, lon, 0.01, 12)]
        versions.append(
            FenceVersion(fence_id, 1, 0.0, math.inf, parse_fence({"type": "Polygon", "coordinates": rings}))
        )
    index = FenceIndex(versions)
    lats, lons = random.uniform(29.9, 31.1, 100_000), random.uniform(119.9, 121.1, 100_000)
    found = np.array(index.query(lats, lons, np.zeros(100_000)))
    shapes = [shape_of(version.geometry) for version in versions]
    expected = shapely.STRtree(shapes).query(shapely.points(lons, lats), predicate="intersects")
    assert found.shape[1] > 40_000
    assert set(map(tuple, found.T.tolist())) == set(map(tuple, expected.T.tolist()))


def test_distances_to_the_edge() -> None:
    random = np.random.default_rng(4)
    geometry = parse_fence({"type": "Polygon", "coordinates": [star(random, 31.0, 121.0, 0.05, 30)]})
    index = FenceIndex([FenceVersion(1, 1, 0.0, math.inf, geometry)])
    boundary = shape_of(geometry).boundary
    for lat, lon in random.uniform((30.9, 120.9), (31.1, 121.1), (300, 2)):
        scale = 111_195.08 * np.array([math.cos(math.radians(lat)), 1.0])
        flat = shapely.transform(
            boundary, lambda points, scale=scale, here=(lon, lat): (points - here) * scale
        )
        expected = flat.distance(shapely.Point(0.0, 0.0))
        assert abs(index.signed_distance_m(0, lat, lon)) == pytest.approx(expected, rel=1e-6, abs=1e-3)
