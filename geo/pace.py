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
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.columns import float_column
from geo.eta import ROAD_PACE_S_PER_M, PaceProfile
from geo.road_cells import RoadPath, region_of, traffic_keys

DAY_S = 86_400.0
SLOTS = 48
"""The hours of a working day, then those of a day of the weekend, by the clock of the place."""

EPOCH_S = 1_735_689_600.0
"""2025-01-01: weights are relative to it, so that sums never need to be rescaled."""

HALF_LIFE_S = 28 * DAY_S

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

TRAFFIC_SHARE = 0.8
"""How much of what all vehicles of a region lost (or gained) in the last hour the next hour takes, too."""

TRAFFIC_S = 900.0
"""Driving seconds seen within the hour until they count as much as the usual."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """What the n pieces of a path usually take: `edges_s` (n + 1) seconds from the start, `spread_s` (n + 1)
    their standard deviation; `known` (n): the share of each pace that comes from drives on that street.
    """

    edges_s: NDArray[np.float64]
    spread_s: NDArray[np.float64]
    known: NDArray[np.float64]


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
    usual: Usual | None = None,
) -> Observation:
    """What a drive along `path` teaches, from n progress samples in order of time.

    `standing` (n - 1, bool): intervals spent at stops, whose time is not the road's. `departure_s`: the
    planned departure; with it the drive teaches the lane's timetable too. `usual`: what the path takes at
    that hour; with it the drive teaches the traffic of its hour.
    """
    drive = _driven(path, times_s, distances_m, standing)
    taught = [_of_roads(path, drive, utc_offset_s)]
    if path.elapsed_keys is not None and math.isfinite(departure_s):
        taught.append(_of_timetable(path.elapsed_keys, drive, departure_s, utc_offset_s))
    if usual is not None:
        taught.append(_of_traffic(path, drive, usual))
    keys, slots, seconds, weights = (np.concatenate(columns) for columns in zip(*taught, strict=True))
    return _summed(keys, slots, seconds, weights, weight_at(drive.began_s))


@dataclass(frozen=True, slots=True, eq=False)
class _Driven:
    """The pieces of a path that were driven: which, the share of each, when it began (epoch s), the seconds
    it took, and the metres of it that count.
    """

    began_s: float
    pieces: NDArray[np.int64]
    share: NDArray[np.float64]
    at_s: NDArray[np.float64]
    seconds: NDArray[np.float64]
    metres: NDArray[np.float64]


_Sums = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]
"""Keys, slots, seconds, weights."""


def _driven(
    path: RoadPath, times_s: ArrayLike, distances_m: ArrayLike, standing: ArrayLike | None
) -> _Driven:
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
    return _Driven(
        began_s=float(times[0]),
        pieces=first + np.flatnonzero(seen),
        share=covered[seen],
        at_s=np.interp(edges_m, distances, times)[:-1][seen],
        seconds=np.minimum(seconds, SLOWEST_S_PER_M * metres)[seen],
        metres=metres[seen],
    )


def _of_roads(path: RoadPath, drive: _Driven, utc_offset_s: float) -> _Sums:
    slots = time_slots(drive.at_s, utc_offset_s)
    # The hour cannot be read off the places of one drive: the fleet's sums are one more level.
    fleet = np.full((1, len(drive.pieces)), FLEET_KEY, np.int64)
    levels = np.concatenate([fleet, path.cells[:, drive.pieces]])
    count = len(levels)
    return levels.ravel(), np.tile(slots, count), np.tile(drive.seconds, count), np.tile(drive.metres, count)


def _of_timetable(keys: NDArray[np.int64], drive: _Driven, departure_s: float, utc_offset_s: float) -> _Sums:
    whole = drive.share > 0.99
    elapsed_s = np.clip(drive.at_s[whole] - departure_s, -LONGEST_ELAPSED_S, LONGEST_ELAPSED_S)
    slots = np.repeat(time_slots([departure_s], utc_offset_s), len(elapsed_s))
    return keys[drive.pieces[whole]], slots, elapsed_s, np.ones(len(elapsed_s))


def _of_traffic(path: RoadPath, drive: _Driven, usual: Usual) -> _Sums:
    """What the pieces took, and in place of metres what they usually take, as far as that is known."""
    known = usual.known[drive.pieces]
    usual_s = np.diff(usual.edges_s)[drive.pieces] * drive.share * known
    judged = usual_s > 0.0
    at_s, regions = drive.at_s[judged], region_of(path.cells[0, drive.pieces[judged]])
    hours = (at_s % DAY_S // 3600.0).astype(np.int64)
    return traffic_keys(regions, at_s // DAY_S), hours, (drive.seconds * known)[judged], usual_s[judged]


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


@dataclass(slots=True, eq=False)
class _PathRows:
    """Where a table keeps the cells of a path: `keys` (n), their `rows` (0 = of nobody), and for each level,
    fleet first, which of them each piece lies in; `looked_up_in`: the rows the table had then.
    """

    keys: NDArray[np.int64]
    cell_of: NDArray[np.int64]
    rows: NDArray[np.int64]
    looked_up_in: int = -1


class PaceTable:
    """What has been learned, and the profiles of routes drawn from it."""

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}
        # Row 0 is of every cell nobody has driven.
        self._seconds = np.zeros((1024, SLOTS))
        self._weights = np.zeros((1024, SLOTS))
        self._squares = np.zeros(1024)
        self._rows_of_path: WeakKeyDictionary[RoadPath, _PathRows] = WeakKeyDictionary()

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, observation: Observation, sign: float = 1.0) -> None:
        """Learn a drive, or with sign -1 take it back."""
        rows = self._rows_for(observation.keys)
        np.add.at(self._seconds, (rows, observation.slots), sign * observation.seconds)
        np.add.at(self._weights, (rows, observation.slots), sign * observation.weights)
        np.add.at(self._squares, rows, sign * observation.squares)

    def profile(
        self,
        path: RoadPath,
        now_s: float,
        *,
        plan: PaceProfile | None = None,
        departure_s: float = math.nan,
        utc_offset_s: float = 0.0,
    ) -> PaceProfile:
        """Driving seconds along `path` at the hour of `now_s`, in the traffic of the last one.

        `plan`: the pace its plan implies, which counts where little is known. `departure_s`: the planned
        departure; with it the lane's learned timetable has a say.
        """
        usual = self.usual(path, now_s, plan=plan, utc_offset_s=utc_offset_s)
        driving_s = usual.edges_s
        if path.elapsed_keys is not None and math.isfinite(departure_s):
            departure_slot = int(time_slots([departure_s], utc_offset_s)[0])
            timetable_s = self._timetable(path.elapsed_keys, departure_slot, weight_at(now_s), driving_s)
            driving_s = np.maximum.accumulate((driving_s + timetable_s) / 2)
        return PaceProfile(path.edges_m, driving_s * self._traffic(path, now_s), usual.spread_s)

    def usual(
        self, path: RoadPath, now_s: float, *, plan: PaceProfile | None = None, utc_offset_s: float = 0.0
    ) -> Usual:
        """What `path` usually takes at the hour of `now_s`, whatever the traffic and the timetable."""
        slot = int(time_slots([now_s], utc_offset_s)[0])
        paces, variance, known = self._paces(path, slot, weight_at(now_s), plan)
        return Usual(
            edges_s=np.concatenate([[0.0], np.cumsum(paces * path.weights_m)]),
            spread_s=np.sqrt(np.concatenate([[0.0], np.cumsum(variance * path.weights_m**2)])),
            known=known,
        )

    def _traffic(self, path: RoadPath, now_s: float) -> float:
        """How much slower (above 1) the regions of a path are to be expected than usual.

        The last hour is this hour's drives, and as much of those of the hour before as is missing.
        """
        regions = np.unique(region_of(path.cells[0]))
        taken_s = usual_s = TRAFFIC_S * weight_at(now_s)
        for at_s, share in ((now_s, 1.0), (now_s - 3600.0, 1.0 - now_s % 3600.0 / 3600.0)):
            rows = self._rows_of(traffic_keys(regions, np.full(len(regions), at_s // DAY_S)))
            hour = int(at_s % DAY_S // 3600.0)
            taken_s += share * float(self._seconds[rows, hour].sum())
            usual_s += share * float(self._weights[rows, hour].sum())
        return 1.0 + TRAFFIC_SHARE * (taken_s / usual_s - 1.0)

    def service_s(self, planned_s: float, keys: Sequence[int], now_s: float) -> float:
        """Seconds a stop takes: as planned, until stays of its kind and at its place say otherwise."""
        expected_s, prior = planned_s, SERVICE_VISITS * weight_at(now_s)
        for row in (self._rows.get(key, 0) for key in keys):
            stays_s, stays = float(self._seconds[row, 0]), float(self._weights[row, 0])
            expected_s = (stays_s + prior * expected_s) / (stays + prior)
        return expected_s

    def _paces(
        self, path: RoadPath, slot: int, seen_now: float, plan: PaceProfile | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Seconds per metre of each piece, their variance, and how much of them is known of the street."""
        cells = self._cells(path)
        hours = np.stack([np.ones(SLOTS), _hours_alike(slot, HOURS_ALIKE)], axis=1)
        seconds, metres = self._seconds[cells.rows] @ hours, self._weights[cells.rows] @ hours
        squares_seen = self._squares[cells.rows]
        pieces = len(path.weights_m)
        always = np.full(pieces, ROAD_PACE_S_PER_M)
        hourly = always
        squares = 2.0 * always**2
        known = np.zeros(pieces)
        for level, (cell_of, shrinkage) in enumerate(
            zip(cells.cell_of, (FLEET_SHRINKAGE, *LEVEL_SHRINKAGE), strict=False)
        ):
            all_m, all_prior = metres[cell_of, 0], shrinkage.all_hours_m * seen_now
            hour_m, hour_prior = metres[cell_of, 1], shrinkage.hour_m * seen_now
            above = hourly / always
            always = (seconds[cell_of, 0] + all_prior * always) / (all_m + all_prior)
            hourly = (seconds[cell_of, 1] + hour_prior * always * above) / (hour_m + hour_prior)
            squares = (squares_seen[cell_of] + all_prior * squares) / (all_m + all_prior)
            if level == STREET_LEVEL:
                known = np.maximum(all_m, 0.0) / (np.maximum(all_m, 0.0) + PLAN_M * seen_now)
            if plan is not None and level == STREET_LEVEL:
                planned = np.diff(plan.seconds_to(path.edges_m)) / path.weights_m
                hourly = known * hourly + (1.0 - known) * planned
                always = known * always + (1.0 - known) * planned
        return hourly, np.maximum(squares - always**2, 0.0), known

    def _timetable(
        self, keys: NDArray[np.int64], slot: int, seen_now: float, driving_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Seconds from the planned departure to each edge, as vehicles of this lane kept it."""
        alike = _hours_alike(slot, TIMETABLE_HOURS_ALIKE)
        rows = self._rows_of(keys)
        prior = TIMETABLE_VISITS * seen_now
        return (self._seconds[rows] @ alike + prior * driving_s) / (self._weights[rows] @ alike + prior)

    def _cells(self, path: RoadPath) -> _PathRows:
        """The rows of a path's cells: looked up once, and again where nobody had driven."""
        cells = self._rows_of_path.get(path)
        if cells is None:
            fleet = np.full((1, len(path.weights_m)), FLEET_KEY, np.int64)
            keys, cell_of = np.unique(np.concatenate([fleet, path.cells]), return_inverse=True)
            cells = _PathRows(keys, cell_of.reshape(len(path.cells) + 1, -1), np.zeros(len(keys), np.int64))
            self._rows_of_path[path] = cells
        if cells.looked_up_in != len(self._rows):
            unknown = np.flatnonzero(cells.rows == 0)
            cells.rows[unknown] = self._rows_of(cells.keys[unknown])
            cells.looked_up_in = len(self._rows)
        return cells

    def _rows_of(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        find = self._rows.get
        return np.fromiter((find(key, 0) for key in keys.tolist()), np.int64, len(keys))

    def _rows_for(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        rows = self._rows
        found = [rows.setdefault(key, len(rows) + 1) for key in keys.tolist()]
        if len(rows) >= len(self._seconds):
            more = max(len(self._seconds), len(rows) + 1 - len(self._seconds))
            self._seconds, self._weights, self._squares = (
                np.concatenate([sums, np.zeros((more, *sums.shape[1:]))])
                for sums in (self._seconds, self._weights, self._squares)
            )
        return np.array(found, np.int64)


def _hours_alike(slot: int, hours: float) -> NDArray[np.float64]:
    """How much each slot says about this one: less with the hours between, less from another kind of day."""
    slots = np.arange(SLOTS)
    apart = (slots % 24 - slot % 24 + 12) % 24 - 12
    near = np.exp(-0.5 * (apart / hours) ** 2)
    return np.where(slots // 24 == slot // 24, near, OTHER_DAY_WEIGHT * near)
