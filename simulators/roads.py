"""Plain geometry of a drive on the sphere: distance, bearing, and a polyline walked by distance."""

from __future__ import annotations

import bisect
import math
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

EARTH_RADIUS_M = 6_371_008.8
_METRES_PER_DEGREE = math.radians(1.0) * EARTH_RADIUS_M


class Point(NamedTuple):
    """A position in WGS-84 degrees."""

    lat: float
    lon: float


def haversine_m(a: Point, b: Point) -> float:
    """Great-circle distance in metres, by the haversine formula on the mean radius."""
    half_lat = math.sin(math.radians(b.lat - a.lat) / 2)
    half_lon = math.sin(math.radians(b.lon - a.lon) / 2)
    h = half_lat**2 + math.cos(math.radians(a.lat)) * math.cos(math.radians(b.lat)) * half_lon**2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(h))


def bearing_deg(a: Point, b: Point) -> float:
    """Course from `a` to `b`, degrees clockwise from north; good for points some kilometres apart."""
    east = (b.lon - a.lon) * math.cos(math.radians((a.lat + b.lat) / 2))
    return math.degrees(math.atan2(east, b.lat - a.lat)) % 360


def moved(point: Point, east_m: float, north_m: float) -> Point:
    """Return the point this many metres to the east and north, on the local tangent plane."""
    metres_per_lon = _METRES_PER_DEGREE * math.cos(math.radians(point.lat))
    return Point(point.lat + north_m / _METRES_PER_DEGREE, point.lon + east_m / metres_per_lon)


class Polyline:
    """A line of points that can be walked by distance from its start."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = tuple(points)
        self._at_m = [0.0]
        for a, b in pairwise(self.points):
            self._at_m.append(self._at_m[-1] + haversine_m(a, b))

    @property
    def length_m(self) -> float:
        """Length in metres."""
        return self._at_m[-1]

    def _segment(self, distance_m: float) -> int:
        return min(max(bisect.bisect_right(self._at_m, distance_m) - 1, 0), len(self.points) - 2)

    def point_at(self, distance_m: float) -> Point:
        """Return the point this far along, held to the two ends."""
        i = self._segment(distance_m)
        a, b = self.points[i], self.points[i + 1]
        length_m = self._at_m[i + 1] - self._at_m[i]
        share = min(max((distance_m - self._at_m[i]) / length_m, 0.0), 1.0) if length_m else 0.0
        return Point(a.lat + (b.lat - a.lat) * share, a.lon + (b.lon - a.lon) * share)

    def heading_at(self, distance_m: float) -> float:
        """Course of the line this far along, degrees clockwise from north."""
        i = self._segment(distance_m)
        return bearing_deg(self.points[i], self.points[i + 1])


_STEP_M = 400.0
_WAVES_M = (2300.0, 5900.0)
_SWAY_M = (35.0, 80.0)


def winding(points: Sequence[Point]) -> tuple[Point, ...]:
    """Bend straight pieces the way roads do; a piece has the same bends whichever way it is driven."""
    line = [points[0]]
    for a, b in pairwise(points):
        bends = _bends(min(a, b), max(a, b))
        line += bends if a < b else bends[::-1]
        line.append(b)
    return tuple(line)


def _bends(a: Point, b: Point) -> list[Point]:
    """Points of gentle waves across the straight line, which fade towards its ends."""
    rng = random.Random(f"{a}{b}")
    length_m = haversine_m(a, b)
    steps = max(1, round(length_m / _STEP_M))
    phases = [rng.uniform(0, 2 * math.pi) for _ in _WAVES_M]
    across = math.radians(bearing_deg(a, b) + 90)
    bends = []
    for step in range(1, steps):
        share = step / steps
        fade = min(1.0, 4 * share, 4 * (1 - share))
        sway_m = fade * sum(
            amplitude * math.sin(2 * math.pi * share * length_m / wave + phase)
            for amplitude, wave, phase in zip(_SWAY_M, _WAVES_M, phases, strict=True)
        )
        straight = Point(a.lat + (b.lat - a.lat) * share, a.lon + (b.lon - a.lon) * share)
        bends.append(moved(straight, sway_m * math.sin(across), sway_m * math.cos(across)))
    return bends
