"""The shapes of bus patterns and the places of their stops, as far as they are known at a moment."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from geo.road_cells import RoadPath, road_path

SHAPE_STEP_M = 30.0
WIDEST_GAP_M = 300.0
NEAR_M = 80.0
ALIKE = 0.12
CELL_DEG = 0.0012
GROWN = 1.03
"""A shape is drawn anew when so many times more points of it are known."""

_METRES_PER_DEGREE = 111_195.0

Point = tuple[float, float, float]
"""Metres along the pattern, latitude, longitude."""


class StopPlaces:
    """How far along each pattern its stops are: the median of what the agency's distances imply."""

    def __init__(self) -> None:
        self._samples: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._medians: dict[tuple[str, str], tuple[int, float]] = {}

    def learn(self, pattern: str, stop: str, place_m: float) -> None:
        """Learn from one estimate, and where its vehicle was."""
        self._samples[pattern][stop].append(place_m)

    def place_m(self, pattern: str, stop: str) -> float | None:
        """Metres from the pattern's start, None if it is not known yet."""
        samples = self._samples[pattern].get(stop)
        if not samples:
            return None
        kept = self._medians.get((pattern, stop))
        if kept is None or kept[0] != len(samples):
            kept = self._medians[pattern, stop] = (len(samples), median(samples))
        return kept[1]

    def of(self, pattern: str) -> dict[str, float]:
        """All stops known of a pattern."""
        places = {stop: self.place_m(pattern, stop) for stop in self._samples[pattern]}
        return {stop: place_m for stop, place_m in places.items() if place_m is not None}


class Patterns:
    """The shapes of patterns, as far as vehicles have driven them by now.

    Where a pattern is new, it is taken to follow another one that leads from one of its known points to the
    next in about the same distance; straight lines where none does.
    """

    def __init__(self, places: StopPlaces) -> None:
        self.stop_points: dict[str, tuple[float, float]] = {}
        self._places = places
        self._points: dict[str, dict[int, Point]] = defaultdict(dict)
        self._shapes: dict[str, tuple[int, NDArray[np.float64]]] = {}
        self._paths: dict[str, tuple[int, float, RoadPath]] = {}
        self._passing: dict[tuple[int, int], set[str]] = defaultdict(set)
        self._filled: dict[tuple[str, Point, Point], list[Point]] = {}

    def learn(self, pattern: str, distance_m: float, lat: float, lon: float) -> None:
        """Learn a point of the pattern."""
        self._passing[int(lat / CELL_DEG), int(lon / CELL_DEG)].add(pattern)
        self._points[pattern].setdefault(int(distance_m / SHAPE_STEP_M), (distance_m, lat, lon))

    def path(self, pattern: str, until_m: float) -> RoadPath | None:
        """The pattern's path up to a stop at least, or None while less than two of its points are known."""
        known = len(self._points[pattern])
        built = self._paths.get(pattern)
        if built is not None and known <= GROWN * built[0] and built[1] >= until_m:
            return built[2]
        points = self._known_points(pattern)
        if points[-1][0] < until_m:
            points.append((until_m, *points[-1][1:]))
        if len(points) < 2 or points[-1][0] - points[0][0] < SHAPE_STEP_M:
            return None
        if points[0][0] > 0.0:
            points.insert(0, (0.0, *points[0][1:]))
        distances_m, lats, lons = zip(*self._without_gaps(pattern, points), strict=True)
        path = road_path(lats, lons, lane=pattern, distances_m=distances_m)
        self._paths[pattern] = (known, points[-1][0], path)
        return path

    def _known_points(self, pattern: str) -> list[Point]:
        """Where vehicles were, and stops further on."""
        points = sorted(self._points[pattern].values())
        driven_m = points[-1][0] + SHAPE_STEP_M
        points += [
            (place_m, *self.stop_points[stop])
            for stop, place_m in self._places.of(pattern).items()
            if stop in self.stop_points and place_m > driven_m
        ]
        return sorted(points)

    def _without_gaps(self, pattern: str, points: list[Point]) -> list[Point]:
        whole = [points[0]]
        for before, after in pairwise(points):
            if after[0] - before[0] > WIDEST_GAP_M:
                key = (pattern, before, after)
                if key not in self._filled:
                    self._filled[key] = self._between(pattern, before, after)
                whole += self._filled[key]
            whole.append(after)
        return whole

    def _between(self, pattern: str, before: Point, after: Point) -> list[Point]:
        """The points of the other pattern that fits best from one point to another."""
        gap_m = after[0] - before[0]
        best, fitting = ALIKE * gap_m, np.empty((0, 3))
        for other in sorted(self._near(before) & self._near(after) - {pattern}):
            shape = self._shape(other)
            start, end = _nearest(shape, before), _nearest(shape, after)
            if start is None or end is None or end <= start:
                continue
            misfit_m = abs(shape[end, 0] - shape[start, 0] - gap_m)
            if misfit_m < best:
                best, fitting = misfit_m, shape[start : end + 1]
        if len(fitting) < 3:
            return []
        scaled_m = before[0] + (fitting[:, 0] - fitting[0, 0]) * gap_m / (fitting[-1, 0] - fitting[0, 0])
        return [
            (float(place_m), float(lat), float(lon))
            for place_m, (_, lat, lon) in zip(scaled_m[1:-1], fitting[1:-1], strict=True)
        ]

    def _near(self, point: Point) -> set[str]:
        """The patterns that have a point in the cells around this one."""
        row, column = int(point[1] / CELL_DEG), int(point[2] / CELL_DEG)
        around = (self._passing.get((row + n, column + e)) for n in (-1, 0, 1) for e in (-1, 0, 1))
        return set().union(*(passing for passing in around if passing is not None))

    def _shape(self, pattern: str) -> NDArray[np.float64]:
        points = self._points[pattern]
        kept = self._shapes.get(pattern)
        if kept is None or kept[0] < len(points):
            kept = (len(points), np.array(sorted(points.values())))
            self._shapes[pattern] = kept
        return kept[1]


def _nearest(shape: NDArray[np.float64], point: Point) -> int | None:
    """The row of a shape nearest to a point, None if that is not near."""
    north_m = (shape[:, 1] - point[1]) * _METRES_PER_DEGREE
    east_m = (shape[:, 2] - point[2]) * _METRES_PER_DEGREE * np.cos(np.radians(point[1]))
    squared_m = north_m**2 + east_m**2
    nearest = int(np.argmin(squared_m))
    return nearest if squared_m[nearest] < NEAR_M**2 else None
