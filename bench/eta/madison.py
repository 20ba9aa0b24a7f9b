"""Buses of Madison: recorded positions, and the agency's own recorded estimates of the same arrivals.

Rows are read in the order they were collected; an estimate is made of what was collected by then. The shape
of a pattern and the places of its stops come from the rows seen so far, too: nothing of the future is known.
The truth, the interpolated passing of a stop, is worked out apart from it, after the fact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.eta import tables
from bench.eta.patterns import Patterns, StopPlaces
from bench.eta.scoring import Scored
from geo.eta import Arrivals, PaceProfile, estimate, recent_pace_s_per_m
from geo.pace import PaceTable, Usual, observe
from geo.quantiles import ErrorBook
from geo.road_cells import RoadPath

FEET_M = 0.3048
MPH_MPS = 0.44704
MINUTE_S = 60.0
FEED_DELAY_S = 8.0
"""How old a fix is when it is collected."""

LONGEST_TRUTH_GAP_S = 240.0
FURTHEST_AHEAD_S = 2400.0
TESTED_DAYS = 4
AT_START_M = 450.0
LEAST_ADVANCE_M = 15.0
PROFILE_AGE_S = 300.0
SLOWEST_MPS = 1.0


class TripKey(NamedTuple):
    """One drive: a vehicle, the agency's trip, the service day."""

    vehicle: str
    trip: str
    day: str


class Fix(NamedTuple):
    """A position. `minute_s` is the time as recorded, to the minute; `at_s` the likely time, as far from the
    true one as a recorded minute is on average, so that both can be compared.
    """

    collected_s: float
    key: TripKey
    minute_s: float
    at_s: float
    distance_m: float
    speed_mps: float
    pattern: str
    departure_s: float
    lat: float
    lon: float


class Told(NamedTuple):
    """The agency's estimate for one stop."""

    collected_s: float
    key: TripKey
    minute_s: float
    stop: str
    ahead_m: float
    arrival_s: float


@dataclass(frozen=True)
class Recording:
    """The rows of one folder in the order they were collected, and where stops are."""

    rows: list[Fix | Told]
    stops: dict[str, tuple[float, float]]

    @property
    def days(self) -> list[str]:
        """The service days of the positions."""
        return sorted({row.key.day for row in self.rows if isinstance(row, Fix)})


def read(folder: Path) -> Recording:
    """Read every table in a folder, known by its columns; a row that lacks a number it needs is left out.

    Raises ValueError where positions or estimates are missing, and where more than a tenth is left out.
    """
    fixes: list[Fix] = []
    told: list[Told] = []
    stops: dict[str, tuple[float, float]] = {}
    unusable = 0
    for path in tables.files(folder):
        for row in tables.rows(path):
            try:
                if "pdist" in row:
                    fixes.append(_fix(row))
                elif "prdtm" in row:
                    if row["vid"]:
                        told.append(_told(row))
                elif "stop_lat" in row:
                    place = (float(row["stop_lat"]), float(row["stop_lon"]))
                    stops[row["stop_code"]] = stops[row["stop_id"]] = place
                else:
                    break
            except ValueError:
                unusable += 1
    if not fixes or not told:
        raise ValueError(f"{folder} needs a table of positions (pdist) and one of estimates (prdtm)")
    if 10 * unusable > len(fixes) + len(told):
        raise ValueError(f"{unusable:,} rows in {folder} lack a number or a time that is needed")
    rows: list[Fix | Told] = [*fixes, *told]
    # Whole rows, so that the order of a file's lines decides nothing.
    rows.sort(key=lambda row: (row.collected_s, isinstance(row, Told), row))
    return Recording(rows, stops)


def _fix(row: dict[str, str]) -> Fix:
    collected_s, minute_s = _collected_s(row), _minute_s(row["tmstmp"])
    likely_s = min(max(collected_s - FEED_DELAY_S, minute_s), minute_s + MINUTE_S)
    day = datetime.fromisoformat(row["stsd"]).replace(tzinfo=UTC).timestamp()
    return Fix(
        collected_s=collected_s,
        key=TripKey(row["vid"], row["tatripid"], row["stsd"]),
        minute_s=minute_s,
        at_s=likely_s - MINUTE_S / 2,
        distance_m=float(row["pdist"]) * FEET_M,
        speed_mps=float(row["spd"]) * MPH_MPS,
        pattern=row["pid"],
        departure_s=day + float(row["stst"]),
        lat=float(row["lat"]),
        lon=float(row["lon"]),
    )


def _told(row: dict[str, str]) -> Told:
    return Told(
        collected_s=_collected_s(row),
        key=TripKey(row["vid"], row["tatripid"], row["stsd"]),
        minute_s=_minute_s(row["tmstmp"]),
        stop=row["stpid"],
        ahead_m=float(row["dstp"]) * FEET_M,
        arrival_s=_minute_s(row["prdtm"]),
    )


