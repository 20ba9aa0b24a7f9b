"""The native kernels give what their plain-Python reference gives, bit for bit."""

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import geo.reference.arrivals
import geo.reference.crossings
import geo.reference.datum
import geo.reference.distance
import geo.reference.fences
import geo.reference.progress
import geo.reference.stops
import native.arrivals
import native.crossings
import native.datum
import native.distance
import native.fences
import native.progress
import native.stops
from geo.crossings import DEFAULT_RULES as CROSSING_RULES
from geo.progress import DEFAULT_RULES as PROGRESS_RULES

Column = NDArray[np.float64]
Ints = NDArray[np.int64]
FenceColumns = tuple[Ints, Column, Column, Column, Column, Ints, Ints, Column, Column]
FixColumns = tuple[Ints, Column, Column, Column, Column]

# A coarse lattice: points fall on edges and corners, rings repeat points, segments have no length.
STEP = 1.0 / 1024.0
lattice = st.integers(0, 12).map(lambda i: i * STEP)
lattice_points = st.tuples(lattice.map(lambda x: 121.0 + x), lattice.map(lambda y: 31.0 + y))
any_rings = st.lists(lattice_points, min_size=1, max_size=9).map(lambda points: [*points, points[0]])


@st.composite
def fence_columns(draw: st.DrawFn) -> FenceColumns:
    """Columns of a grid: fences with one or two versions each, circles or rings however degenerate."""
    ids, starts, ends, radii, halves, rings, ring_counts = [], [], [], [], [], [], []
    for fence_id in range(draw(st.integers(0, 5))):
        edges = sorted(
            draw(
                st.lists(st.sampled_from([0.0, 100.0, 300.0, math.inf]), min_size=2, max_size=3, unique=True)
            )
        )
        for start, end in pairwise(edges):
            circle = draw(st.booleans())
            own = [[draw(lattice_points)]] if circle else draw(st.lists(any_rings, min_size=1, max_size=3))
            ids.append(fence_id * 10)
            starts.append(start)
            ends.append(end)
            radii.append(draw(st.sampled_from([30.0, 111.195, 500.0])) if circle else 0.0)
            halves.append(draw(st.sampled_from([5.0, 100.0])))
            rings += own
            ring_counts.append(len(own))
    points = np.array([point for ring in rings for point in ring], dtype=np.float64).reshape(-1, 2)
    return (
        np.array(ids, dtype=np.int64),
        np.array(starts, dtype=np.float64),
        np.array(ends, dtype=np.float64),
        points[:, 0].copy(),
        points[:, 1].copy(),
        np.cumsum([0, *map(len, rings)], dtype=np.int64),
        np.cumsum([0, *ring_counts], dtype=np.int64),
        np.array(radii, dtype=np.float64),
        np.array(halves, dtype=np.float64),
    )


@st.composite
def fix_columns(draw: st.DrawFn, slots: int = 4) -> FixColumns:
    """Columns of fixes in order of time, on and near the lattice, slots interleaved."""
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, slots - 1),
                st.sampled_from([0.0, 1.0, 30.0, 90.0, 200.0]),
                lattice_points,
                st.sampled_from([math.nan, 0.0, 5.0, 30.0, 99.0, 500.0]),
            ),
            max_size=60,
        )
    )
    return (
        np.array([row[0] for row in rows], dtype=np.int64),
        np.cumsum([row[1] for row in rows], dtype=np.float64),
        np.array([row[2][1] for row in rows], dtype=np.float64),
        np.array([row[2][0] for row in rows], dtype=np.float64),
        np.array([row[3] for row in rows], dtype=np.float64),
    )


