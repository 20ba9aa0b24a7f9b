"""What holds of crossings whatever the fixes: they alternate, and cutting the fixes up changes nothing."""

import math
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geo.crossings import ENTER, EXIT, INSIDE, CrossingDetector, Crossings
from geo.fences import FenceGeometry, FenceIndex, FenceVersion, parse_fence
from geo.progress import Route, RouteProgress

METRES_PER_DEGREE = 111_195.08

Column = NDArray[np.float64]
Trace = tuple[NDArray[np.int64], Column, Column, Column, Column]


def square(south: float, west: float, side: float) -> FenceGeometry:
    corners = [[west, south], [west + side, south], [west + side, south + side], [west, south + side]]
    return parse_fence({"type": "Polygon", "coordinates": [[*corners, corners[0]]]})


def circle(lat: float, lon: float, radius_m: float) -> FenceGeometry:
    return parse_fence({"type": "Point", "coordinates": [lon, lat], "radius_m": radius_m})


INDEX = FenceIndex(
    [
        FenceVersion(1, 1, 0.0, 900.0, square(31.0, 121.0, 0.004)),
        FenceVersion(1, 2, 900.0, math.inf, square(31.001, 121.001, 0.004)),
        FenceVersion(2, 1, 0.0, math.inf, circle(31.004, 121.004, 150.0)),
        FenceVersion(3, 1, 300.0, 1_500.0, square(31.002, 121.002, 0.001)),
        FenceVersion(4, 1, 0.0, math.inf, circle(31.0, 121.0, 2_000.0)),
    ]
)

