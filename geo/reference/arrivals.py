"""Arrivals of vehicles at the stops left, one vehicle and stop after the other."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
Ints = NDArray[np.int64]


class ArrivalTable:
    """Pace profiles and stops of routes; see native/arrivals.pyi."""

    def __init__(
        self,
        knot_starts: Ints,
        knots_m: Column,
        knots_s: Column,
        stop_starts: Ints,
        stops_m: Column,
        services_s: Column,
        held_until_s: Column,
    ) -> None:
        if len(knots_m) != len(knots_s) or not len(stops_m) == len(services_s) == len(held_until_s):
            raise ValueError("the columns must be equally long")
        if len(knot_starts) != len(stop_starts):
            raise ValueError("profiles and stops must be of the same routes")
        _check_starts(knot_starts.tolist(), len(knots_m), 1, "profile")
        _check_starts(stop_starts.tolist(), len(stops_m), 0, "stops")
        self._profiles = [
            (knots_m[a:b].tolist(), knots_s[a:b].tolist()) for a, b in pairwise(knot_starts.tolist())
        ]
        for route, (metres, seconds) in enumerate(self._profiles):
            if not all(a < b for a, b in pairwise(metres)) or not all(a <= b for a, b in pairwise(seconds)):
                raise ValueError(f"the profile of route {route} does not increase")
        stops = list(zip(stops_m.tolist(), services_s.tolist(), held_until_s.tolist(), strict=True))
        for i, (stop_m, service_s, held_s) in enumerate(stops):
            if math.isnan(stop_m) or not service_s >= 0.0:
                raise ValueError(f"stop {i} has no place, or a service of less than no time")
            if math.isnan(held_s):
                raise ValueError(f"stop {i} is held until no time: use minus infinity")
        self._stops = [stops[a:b] for a, b in pairwise(stop_starts.tolist())]

    def arrivals(
        self,
        now_s: float,
        routes: Ints,
        distances_m: Column,
        next_stops: Ints,
        leaves_s: Column,
        floors_s: Column,
        share: float,
        median_offset: float,
        late_offset: float,
    ) -> tuple[Ints, Column, Column, Column]:
        """Raw, p50 and p90 arrivals, a vehicle's stops one after another."""
        columns = (routes, distances_m, next_stops, leaves_s, floors_s)
        if len({len(column) for column in columns}) > 1:
            raise ValueError("the columns must be equally long")
        starts, rows = [0], []
        for i, (route, distance_m, next_stop, leave_s, floor_s) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True)
        ):
            self._check_vehicle(i, route, next_stop, (distance_m, leave_s, floor_s))
            here_s = self._seconds_to(route, distance_m)
            driven_s, median_s, late_s = 0.0, now_s, now_s
            for stop_m, service_s, held_s in self._stops[route][next_stop:]:
                to_here_s = max(self._seconds_to(route, stop_m) - here_s, 0.0)
                raw_s = leave_s + to_here_s - driven_s
                leave_s, driven_s = max(raw_s + service_s, held_s), to_here_s
                spread_s = floor_s + share * max(raw_s - now_s, 0.0)
                median_s = max(median_s, raw_s + spread_s * median_offset)
                late_s = max(late_s, raw_s + spread_s * late_offset, median_s)
                rows.append((raw_s, median_s, late_s))
            starts.append(len(rows))
        raw, median, late = np.array(rows, dtype=np.float64).reshape(-1, 3).T.copy()
        return np.array(starts, dtype=np.int64), raw, median, late

    def _check_vehicle(self, i: int, route: int, next_stop: int, numbers: tuple[float, ...]) -> None:
        if not 0 <= route < len(self._stops):
            raise ValueError(f"vehicle {i} is on route {route}, which there is not")
        if not 0 <= next_stop <= len(self._stops[route]):
            raise ValueError(f"vehicle {i} has no stop {next_stop}")
        if any(math.isnan(number) for number in numbers):
            raise ValueError(f"vehicle {i} has a distance, time or spread that is not a number")

    def _seconds_to(self, route: int, distance_m: float) -> float:
        """Driving seconds from the start, straight between the knots."""
        metres, seconds = self._profiles[route]
        if distance_m <= metres[0]:
            return float(seconds[0])
        if distance_m >= metres[-1]:
            return float(seconds[-1])
        i = bisect_right(metres, distance_m) - 1
        share = (distance_m - metres[i]) / (metres[i + 1] - metres[i])
        return float(seconds[i] + (seconds[i + 1] - seconds[i]) * share)


def _check_starts(starts: list[int], count: int, least: int, name: str) -> None:
    """Raise ValueError unless runs that start there, each of some rows at least, make up `count` rows."""
    if not starts or starts[0] != 0 or starts[-1] != count or any(b - a < least for a, b in pairwise(starts)):
        raise ValueError(f"the {name} of the routes do not fit their columns")