def assert_same(ours: Iterable[NDArray[Any]], theirs: Iterable[NDArray[Any]]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def grids(columns: FenceColumns) -> tuple[Any, Any]:
    return native.fences.FenceGrid(*columns), geo.reference.fences.FenceGrid(*columns)


def crossing_rules() -> list[float]:
    return [getattr(CROSSING_RULES, name) for name in CROSSING_RULES.__slots__]


@given(fence_columns(), fix_columns())
def test_fences_contain_the_same_points_at_the_same_distance(
    columns: FenceColumns, fixes: FixColumns
) -> None:
    ours, theirs = grids(columns)
    _, times, lats, lons, _ = fixes
    assert_same(ours.query(lats, lons, times), theirs.query(lats, lons, times))
    for lat, lon, at_s in zip(lats[:5], lons[:5], times[:5], strict=True):
        assert ours.containing(lat, lon, at_s) == theirs.containing(lat, lon, at_s)
        for version in range(len(columns[0])):
            assert ours.signed_distance_m(version, lat, lon) == theirs.signed_distance_m(version, lat, lon)


@given(fence_columns(), st.lists(st.tuples(st.floats(30.9, 31.1), st.floats(120.9, 121.1)), max_size=50))
def test_fences_contain_the_same_points_off_the_lattice(columns: FenceColumns, points: list[Any]) -> None:
    ours, theirs = grids(columns)
    lats, lons = np.array(points, dtype=np.float64).reshape(-1, 2).T.copy()
    times = np.full(len(lats), 50.0)
    assert_same(ours.query(lats, lons, times), theirs.query(lats, lons, times))


@settings(max_examples=200)
@given(fence_columns(), fix_columns(), fence_columns())
def test_crossings_and_their_state_are_the_same(
    columns: FenceColumns, fixes: FixColumns, other_columns: FenceColumns
) -> None:
    ours, theirs = (
        module.CrossingFold(grid, *crossing_rules())
        for module, grid in zip((native.crossings, geo.reference.crossings), grids(columns), strict=True)
    )
    half = len(fixes[0]) // 2
    assert_same(*(fold.process(*(column[:half] for column in fixes)) for fold in (ours, theirs)))
    for fold, grid in zip((ours, theirs), grids(other_columns), strict=True):
        fold.replace_grid(grid)
    assert_same(*(fold.process(*(column[half:] for column in fixes)) for fold in (ours, theirs)))
    for slot in range(4):
        assert ours.save_state(slot) == theirs.save_state(slot)
        ours.load_state(slot, theirs.save_state(slot))
        assert ours.save_state(slot) == theirs.save_state(slot)


@given(st.lists(lattice_points, min_size=2, max_size=30), fix_columns(), st.floats(0.0, 1.0))
def test_progress_and_its_state_are_the_same(
    line: list[tuple[float, float]], fixes: FixColumns, share: float
) -> None:
    lons, lats = (np.array(column, dtype=np.float64) for column in zip(*line, strict=True))
    distances = native.distance.cumulative_m(lats, lons)
    rules = [getattr(PROGRESS_RULES, name) for name in PROGRESS_RULES.__slots__]
    ours, theirs = (module.ProgressFold(*rules) for module in (native.progress, geo.reference.progress))
    for slot in range(4):
        for fold in (ours, theirs):
            fold.assign(slot, lats, lons, distances, share * float(distances[-1]))
    assert_same(ours.advance(*fixes), theirs.advance(*fixes))
    for slot in range(4):
        assert ours.save_state(slot) == theirs.save_state(slot)


degrees = st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), max_size=20)


@given(degrees)
def test_distances_and_datums_are_the_same(points: list[Any]) -> None:
    lats, lons = np.array(points, dtype=np.float64).reshape(-1, 2).T.copy()
    ours, theirs = native.distance, geo.reference.distance
    assert_same([ours.cumulative_m(lats, lons)], [theirs.cumulative_m(lats, lons)])
    flipped = (lats[::-1].copy(), lons[::-1].copy())
    assert_same([ours.haversine_m(lats, lons, *flipped)], [theirs.haversine_m(lats, lons, *flipped)])
    # The native shift takes its sines from one another; the reference takes each of them anew.
    for convert, apart in (("wgs84_to_gcj02", 1e-12), ("gcj02_to_wgs84", 1e-8)):
        pairs = zip(
            getattr(native.datum, convert)(lats, lons),
            getattr(geo.reference.datum, convert)(lats, lons),
            strict=True,
        )
        for one, other in pairs:
            np.testing.assert_allclose(one, other, rtol=0.0, atol=apart)


@st.composite
def arrival_tables(draw: st.DrawFn) -> tuple[Any, ...]:
    """Columns of two routes: profiles that may stand still, stops beyond their ends, services and holds."""
    profiles = [sorted(draw(st.sets(st.floats(0.0, 5_000.0), min_size=1, max_size=8))) for _ in range(2)]
    seconds = [sorted(draw(st.floats(0.0, 900.0)) for _ in profile) for profile in profiles]
    stops = [sorted(draw(st.lists(st.floats(-10.0, 6_000.0), max_size=5))) for _ in range(2)]
    count = len(stops[0]) + len(stops[1])
    return (
        np.cumsum([0, *map(len, profiles)], dtype=np.int64),
        np.array(profiles[0] + profiles[1]),
        np.array(seconds[0] + seconds[1]),
        np.cumsum([0, *map(len, stops)], dtype=np.int64),
        np.array(stops[0] + stops[1], dtype=np.float64),
        np.array([draw(st.sampled_from([0.0, 60.0])) for _ in range(count)], dtype=np.float64),
        np.array([draw(st.sampled_from([-math.inf, 500.0])) for _ in range(count)], dtype=np.float64),
    )