def _minute_s(text: str) -> float:
    """Local clocks are read as if they were UTC: hours are then those of the place."""
    return datetime.strptime(text, "%Y%m%d %H:%M").replace(tzinfo=UTC).timestamp()


def _collected_s(row: dict[str, str]) -> float:
    return datetime.fromisoformat(row["collection_timestamp"]).replace(tzinfo=UTC).timestamp()


@dataclass
class _Estimate:
    now_s: float
    key: TripKey
    stop: str
    place_m: float
    fix: Fix
    told_s: float
    arrivals: Arrivals


@dataclass
class BusWatch:
    """Estimates arrivals from rows as they come, and learns from them."""

    table: PaceTable = field(default_factory=PaceTable)
    errors: ErrorBook = field(default_factory=ErrorBook)
    places: StopPlaces = field(default_factory=StopPlaces)

    def __post_init__(self) -> None:
        self.patterns = Patterns(self.places)
        self._tracks: dict[TripKey, list[Fix]] = defaultdict(list)
        self._open: dict[TripKey, list[_Estimate]] = defaultdict(list)
        self._usuals: dict[str, tuple[float, RoadPath, Usual]] = {}
        self._profiles: dict[tuple[str, float], tuple[float, RoadPath, PaceProfile]] = {}

    def see(self, row: Fix | Told) -> _Estimate | None:
        """Take in a row; to an agency's estimate make ours, if the vehicle is on that trip."""
        if isinstance(row, Fix):
            self._see_fix(row)
            return None
        track = self._tracks.get(row.key)
        if not track:
            return None
        if row.minute_s == track[-1].minute_s:
            self.places.learn(track[-1].pattern, row.stop, track[-1].distance_m + row.ahead_m)
        return self._estimate(row, track)

    def _see_fix(self, fix: Fix) -> None:
        track = self._tracks[fix.key]
        last = track[-1] if track else None
        if last is not None and (fix.minute_s <= last.minute_s or fix.pattern != last.pattern):
            return
        self.patterns.learn(fix.pattern, fix.distance_m, fix.lat, fix.lon)
        track.append(fix)
        if last is None:
            return
        self._score(last, fix)
        is_waiting = last.at_s < fix.departure_s and last.distance_m < AT_START_M
        if fix.distance_m - last.distance_m > LEAST_ADVANCE_M and not is_waiting:
            path = self.patterns.path(fix.pattern, fix.distance_m)
            if path is not None:
                self.table.add(
                    observe(
                        path,
                        [last.at_s, fix.at_s],
                        [last.distance_m, fix.distance_m],
                        departure_s=fix.departure_s,
                        usual=self._usual(fix.pattern, path, fix.at_s),
                    )
                )

    def _usual(self, pattern: str, path: RoadPath, now_s: float) -> Usual:
        kept = self._usuals.get(pattern)
        if kept is None or kept[0] <= now_s - PROFILE_AGE_S or kept[1] is not path:
            kept = self._usuals[pattern] = (now_s, path, self.table.usual(path, now_s))
        return kept[2]

    def _score(self, last: Fix, fix: Fix) -> None:
        """Learn the errors of the estimates for stops passed between two fixes."""
        waiting = self._open.get(fix.key, [])
        passed = [one for one in waiting if one.place_m <= fix.distance_m]
        if not passed:
            return
        self._open[fix.key] = [one for one in waiting if one.place_m > fix.distance_m]
        for one in passed:
            arrival_s = passing_s(last, fix, one.place_m)
            if arrival_s is not None:
                arrivals = one.arrivals
                self.errors.add(
                    [arrival_s], arrivals.to_go_s, [arrival_s - arrivals.raw_s[0]], arrivals.spread_s
                )

    def _estimate(self, told: Told, track: list[Fix]) -> _Estimate | None:
        fix = track[-1]
        place_m = self.places.place_m(fix.pattern, told.stop)
        if place_m is None or place_m <= fix.distance_m:
            return None
        profile = self._profile(fix, place_m, told.minute_s)
        if profile is None:
            return None
        arrivals = estimate(
            now_s=told.minute_s,
            fix_s=fix.at_s,
            distance_m=fix.distance_m,
            stop_distances_m=[place_m],
            service_s=[0.0],
            next_stop=0,
            profile=profile,
            errors=self.errors,
            recent_pace=_recent_pace(track),
            leaves_at_s=fix.departure_s if fix.distance_m < AT_START_M else float("-inf"),
        )
        if arrivals.raw_s[0] - told.minute_s > FURTHEST_AHEAD_S:
            return None
        made = _Estimate(told.minute_s, told.key, told.stop, place_m, fix, told.arrival_s, arrivals)
        self._open[told.key].append(made)
        return made

    def _profile(self, fix: Fix, until_m: float, now_s: float) -> PaceProfile | None:
        kept = self._profiles.get((fix.pattern, fix.departure_s))
        path = self.patterns.path(fix.pattern, until_m)
        if kept is not None and kept[0] > now_s - PROFILE_AGE_S and kept[1] is path:
            return kept[2]
        if path is None:
            return None
        profile = self.table.profile(path, now_s, departure_s=fix.departure_s)
        self._profiles[fix.pattern, fix.departure_s] = (now_s, path, profile)
        return profile


