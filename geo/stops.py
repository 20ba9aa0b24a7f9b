"""Stops and trips from raw fixes: where a vehicle stayed within a radius for a while, and its ways between.

A stay is a run of fixes that all lie within `radius_m` of the run's own middle (the mean of its fixes so far)
and that lasts at least `least_s`. One fix outside does not end it when the next is back inside: a reflection.
A gap in the fixes belongs to a stay when both its ends do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from numpy.typing import ArrayLike

from geo.columns import float_column

METRES_PER_DEGREE = math.radians(1.0) * 6_371_008.8


@dataclass(frozen=True, slots=True)
class StopRules:
    """What makes a stay: the defaults find a parked truck and its driver at the door, not a traffic light."""

    radius_m: float = 50.0
    least_s: float = 180.0

    def __post_init__(self) -> None:
        if not (self.radius_m > 0.0 and self.least_s > 0.0):
            raise ValueError("radius_m and least_s must be above zero")


@dataclass(frozen=True, slots=True)
class Stay:
    """A stop as fixes `first` to `last`: when (epoch s) and where (degrees)."""

    first: int
    last: int
    from_s: float
    until_s: float
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Drive:
    """A trip from one stay to the next: the last fix of the one and the first of the other, and when."""

    first: int
    last: int
    from_s: float
    until_s: float


DEFAULT_RULES = StopRules()


def find_stays(
    times_s: ArrayLike, lats: ArrayLike, lons: ArrayLike, *, rules: StopRules = DEFAULT_RULES
) -> list[Stay]:
    """The stays among n fixes in order of time: epoch seconds, degrees.

    Raises ValueError for columns of unequal length, NaN, and fixes not in order of time.
    """
    times, north, east = (float_column(column).tolist() for column in (times_s, lats, lons))
    if not len(times) == len(north) == len(east):
        raise ValueError("the columns must be equally long")
    if any(math.isnan(value) for column in (times, north, east) for value in column):
        raise ValueError("a time or position is not a number")
    if any(later < earlier for earlier, later in pairwise(times)):
        raise ValueError("the fixes are not in order of time")
    stays, first = [], 0
    while first < len(times):
        last, lat, lon = _run(north, east, first, rules.radius_m)
        if times[last] - times[first] >= rules.least_s:
            stays.append(Stay(first, last, times[first], times[last], lat, lon))
            first = last + 1
        else:
            first += 1
    return stays


def drives_between(stays: list[Stay]) -> list[Drive]:
    """The trips between consecutive stays."""
    return [
        Drive(before.last, after.first, before.until_s, after.from_s) for before, after in pairwise(stays)
    ]


def _run(lats: list[float], lons: list[float], first: int, radius_m: float) -> tuple[int, float, float]:
    """The last fix of the run from `first` on, and its middle."""
    lat, lon, count, last = lats[first], lons[first], 1, first
    across = METRES_PER_DEGREE * math.cos(math.radians(lat))
    place = first + 1
    while place < len(lats) and place <= last + 2:
        away_m = math.hypot((lats[place] - lat) * METRES_PER_DEGREE, (lons[place] - lon) * across)
        if away_m <= radius_m:
            count += 1
            lat += (lats[place] - lat) / count
            lon += (lons[place] - lon) / count
            last = place
        place += 1
    return last, lat, lon
