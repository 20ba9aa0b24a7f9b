"""Progress along routes in plain Python; the rule is told in geo/progress.py."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geo.reference.crossing_state import check_slot
from geo.reference.distance import METRES_PER_DEGREE, RADIANS, check_positions
from geo.reference.fences import check_times

STATE = struct.Struct("<2sBB6d")
STATE_VERSION = 1

Column = NDArray[np.float64]


def _snap(
    line: list[tuple[float, float, float]],
    lat: float,
    lon: float,
    from_m: float,
    to_m: float,
    ambiguity_m: float,
) -> tuple[float, float, bool]:
    """Walk the window: within a dip of the distance the lowest place counts, a later dip only if deeper by
    far. Where, how far away, and whether it is of a later dip.
    """
    from_m = min(max(from_m, 0.0), line[-1][2])
    across = METRES_PER_DEGREE * math.cos(lat * RADIANS)
    best_m, place_m, in_dip, again = math.inf, from_m, True, False
    for (lon1, lat1, start_m), (lon2, lat2, end_m) in pairwise(line):
        if end_m < from_m or end_m <= start_m:
            continue
        if start_m > to_m:
            break
        x, y = (lon1 - lon) * across, (lat1 - lat) * METRES_PER_DEGREE
        dx, dy = (lon2 - lon1) * across, (lat2 - lat1) * METRES_PER_DEGREE
        length = end_m - start_m
        low = max((from_m - start_m) / length, 0.0)
        high = max(low, min((to_m - start_m) / length, 1.0))
        share = min(max(-(x * dx + y * dy) / (dx * dx + dy * dy), low), high)
        away_m = _length(x + share * dx, y + share * dy)
        if away_m < best_m - ambiguity_m or (in_dip and away_m < best_m):
            again = again or not in_dip
            best_m, place_m, in_dip = away_m, start_m + share * length, True
        if _length(x + high * dx, y + high * dy) > best_m + ambiguity_m:
            in_dip = False
    if best_m == math.inf:
        last_lon, last_lat, _ = line[-1]
        best_m = _length((last_lon - lon) * across, (last_lat - lat) * METRES_PER_DEGREE)
    return place_m, best_m, again


def _length(x: float, y: float) -> float:
    return math.sqrt(x * x + y * y)


@dataclass(slots=True)
class _Vehicle:
    line: list[tuple[float, float, float]]
    distance_m: float
    on_trip: bool = False
    seen_s: float = -math.inf
    on_route_s: float = math.nan
    off_since_s: float = math.nan
    follows_from_m: float = math.nan
    follows_to_m: float = math.nan


class ProgressFold:
    """State and fold of progress; see native/progress.pyi."""

    def __init__(
        self,
        default_accuracy_m: float,
        max_speed_mps: float,
        slack_m: float,
        off_route_m: float,
        ambiguity_m: float,
        acquire_m: float,
        behind_m: float,
        reverse_m: float,
    ) -> None:
        self._default_accuracy_m = default_accuracy_m
        self._max_speed_mps = max_speed_mps
        self._slack_m = slack_m
        self._off_route_m = off_route_m
        self._ambiguity_m = ambiguity_m
        self._acquire_m = acquire_m
        self._behind_m = behind_m
        self._reverse_m = reverse_m
        self._vehicles: dict[int, _Vehicle] = {}

    def assign(self, slot: int, lats: Column, lons: Column, distances_m: Column, from_m: float) -> None:
        """Put a vehicle on a route."""
        check_slot(slot)
        check_route(lats, lons, distances_m)
        if not 0.0 <= from_m <= distances_m[-1]:
            raise ValueError(f"{from_m} m is not on a route of {distances_m[-1]} m")
        line = list(zip(lons.tolist(), lats.tolist(), distances_m.tolist(), strict=True))
        self._vehicles[slot] = _Vehicle(line, from_m)

    def advance(
        self,
        slots: NDArray[np.int64],
        times_s: Column,
        lats: Column,
        lons: Column,
        accuracies_m: Column,
    ) -> tuple[Column, Column, Column, NDArray[np.bool_]]:
        """Fold a batch in; the columns of `geo.progress.Progress`."""
        self._check(slots, times_s, lats, lons, accuracies_m)
        rows = [
            self._step(slot, float(times_s[i]), float(lats[i]), float(lons[i]), float(accuracies_m[i]))
            for i, slot in enumerate(slots.tolist())
        ]
        columns = np.array(rows, dtype=np.float64).reshape(-1, 4)
        return (
            columns[:, 0].copy(),
            columns[:, 1].copy(),
            columns[:, 2].copy(),
            columns[:, 3].astype(np.bool_),
        )

    def save_state(self, slot: int) -> bytes:
        """The slot's progress as bytes."""
        vehicle = self._vehicle(slot)
        return STATE.pack(
            b"ZP",
            STATE_VERSION,
            vehicle.on_trip,
            vehicle.distance_m,
            vehicle.seen_s,
            vehicle.on_route_s,
            vehicle.off_since_s,
            vehicle.follows_from_m,
            vehicle.follows_to_m,
        )

    def load_state(self, slot: int, state: bytes) -> None:
        """Replace the progress of a slot that has its route."""
        line = self._vehicle(slot).line
        on_trip, distance_m, *rest = unpack_state(state)
        self._vehicles[slot] = _Vehicle(line, min(distance_m, line[-1][2]), bool(on_trip), *rest)

    def clear(self, slot: int) -> None:
        """Forget the slot and its route."""
        check_slot(slot)
        self._vehicles.pop(slot, None)

    def _vehicle(self, slot: int) -> _Vehicle:
        check_slot(slot)
        if slot not in self._vehicles:
            raise ValueError(f"slot {slot} has no route: assign one first")
        return self._vehicles[slot]

    def _check(
        self, slots: NDArray[np.int64], times_s: Column, lats: Column, lons: Column, accuracies_m: Column
    ) -> None:
        if not len(slots) == len(times_s) == len(lats) == len(lons) == len(accuracies_m):
            raise ValueError("the columns must be equally long")
        check_positions(lats, lons, "fix")
        check_times(times_s)
        seen: dict[int, float] = {}
        for i, (slot, at_s) in enumerate(zip(slots.tolist(), times_s.tolist(), strict=True)):
            if accuracies_m[i] < 0.0:
                raise ValueError(f"accuracy {i} is negative")
            if at_s < seen.get(slot, self._vehicle(slot).seen_s):
                raise ValueError(
                    f"fix {i} of slot {slot} is older than the one before it: sort, or rebuild the slot"
                )
            seen[slot] = at_s

    def _step(self, slot: int, at_s: float, lat: float, lon: float, accuracy_m: float) -> tuple[float, ...]:
        vehicle = self._vehicles[slot]
        accuracy_m = self._default_accuracy_m if math.isnan(accuracy_m) else accuracy_m
        allowed_m = self._off_route_m + accuracy_m
        ambiguity_m = max(self._ambiguity_m, 2.0 * accuracy_m)
        reach_m = math.inf
        if vehicle.on_trip:
            reach_m = vehicle.distance_m + self._slack_m + self._max_speed_mps * (at_s - vehicle.on_route_s)
        place_m, away_m, again = _snap(vehicle.line, lat, lon, vehicle.distance_m, reach_m, ambiguity_m)
        if vehicle.on_trip and away_m > allowed_m:
            behind_m = self._behind(vehicle, lat, lon, self._behind_m, ambiguity_m)
            if behind_m <= allowed_m:
                place_m, away_m = vehicle.distance_m, behind_m
        elif vehicle.on_trip and again:
            behind_m = self._behind(vehicle, lat, lon, self._reverse_m, ambiguity_m)
            if behind_m <= away_m + accuracy_m:
                place_m, away_m = vehicle.distance_m, behind_m
        vehicle.seen_s = at_s
        if away_m > allowed_m:
            if math.isnan(vehicle.off_since_s):
                vehicle.off_since_s = at_s
            vehicle.follows_from_m = vehicle.follows_to_m = math.nan
        else:
            vehicle.off_since_s = math.nan
            vehicle.on_trip = vehicle.on_trip or self._follows(vehicle, place_m)
            if vehicle.on_trip:
                vehicle.distance_m, vehicle.on_route_s = place_m, at_s
                vehicle.follows_from_m = vehicle.follows_to_m = math.nan
        return vehicle.distance_m, away_m, vehicle.off_since_s, vehicle.on_trip

    @staticmethod
    def _behind(vehicle: _Vehicle, lat: float, lon: float, behind_m: float, ambiguity_m: float) -> float:
        """How far from the fix the last stretch is that the vehicle has driven."""
        from_m, to_m = vehicle.distance_m - behind_m, vehicle.distance_m
        return _snap(vehicle.line, lat, lon, from_m, to_m, ambiguity_m)[1]

    def _follows(self, vehicle: _Vehicle, place_m: float) -> bool:
        """Whether a vehicle not yet on its trip is: near the start, or following the route for a while."""
        if not place_m >= vehicle.follows_to_m:
            vehicle.follows_from_m = place_m
        vehicle.follows_to_m = place_m
        return (
            place_m - vehicle.distance_m <= self._acquire_m
            or place_m - vehicle.follows_from_m >= self._acquire_m
        )


def check_route(lats: Column, lons: Column, distances_m: Column) -> None:
    """Raise ValueError unless the columns are a polyline with its distances."""
    if not len(lats) == len(lons) == len(distances_m):
        raise ValueError("the columns must be equally long")
    if len(lats) < 2:
        raise ValueError("a route needs at least two points")
    check_positions(lats, lons, "route")
    if distances_m[0] != 0.0 or not all(a <= b for a, b in pairwise(distances_m)):
        raise ValueError("a route's distances start at 0 and never decrease")


def unpack_state(state: bytes) -> tuple[float, ...]:
    """The fields of a saved progress; raises ValueError for bytes that are not one."""
    if len(state) != STATE.size or state[:2] != b"ZP" or state[2] != STATE_VERSION:
        raise ValueError(
            "these bytes are not a progress state of this version: rebuild the vehicle from its positions"
        )
    return STATE.unpack(state)[2:]