def _recent_pace(track: list[Fix]) -> float:
    on_way = [fix for fix in track[-12:] if fix.distance_m > AT_START_M]
    return recent_pace_s_per_m([fix.at_s for fix in on_way], [fix.distance_m for fix in on_way])


def passing_s(before: Fix, after: Fix, place_m: float) -> float | None:
    """When a place was passed between two fixes by their recorded minutes, None if they are too far apart."""
    if not before.distance_m < place_m <= after.distance_m:
        return None
    gap_s = after.minute_s - before.minute_s
    if gap_s > LONGEST_TRUTH_GAP_S:
        return None
    return before.minute_s + gap_s * (place_m - before.distance_m) / (after.distance_m - before.distance_m)


class Truth:
    """The arrivals in recorded rows, from all of them: for scoring only."""

    def __init__(self, rows: list[Fix | Told]) -> None:
        self._tracks: dict[TripKey, list[Fix]] = defaultdict(list)
        self._places = StopPlaces()
        newest: dict[TripKey, Fix] = {}
        for row in rows:
            if isinstance(row, Fix):
                newest[row.key] = row
                self._tracks[row.key].append(row)
            elif row.key in newest and newest[row.key].minute_s == row.minute_s:
                fix = newest[row.key]
                self._places.learn(fix.pattern, row.stop, fix.distance_m + row.ahead_m)
        for track in self._tracks.values():
            track.sort(key=lambda fix: (fix.minute_s, fix.distance_m))
        self._arrivals: dict[tuple[TripKey, str], float | None] = {}

    def arrival_s(self, key: TripKey, stop: str) -> float | None:
        """When a vehicle passed a stop; None if that is not known well enough."""
        if (key, stop) not in self._arrivals:
            self._arrivals[key, stop] = self._look_up(key, stop)
        return self._arrivals[key, stop]

    def _look_up(self, key: TripKey, stop: str) -> float | None:
        track = self._tracks[key]
        place_m = self._places.place_m(track[-1].pattern, stop)
        if place_m is None:
            return None
        for before, after in pairwise(track):
            if before.distance_m < place_m <= after.distance_m:
                return passing_s(before, after, place_m)
        return None


def run(train: Path, test: Path, advance: Callable[[float], None]) -> Scored:
    """Replay a training and a test folder; of one and the same folder the last days are the test.

    What is asked is never taught: trips in both folders are left out of what is learned beforehand.
    """
    training = read(train)
    testing = training if train.resolve() == test.resolve() else read(test)
    tested_days = set(testing.days[-TESTED_DAYS:] if testing is training else testing.days)
    first_tested, rows = 0, training.rows
    if testing is not training:
        asked = {row.key for row in testing.rows}
        taught = [row for row in training.rows if row.key not in asked]
        first_tested, rows = len(taught), [*taught, *testing.rows]
    watch = BusWatch()
    watch.patterns.stop_points = training.stops | testing.stops
    made: list[_Estimate] = []
    for number, row in enumerate(rows):
        one = watch.see(row)
        if one is not None and number >= first_tested and row.key.day in tested_days:
            made.append(one)
        if number % 2000 == 0:
            advance(number / len(rows))
    return _scored(made, Truth(rows))


def _scored(made: list[_Estimate], truth: Truth) -> Scored:
    rows = []
    trips: dict[TripKey, int] = {}
    visits: dict[tuple[TripKey, str], int] = {}
    for one in made:
        arrival_s = truth.arrival_s(one.key, one.stop)
        if arrival_s is None or arrival_s < one.now_s:
            continue
        naive_s = one.fix.at_s + (one.place_m - one.fix.distance_m) / max(one.fix.speed_mps, SLOWEST_MPS)
        rows.append(
            (
                one.now_s,
                arrival_s,
                one.arrivals.p50_s[0],
                one.arrivals.p90_s[0],
                one.told_s,
                max(naive_s, one.now_s),
                trips.setdefault(one.key, len(trips)),
                visits.setdefault((one.key, one.stop), len(visits)),
            )
        )
    if not rows:
        raise ValueError("no arrival of the test folder is both estimated and known")
    columns = np.array(rows, dtype=np.float64).T
    group, visit = columns[6:].astype(np.int64)
    now_s, truth_s, p50_s, p90_s, rival_s, naive_s = columns[:6]
    return Scored(now_s, truth_s, p50_s, p90_s, rival_s, naive_s, group, visit)