steps = st.tuples(
    st.integers(0, 2),
    st.sampled_from([0.0, 5.0, 30.0, 60.0, 300.0]),
    st.sampled_from([0.0, 2.0, 15.0, 120.0, 600.0, 5_000.0]),
    st.floats(0.0, 2.0 * math.pi),
    st.sampled_from([math.nan, 5.0, 20.0, 60.0]),
)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Three vehicles wandering about the fences, their fixes interleaved."""
    places = dict.fromkeys(range(3), (31.002, 121.002))
    rows: list[tuple[float, ...]] = []
    at_s = 0.0
    for slot, wait_s, far_m, heading, accuracy in draw(st.lists(steps, max_size=80)):
        at_s += wait_s
        lat, lon = places[slot]
        lat = min(max(lat + far_m * math.cos(heading) / METRES_PER_DEGREE, 30.99), 31.02)
        lon = min(max(lon + far_m * math.sin(heading) / METRES_PER_DEGREE, 120.99), 121.02)
        places[slot] = (lat, lon)
        rows.append((slot, at_s, lat, lon, accuracy))
    columns = np.array(rows, dtype=np.float64).reshape(-1, 5).T
    times, lats, lons, accuracies = (column.copy() for column in columns[1:])
    return columns[0].astype(np.int64), times, lats, lons, accuracies


def rows_of(crossings: Crossings, offset: int = 0) -> list[tuple[int, int, int, float, float, int]]:
    return list(
        zip(
            crossings.slot.tolist(),
            crossings.fence_id.tolist(),
            crossings.kind.tolist(),
            crossings.at_s.tolist(),
            crossings.plus_minus_s.tolist(),
            (crossings.decided_index + offset).tolist(),
            strict=True,
        )
    )


@settings(max_examples=200)
@given(traces())
def test_a_vehicle_enters_and_leaves_a_fence_in_turn_and_in_order_of_time(trace: Trace) -> None:
    seen: dict[tuple[int, int], list[tuple[int, float]]] = {}
    found = rows_of(CrossingDetector(INDEX).process(*trace))
    for slot, fence_id, kind, at_s, plus_minus_s, decided in found:
        seen.setdefault((slot, fence_id), []).append((kind, at_s))
        assert plus_minus_s >= 0.0
        assert at_s <= trace[1][decided]
    for events in seen.values():
        assert [kind == EXIT for kind, _ in events] == [bool(i % 2) for i in range(len(events))]
        assert all(kind in (INSIDE, ENTER) for kind, _ in events[::2])
        times = [at_s for _, at_s in events]
        assert times == sorted(times)


@settings(max_examples=150)
@given(traces(), st.lists(st.integers(0, 80), max_size=4), st.data())
def test_batches_and_saved_states_change_nothing(trace: Trace, cuts: list[int], data: st.DataObject) -> None:
    whole = CrossingDetector(INDEX)
    expected = rows_of(whole.process(*trace))
    detector = CrossingDetector(INDEX)
    found: list[tuple[int, int, int, float, float, int]] = []
    edges = sorted({0, len(trace[0]), *(min(cut, len(trace[0])) for cut in cuts)})
    for start, end in pairwise(edges):
        found += rows_of(detector.process(*(column[start:end] for column in trace)), start)
        if data.draw(st.booleans()):
            other = CrossingDetector(INDEX)
            for slot in range(3):
                other.load_state(slot, detector.save_state(slot))
            detector = other
    assert found == expected
    assert [detector.save_state(slot) for slot in range(3)] == [whole.save_state(slot) for slot in range(3)]


@settings(max_examples=100)
@given(traces())
def test_vehicles_do_not_influence_each_other(trace: Trace) -> None:
    together = rows_of(CrossingDetector(INDEX).process(*trace))
    for slot in range(3):
        alone = CrossingDetector(INDEX).process(*(column[trace[0] == slot] for column in trace))
        assert [row[:5] for row in rows_of(alone)] == [row[:5] for row in together if row[0] == slot]


@settings(max_examples=100)
@given(traces(), st.integers(0, 80))
def test_progress_never_runs_backwards_and_can_be_cut_anywhere(trace: Trace, cut: int) -> None:
    route = Route([31.0, 31.01, 31.01, 31.0, 31.0], [121.0, 121.0, 121.01, 121.01, 121.0])
    whole, parts = RouteProgress(), RouteProgress()
    for slot in range(3):
        whole.assign(slot, route)
        parts.assign(slot, route)
    expected = whole.advance(*trace)
    for slot in range(3):
        own = expected.distance_m[trace[0] == slot]
        assert np.all(np.diff(own) >= 0.0)
        assert np.all((own >= 0.0) & (own <= route.length_m))
    first = parts.advance(*(column[:cut] for column in trace))
    saved = [parts.save_state(slot) for slot in range(3)]
    for slot in range(3):
        parts.assign(slot, route)
        parts.load_state(slot, saved[slot])
    second = parts.advance(*(column[cut:] for column in trace))
    for name in ("distance_m", "off_route_m", "off_route_since_s", "on_trip"):
        joined = np.concatenate([getattr(first, name), getattr(second, name)])
        np.testing.assert_array_equal(joined, getattr(expected, name))


def test_one_spike_anywhere_in_a_drive_gives_no_crossing_of_its_own() -> None:
    times = np.arange(60) * 30.0
    lats = np.full(60, 31.002)
    lons = np.linspace(120.98, 121.03, 60)
    plain = CrossingDetector(INDEX).process(np.zeros(60, np.int64), times, lats, lons, np.full(60, 10.0))
    for place in range(1, 60):
        for north, east in ((0.3, 0.0), (-0.3, 0.0), (0.0, 0.4), (0.25, 0.25)):
            spiked_lats, spiked_lons = lats.copy(), lons.copy()
            spiked_lats[place] += north
            spiked_lons[place] += east
            found = CrossingDetector(INDEX).process(
                np.zeros(60, np.int64), times, spiked_lats, spiked_lons, np.full(60, 10.0)
            )
            assert set(zip(found.fence_id, found.kind, strict=True)) <= set(
                zip(plain.fence_id, plain.kind, strict=True)
            )
            assert len(found) <= len(plain)
