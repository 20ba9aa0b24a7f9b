"""The pace of roads, learned from vehicles that drove them: by cell, by hour, by lane.

Everything learned is a sum, so what counts is which drives were seen, never in which order; taking a drive
back and adding it corrected is exact up to rounding. Forgetting is in the weights: a drive at time t weighs
2^((t - epoch) / half-life), and what is assumed beforehand weighs as if it were seen now.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.columns import float_column
from geo.eta import ROAD_PACE_S_PER_M, PaceProfile
from geo.road_cells import RoadPath

SLOTS = 48
"""The hours of a working day, then those of a day of the weekend, by the clock of the place."""

EPOCH_S = 1_735_689_600.0
"""2025-01-01: weights are relative to it, so that sums never need to be rescaled."""

HALF_LIFE_S = 28 * 86_400.0

LONGEST_GAP_S = 420.0
"""Between fixes further apart nobody knows where the time went."""

SLOWEST_S_PER_M = 0.6
"""What a vehicle takes beyond 6 km/h on a piece is a stop, not the road."""

FLEET_KEY = 0


class Shrinkage(NamedTuple):
    """Metres driven in a cell until it counts as much as what stands above it: at all hours, at one hour."""

    all_hours_m: float
    hour_m: float


FLEET_SHRINKAGE = Shrinkage(20_000.0, 20_000.0)
LEVEL_SHRINKAGE = (
    Shrinkage(30_000.0, 10_000.0),
    Shrinkage(30_000.0, 10_000.0),
    Shrinkage(6_000.0, 6_000.0),
    Shrinkage(600.0, 600.0),
)
STREET_LEVEL = 3
PLAN_M = 5_000.0
"""Metres seen in a street's cell until they count as much as the plan."""

HOURS_ALIKE = 1.5
OTHER_DAY_WEIGHT = 0.3
TIMETABLE_HOURS_ALIKE = 0.75
TIMETABLE_VISITS = 3.0
LONGEST_ELAPSED_S = 6 * 3600.0

SERVICE_VISITS = 5.0
"""Stays seen until they count as much as what was planned."""