@given(
    arrival_tables(),
    st.lists(st.tuples(st.integers(0, 1), st.floats(-5.0, 7_000.0), st.integers(0, 5)), max_size=20),
)
def test_arrivals_are_the_same(columns: Any, vehicles: list[Any]) -> None:
    stops = np.diff(columns[3])
    routes = np.array([route for route, _, _ in vehicles], dtype=np.int64)
    distances = np.array([distance for _, distance, _ in vehicles], dtype=np.float64)
    following = np.array([min(stop, stops[route]) for route, _, stop in vehicles], dtype=np.int64)
    leaves, floors = np.full(len(routes), 100.0), np.full(len(routes), 30.0)
    ours, theirs = (
        module.ArrivalTable(*columns).arrivals(
            90.0, routes, distances, following, leaves, floors, 0.08, 0.1, 1.3
        )
        for module in (native.arrivals, geo.reference.arrivals)
    )
    assert_same(ours, theirs)


@pytest.mark.parametrize("package", [native, geo.reference], ids=["native", "reference"])
def test_profiles_that_run_backwards_and_vehicles_nowhere_are_refused_by_each(package: Any) -> None:
    ints, none = np.array([0, 2], dtype=np.int64), np.array([0, 0], dtype=np.int64)
    empty = np.empty(0)
    with pytest.raises(ValueError, match="does not increase"):
        package.arrivals.ArrivalTable(
            ints, np.array([0.0, 0.0]), np.array([0.0, 1.0]), none, empty, empty, empty
        )
    table = package.arrivals.ArrivalTable(
        ints, np.array([0.0, 9.0]), np.array([0.0, 1.0]), none, empty, empty, empty
    )
    zero = np.zeros(1, dtype=np.int64)
    with pytest.raises(ValueError, match="not a number"):
        table.arrivals(0.0, zero, np.array([math.nan]), zero, np.zeros(1), np.zeros(1), 0.1, 0.0, 1.0)
    with pytest.raises(ValueError, match="route 1"):
        table.arrivals(0.0, zero + 1, np.zeros(1), zero, np.zeros(1), np.zeros(1), 0.1, 0.0, 1.0)


@given(
    steps=st.lists(
        st.tuples(
            st.floats(0.0, 200.0),
            st.sampled_from([0.0, 1e-5, 3e-4, -3e-4, 5e-3]),
            st.sampled_from([0.0, 2e-4]),
        ),
        max_size=60,
    ),
    radius_m=st.sampled_from([1.0, 25.0, 50.0]),
    least_s=st.sampled_from([1.0, 60.0, 600.0]),
)
def test_stays_are_the_same(steps: list[tuple[float, float, float]], radius_m: float, least_s: float) -> None:
    columns = np.array(steps, dtype=float).reshape(-1, 3)
    times, lats, lons = np.ascontiguousarray(np.cumsum(columns, axis=0).T)
    found = native.stops.find_stays(times, 31.0 + lats, 121.0 + lons, radius_m, least_s)
    expected = geo.reference.stops.find_stays(times, 31.0 + lats, 121.0 + lons, radius_m, least_s)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    firsts, lasts, *_ = found
    assert np.all(times[lasts] - times[firsts] >= least_s)
    assert np.all(firsts[1:] > lasts[:-1])


@pytest.mark.parametrize("package", [native, geo.reference], ids=["native", "reference"])
@pytest.mark.parametrize(
    ("kernel", "name", "count"),
    [
        ("distance", "cumulative_m", 2),
        ("distance", "haversine_m", 4),
        ("datum", "wgs84_to_gcj02", 2),
        ("datum", "gcj02_to_wgs84", 2),
    ],
)
def test_columns_that_are_no_positions_are_refused_by_each(
    package: Any, kernel: str, name: str, count: int
) -> None:
    call = getattr(getattr(package, kernel), name)
    for place in range(count):
        columns = [np.zeros(3) for _ in range(count)]
        columns[place][1] = math.nan
        with pytest.raises(ValueError, match="position 1 is not on Earth"):
            call(*columns)
        columns[place] = np.zeros(2)
        with pytest.raises(ValueError, match="equally long"):
            call(*columns)
