"""Stops and trips from raw fixes: where a vehicle stayed within a radius for a while, and its ways between.

A stay is a run of fixes that all lie within `radius_m` of the run's own middle (the mean of its fixes so far)
and that lasts at least `least_s`. One fix outside does not end it when the next is back inside: a reflection.
A gap in the fixes belongs to a stay when both its ends do.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from numpy.typing import ArrayLike

from geo import kernels
from geo.columns import float_column


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

    Raises ValueError for columns of unequal length, NaN, positions not on Earth, and fixes not in order of
    time.
    """
    times = float_column(times_s)
    columns = kernels.find_stays(times, float_column(lats), float_column(lons), rules.radius_m, rules.least_s)
    return [
        Stay(first, last, float(times[first]), float(times[last]), lat, lon)
        for first, last, lat, lon in zip(*(column.tolist() for column in columns), strict=True)
    ]


def drives_between(stays: list[Stay]) -> list[Drive]:
    """The trips between consecutive stays."""
    return [
        Drive(before.last, after.first, before.until_s, after.from_s) for before, after in pairwise(stays)
    ]