LONGEST_SERVICE_S = 3 * 3600.0


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What one drive teaches: for n (key, slot) pairs, each once, weighted sums.

    `seconds` taken; `weights`: metres that count, or visits; `squares`: seconds squared per weight.
    """

    keys: NDArray[np.int64]
    slots: NDArray[np.int64]
    seconds: NDArray[np.float64]
    weights: NDArray[np.float64]
    squares: NDArray[np.float64]


def time_slots(times_s: ArrayLike, utc_offset_s: float = 0.0) -> NDArray[np.int64]:
    """The slot of each of n epoch seconds where clocks are `utc_offset_s` ahead of UTC."""
    hours = np.floor((float_column(times_s) + utc_offset_s) / 3600.0).astype(np.int64)
    weekday = (hours // 24 + 3) % 7
    return hours % 24 + 24 * (weekday >= 5)


def weight_at(time_s: float) -> float:
    """How much a drive at this epoch second weighs."""
    return float(2.0 ** ((time_s - EPOCH_S) / HALF_LIFE_S))


def observe(
    path: RoadPath,
    times_s: ArrayLike,
    distances_m: ArrayLike,
    *,
    standing: ArrayLike | None = None,
    departure_s: float = math.nan,
    utc_offset_s: float = 0.0,
) -> Observation:
    """What a drive along `path` teaches, from n progress samples in order of time.

    `standing` (n - 1, bool): intervals spent at stops, whose time is not the road's. `departure_s`: the
    planned departure; with it the drive teaches the lane's timetable too.
    """
    times, distances = float_column(times_s), np.maximum.accumulate(float_column(distances_m))
    gaps_s = np.diff(times)
    known = (gaps_s > 0.0) & (gaps_s <= LONGEST_GAP_S)
    if standing is not None:
        known &= ~np.asarray(standing, dtype=np.bool_)
    known_s = np.concatenate([[0.0], np.cumsum(np.where(known, gaps_s, 0.0))])
    known_m = np.concatenate([[0.0], np.cumsum(np.where(known, np.diff(distances), 0.0))])
    # Only the pieces the samples reach are looked at: a route is long, and two fixes are near each other.
    first, end = _reached(path.edges_m, float(distances[0]), float(distances[-1]))
    edges_m = path.edges_m[first : end + 1]
    seconds = np.diff(np.interp(edges_m, distances, known_s))
    covered = np.diff(np.interp(edges_m, distances, known_m)) / np.diff(edges_m)
    metres = covered * path.weights_m[first:end]
    seen = covered > 0.05
    seconds, metres = np.minimum(seconds, SLOWEST_S_PER_M * metres)[seen], metres[seen]
    pieces, at_edges = first + np.flatnonzero(seen), np.interp(edges_m, distances, times)[:-1][seen]
    slots = time_slots(at_edges, utc_offset_s)
    # The hour cannot be read off the places of one drive: the fleet's sums are one more level.
    levels = np.concatenate([np.full((1, len(pieces)), FLEET_KEY, np.int64), path.cells[:, pieces]])
    count = len(levels)
    keys, all_slots = levels.ravel(), np.tile(slots, count)
    all_seconds, all_metres = np.tile(seconds, count), np.tile(metres, count)
    if path.elapsed_keys is not None and math.isfinite(departure_s) and len(pieces):
        whole = covered[seen] > 0.99
        elapsed_s = np.clip(at_edges[whole] - departure_s, -LONGEST_ELAPSED_S, LONGEST_ELAPSED_S)
        keys = np.concatenate([keys, path.elapsed_keys[pieces[whole]]])
        departure_slot = time_slots([departure_s], utc_offset_s)
        all_slots = np.concatenate([all_slots, np.repeat(departure_slot, len(elapsed_s))])
        all_seconds = np.concatenate([all_seconds, elapsed_s])
        all_metres = np.concatenate([all_metres, np.ones(len(elapsed_s))])
    return _summed(keys, all_slots, all_seconds, all_metres, weight_at(float(times[0])))


def _reached(edges_m: NDArray[np.float64], from_m: float, to_m: float) -> tuple[int, int]:
    """The first piece between two distances, and the one after the last."""
    first = int(np.searchsorted(edges_m, from_m, side="right")) - 1
    end = int(np.searchsorted(edges_m, to_m, side="left"))
    return min(max(first, 0), len(edges_m) - 1), min(max(end, 0), len(edges_m) - 1)


def observe_services(keys: Sequence[int], seconds: Sequence[float], at_s: float) -> Observation:
    """What n stays at stops teach: `service_keys` and how long each was; `at_s` dates them all."""
    lengths_s = np.minimum(float_column(seconds), LONGEST_SERVICE_S)
    ones = np.ones(len(lengths_s))
    return _summed(np.array(keys, np.int64), np.zeros(len(keys), np.int64), lengths_s, ones, weight_at(at_s))


def combined(first: Observation, second: Observation, sign: float = 1.0) -> Observation:
    """Both observations as one, or with sign -1 what the second took away; keys may occur twice."""
    return Observation(
        np.concatenate([first.keys, second.keys]),
        np.concatenate([first.slots, second.slots]),
        np.concatenate([first.seconds, sign * second.seconds]),
        np.concatenate([first.weights, sign * second.weights]),
        np.concatenate([first.squares, sign * second.squares]),
    )


def _summed(
    keys: NDArray[np.int64],
    slots: NDArray[np.int64],
    seconds: NDArray[np.float64],
    weights: NDArray[np.float64],
    weight: float,
) -> Observation:
    """The sums by key and slot, in order of both."""
    order = np.lexsort((slots, keys))
    keys, slots, seconds, weights = keys[order], slots[order], seconds[order], weights[order]
    starts = np.flatnonzero(np.concatenate([[True], (np.diff(keys) != 0) | (np.diff(slots) != 0)]))
    if not len(keys):
        starts = starts[:0]
    squares = seconds * seconds / weights
    sums = [
        np.add.reduceat(column, starts) if len(starts) else column for column in (seconds, weights, squares)
    ]
    return Observation(keys[starts], slots[starts], *(weight * column for column in sums))


class PaceTable:
    """What has been learned, and the profiles of routes drawn from it."""

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}
        # Row 0 is of every cell nobody has driven.
        self._seconds = np.zeros((1024, SLOTS))
        self._weights = np.zeros((1024, SLOTS))
        self._squares = np.zeros((1024, SLOTS))

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, observation: Observation, sign: float = 1.0) -> None:
        """Learn a drive, or with sign -1 take it back."""
        rows = self._rows_for(observation.keys)
        for sums, column in (
            (self._seconds, observation.seconds),
            (self._weights, observation.weights),
            (self._squares, observation.squares),
        ):
            np.add.at(sums, (rows, observation.slots), sign * column)

    def profile(
        self,
        path: RoadPath,
        now_s: float,
        *,
        plan: PaceProfile | None = None,
        departure_s: float = math.nan,
        utc_offset_s: float = 0.0,
    ) -> PaceProfile:
        """Driving seconds along `path` at the hour of `now_s`.

        `plan`: the pace its plan implies, which counts where little is known. `departure_s`: the planned
        departure; with it the lane's learned timetable has a say.
        """
        seen_now = weight_at(now_s)
        slot = int(time_slots([now_s], utc_offset_s)[0])
        paces, variance = self._paces(path, slot, seen_now, plan)
        driving_s = np.concatenate([[0.0], np.cumsum(paces * path.weights_m)])
        spread_s = np.sqrt(np.concatenate([[0.0], np.cumsum(variance * path.weights_m**2)]))
        if path.elapsed_keys is not None and math.isfinite(departure_s):
            departure_slot = int(time_slots([departure_s], utc_offset_s)[0])
            timetable_s = self._timetable(path.elapsed_keys, departure_slot, seen_now, driving_s)
            driving_s = np.maximum.accumulate((driving_s + timetable_s) / 2)
        return PaceProfile(path.edges_m, driving_s, spread_s)

    def service_s(self, planned_s: float, keys: Sequence[int], now_s: float) -> float:
        """Seconds a stop takes: as planned, until stays of its kind and at its place say otherwise."""
        expected_s, prior = planned_s, SERVICE_VISITS * weight_at(now_s)
        for row in (self._rows.get(key, 0) for key in keys):
            stays_s, stays = float(self._seconds[row, 0]), float(self._weights[row, 0])
            expected_s = (stays_s + prior * expected_s) / (stays + prior)
        return expected_s

    def _paces(
        self, path: RoadPath, slot: int, seen_now: float, plan: PaceProfile | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Seconds per metre of each piece, and their variance."""
        alike = _hours_alike(slot, HOURS_ALIKE)
        pieces = len(path.weights_m)
        always = np.full(pieces, ROAD_PACE_S_PER_M)
        hourly = always
        squares = 2.0 * always**2
        fleet = np.zeros((1, pieces), np.int64)
        for level, (keys, shrinkage) in enumerate(
            zip([*fleet, *path.cells], (FLEET_SHRINKAGE, *LEVEL_SHRINKAGE), strict=False)
        ):
            cells, cell_of = np.unique(keys, return_inverse=True)
            rows = self._rows_of(cells)
            seconds, metres = self._seconds[rows], self._weights[rows]
            all_m, all_prior = metres.sum(axis=1)[cell_of], shrinkage.all_hours_m * seen_now
            hour_m, hour_prior = (metres @ alike)[cell_of], shrinkage.hour_m * seen_now
            above = hourly / always
            always = (seconds.sum(axis=1)[cell_of] + all_prior * always) / (all_m + all_prior)
            hourly = ((seconds @ alike)[cell_of] + hour_prior * always * above) / (hour_m + hour_prior)
            seen_squares = self._squares[rows].sum(axis=1)[cell_of]
            squares = (seen_squares + all_prior * squares) / (all_m + all_prior)
            if plan is not None and level == STREET_LEVEL:
                planned = np.diff(plan.seconds_to(path.edges_m)) / path.weights_m
                known = all_m / (all_m + PLAN_M * seen_now)
                hourly = known * hourly + (1.0 - known) * planned
                always = known * always + (1.0 - known) * planned
        return hourly, np.maximum(squares - always**2, 0.0)

    def _timetable(
        self, keys: NDArray[np.int64], slot: int, seen_now: float, driving_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Seconds from the planned departure to each edge, as vehicles of this lane kept it."""
        alike = _hours_alike(slot, TIMETABLE_HOURS_ALIKE)
        rows = self._rows_of(keys)
        prior = TIMETABLE_VISITS * seen_now
        return (self._seconds[rows] @ alike + prior * driving_s) / (self._weights[rows] @ alike + prior)

    def _rows_of(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        find = self._rows.get
        return np.fromiter((find(key, 0) for key in keys.tolist()), np.int64, len(keys))

    def _rows_for(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        rows = self._rows
        found = [rows.setdefault(key, len(rows) + 1) for key in keys.tolist()]
        if len(rows) >= len(self._seconds):
            more = max(len(self._seconds), len(rows) + 1 - len(self._seconds))
            self._seconds, self._weights, self._squares = (
                np.concatenate([sums, np.zeros((more, SLOTS))])
                for sums in (self._seconds, self._weights, self._squares)
            )
        return np.array(found, np.int64)


def _hours_alike(slot: int, hours: float) -> NDArray[np.float64]:
    """How much each slot says about this one: less with the hours between, less from another kind of day."""
    slots = np.arange(SLOTS)
    apart = (slots % 24 - slot % 24 + 12) % 24 - 12
    near = np.exp(-0.5 * (apart / hours) ** 2)
    return np.where(slots // 24 == slot // 24, near, OTHER_DAY_WEIGHT * near)
