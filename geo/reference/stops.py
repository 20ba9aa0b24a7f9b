"""Stays in a track, in plain Python; the rule is told in geo/stops.py."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from geo.reference.distance import METRES_PER_DEGREE, RADIANS, check_positions
from geo.reference.fences import check_times

FORGIVEN = 1
"""A run goes on over this many fixes outside when the next is inside again."""


def find_stays(
    times_s: NDArray[np.float64],
    lats: NDArray[np.float64],
    lons: NDArray[np.float64],
    radius_m: float,
    least_s: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """First fix, last fix, latitude and longitude of each stay; see native/stops.pyi."""
    if not len(times_s) == len(lats) == len(lons):
        raise ValueError("the columns must be equally long")
    check_positions(lats, lons, "fix")
    check_times(times_s)
    for i in range(1, len(times_s)):
        if times_s[i] < times_s[i - 1]:
            raise ValueError(f"fix {i} is not in order of time")
    times, north, east = times_s.tolist(), lats.tolist(), lons.tolist()
    stays: list[tuple[int, int, float, float]] = []
    first = 0
    while first < len(times):
        last, lat, lon = _run(north, east, first, radius_m)
        if last > first and times[last] - times[first] >= least_s:
            stays.append((first, last, lat, lon))
            first = last + 1
        else:
            first += 1
    columns = list(zip(*stays, strict=True)) or [(), (), (), ()]
    return (
        np.array(columns[0], dtype=np.int64),
        np.array(columns[1], dtype=np.int64),
        np.array(columns[2], dtype=np.float64),
        np.array(columns[3], dtype=np.float64),
    )


def _run(lats: list[float], lons: list[float], first: int, radius_m: float) -> tuple[int, float, float]:
    """The last fix of the run from `first` on, and its middle."""
    lat, lon, count, last = lats[first], lons[first], 1.0, first
    across = METRES_PER_DEGREE * math.cos(lat * RADIANS)
    place = first + 1
    while place < len(lats) and place <= last + 1 + FORGIVEN:
        north, east = (lats[place] - lat) * METRES_PER_DEGREE, (lons[place] - lon) * across
        if north * north + east * east <= radius_m * radius_m:
            count += 1.0
            lat += (lats[place] - lat) / count
            lon += (lons[place] - lon) / count
            last = place
        place += 1
    return last, lat, lon
