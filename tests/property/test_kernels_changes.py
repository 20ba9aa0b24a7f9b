"""A fence index changed step by step answers as one made of the same fences at once."""

import math
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_twins import TWINS, using

from geo.crossings import CrossingDetector
from geo.fences import MOST_CHANGED, FenceGeometry, FenceIndex, FenceVersion

STEP = 1.0 / 1024.0
places = st.tuples(
    st.integers(0, 12).map(lambda i: 121.0 + i * STEP), st.integers(0, 12).map(lambda i: 31.0 + i * STEP)
)
rings = st.lists(places, min_size=1, max_size=6).map(lambda points: [*points, points[0]])


@st.composite
def fence_versions(draw: st.DrawFn) -> FenceVersion:
    """One version of one of six fences, a circle or a ring however degenerate."""
    start = draw(st.sampled_from([-math.inf, 0.0, 100.0, 300.0]))
    points = [draw(places)] if (circle := draw(st.booleans())) else draw(rings)
    geometry = FenceGeometry(
        np.array(points),
        np.array([0, len(points)], dtype=np.int64),
        np.array([0, 1], dtype=np.int64),
        draw(st.sampled_from([30.0, 500.0])) if circle else 0.0,
        draw(st.sampled_from([5.0, 100.0])),
    )
    end = draw(st.sampled_from([150.0, 500.0, math.inf]).filter(lambda end: end > start))
    return FenceVersion(draw(st.integers(1, 6)), draw(st.integers(1, 3)), start, end, geometry)


changes = st.tuples(st.lists(fence_versions(), max_size=3), st.sets(st.integers(1, 7), max_size=3))
fixes = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from([0.0, 1.0, 30.0, 90.0]), places, st.sampled_from([5.0, 30.0])
    ),
    max_size=40,
)


def columns_of(rows: list[Any]) -> tuple[np.ndarray, ...]:
    slots, steps, points, accuracies = zip(*rows, strict=True) if rows else ((), (), (), ())
    lons, lats = np.array(points, dtype=np.float64).reshape(-1, 2).T
    return np.array(slots, dtype=np.int64), np.cumsum(steps), lats, lons, np.array(accuracies)


@pytest.mark.parametrize("twin", TWINS)
@settings(max_examples=150, deadline=None)
@given(
    first=st.lists(fence_versions(), max_size=5),
    steps=st.lists(changes, min_size=1, max_size=3),
    rows=fixes,
)
def test_changes_give_the_index_that_all_fences_would(
    twin: str, first: list[FenceVersion], steps: list[Any], rows: list[Any]
) -> None:
    slots, times, lats, lons, accuracies = columns_of(rows)
    with using(twin), patch("geo.fences.FEW_FENCES", 0):
        index, versions = FenceIndex(first), list(first)
        detectors = CrossingDetector(index), CrossingDetector(index)
        for number, (add, remove) in enumerate(steps):
            index = index.changed(add=add, remove=remove)
            versions = [version for version in versions if version.fence_id not in remove] + add
            whole = FenceIndex(versions)
            assert list(map(id, index.versions)) == list(map(id, whole.versions))
            for ours, expected in zip(
                index.query(lats, lons, times), whole.query(lats, lons, times), strict=True
            ):
                np.testing.assert_array_equal(ours, expected)
            for lat, lon, at_s in zip(lats[:3], lons[:3], times[:3], strict=True):
                assert index.containing(lat, lon, at_s) == whole.containing(lat, lon, at_s)
                for place in range(len(whole)):
                    assert index.signed_distance_m(place, lat, lon) == whole.signed_distance_m(
                        place, lat, lon
                    )
            part = slice(number * len(times) // len(steps), (number + 1) * len(times) // len(steps))
            found = []
            for detector, fences in zip(detectors, (index, whole), strict=True):
                detector.replace_index(fences)
                found.append(
                    detector.process(slots[part], times[part], lats[part], lons[part], accuracies[part])
                )
            for name in found[0].__slots__:
                np.testing.assert_array_equal(getattr(found[0], name), getattr(found[1], name))
            for slot in range(3):
                assert detectors[0].save_state(slot) == detectors[1].save_state(slot)


def square(fence_id: int, lon: float) -> FenceVersion:
    ring = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]) * STEP + (lon, 31.0)
    starts = np.array([0, 1], dtype=np.int64)
    return FenceVersion(
        fence_id, 1, 0.0, math.inf, FenceGeometry(ring, np.array([0, 5], dtype=np.int64), starts, 0.0, 50.0)
    )


def test_readers_keep_their_index_and_many_changes_lay_all_out_anew() -> None:
    count = 3 * MOST_CHANGED
    index = before = FenceIndex(square(i, 100.0 + 0.01 * i) for i in range(count))
    for i in range(count):
        index = index.changed(add=[square(i, 100.0 + 0.01 * i + 0.004)], remove=[i])
    lons = 100.0 + 0.01 * np.arange(count) + STEP / 2
    lats, times = np.full(count, 31.0 + STEP / 2), np.zeros(count)
    for fences, shift in ((before, 0.0), (index, 0.004)):
        points, versions = fences.query(lats, lons + shift, times)
        np.testing.assert_array_equal(points, np.arange(count))
        np.testing.assert_array_equal(versions, np.arange(count))
        assert len(fences.query(lats, lons + 0.004 - shift, times)[0]) == 0
