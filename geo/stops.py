"""Stops and trips from raw fixes: where a vehicle stayed within a radius for a while, and its ways between.

A stay is a run of fixes that all lie within `radius_m` of the run's own middle (the mean of its fixes so far)
and that lasts at least `least_s`. One fix outside does not end it when the next is back inside: a reflection.
A gap in the fixes belongs to a stay when both its ends do.

The rest of a track is driven: from one stay to the next, before the first and after the last. A silence of
more than `longest_gap_s` divides a drive, for nobody knows what happened in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo import kernels
from geo.columns import float_column
from geo.distance import cumulative_m


@dataclass(frozen=True, slots=True)
class StopRules:
    """What makes a stay: the defaults find a parked truck and its driver at the door, not a traffic light.

    `radius_m` and `least_s` are of stays, `longest_gap_s` is the longest silence within a drive.
    """

    radius_m: float = 50.0
    least_s: float = 180.0
    longest_gap_s: float = 1800.0

    def __post_init__(self) -> None:
        if not (self.radius_m > 0.0 and self.least_s > 0.0 and self.longest_gap_s > 0.0):
            raise ValueError("radius_m, least_s and longest_gap_s must be above zero")


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
    """A trip as fixes `first` to `last`, those of the stays at its ends included: when (epoch s) and how far
    (metres from fix to fix).
    """

    first: int
    last: int
    from_s: float
    until_s: float
    distance_m: float


DEFAULT_RULES = StopRules()


def find_stays(
    times_s: ArrayLike, lats: ArrayLike, lons: ArrayLike, *, rules: StopRules = DEFAULT_RULES
) -> list[Stay]:
    """The stays among n fixes in order of time: epoch seconds, degrees.

    Raises ValueError for columns of unequal length, NaN, positions not on Earth, and fixes not in order of
    time.
    """
    times = float_column(times_s)
    columns = kernels.find_stays(times, float_column(lats), float_column(lons), rules.radius_m, rules.least_s)
    return [
        Stay(first, last, float(times[first]), float(times[last]), lat, lon)
        for first, last, lat, lon in zip(*(column.tolist() for column in columns), strict=True)
    ]


def find_drives(
    times_s: ArrayLike,
    lats: ArrayLike,
    lons: ArrayLike,
    stays: Sequence[Stay],
    *,
    rules: StopRules = DEFAULT_RULES,
) -> list[Drive]:
    """The trips among n fixes in order of time (epoch seconds, degrees) whose stays are known.

    Raises ValueError for columns of unequal length and positions not on Earth.
    """
    times = float_column(times_s)
    along_m = cumulative_m(lats, lons)
    if len(along_m) != len(times):
        raise ValueError("the columns must be equally long")
    return [
        Drive(
            first,
            last,
            float(times[first]),
            float(times[last]),
            round(float(along_m[last] - along_m[first]), 1),
        )
        for start, end in _between(stays, len(times))
        for first, last in _without_silence(times, start, end, rules.longest_gap_s)
        if last > first
    ]


def _between(stays: Sequence[Stay], count: int) -> Iterator[tuple[int, int]]:
    """The first and last fix of what lies before, between and after stays."""
    start = 0
    for stay in stays:
        yield start, stay.first
        start = stay.last
    yield start, count - 1


def _without_silence(
    times_s: NDArray[np.float64], first: int, last: int, longest_gap_s: float
) -> Iterator[tuple[int, int]]:
    """A run of fixes in pieces without long silences."""
    for gap in (first + np.flatnonzero(np.diff(times_s[first : last + 1]) > longest_gap_s)).tolist():
        yield first, gap
        first = gap + 1
    yield first, last
