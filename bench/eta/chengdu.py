"""Taxi drives of Chengdu: the whole drive is estimated at its start, from its route and the time of day.

The spacing of the recorded points gives the answer away (they are closer together where it is slow), so
routes are laid anew with a point every 200 m; the times are read for learning and for scoring only.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.eta import tables
from bench.eta.scoring import Scored
from geo.distance import cumulative_m
from geo.eta import Arrivals, estimate
from geo.pace import Observation, PaceTable, observe
from geo.quantiles import ErrorBook
from geo.road_cells import RoadPath, road_path

STEP_M = 200.0
DAY_S = 86_400.0
FIRST_DAY = 20_006
"""A Thursday, as day 0 of the epoch was: the set names weekdays, not dates."""


@dataclass(frozen=True)
class Question:
    """What the estimator may know of a drive."""

    path: RoadPath
    departure_s: float


@dataclass(frozen=True)
class Drive:
    """A recorded drive: the question, the answer in seconds, and what it teaches."""

    day: int
    driver: int
    question: Question
    taken_s: float
    lesson: Observation

    @property
    def name(self) -> tuple[int, float, float]:
        """Tells drives apart: who, when, how far."""
        return self.driver, self.question.departure_s, float(self.question.path.edges_m[-1])

    @property
    def shift(self) -> tuple[int, int]:
        """One driver's day: its drives overlap, the set cuts them out of longer ones."""
        return self.driver, self.day


def read(folder: Path) -> list[Drive]:
    """Read the drives in the files of a folder, whatever their names: a JSON object a line, gzipped or not.

    Raises ValueError without any, and for a line that is no drive.
    """
    drives = []
    for path in sorted(tables.files(folder)):
        for number, line in enumerate(tables.lines(path), start=1):
            if number == 1 and not line.startswith("{"):
                break
            if line.strip():
                drives.append(_read_drive(path, number, line))
    if not drives:
        raise ValueError(f"{folder} holds no file with drives, a JSON object a line")
    return drives


def _read_drive(path: Path, number: int, line: str) -> Drive:
    try:
        return _drive(json.loads(line))
    except (KeyError, TypeError, ValueError) as exc:
        raise ValueError(f"{path.name}, line {number} is no drive: {exc!r}") from exc


def _drive(row: dict[str, Any]) -> Drive:
    lats, lons = np.array(row["lats"], dtype=np.float64), np.array(row["lngs"], dtype=np.float64)
    along_m = cumulative_m(lats, lons)
    points_m = np.append(np.arange(0.0, along_m[-1], STEP_M), along_m[-1])
    path = road_path(
        np.interp(points_m, along_m, lats),
        np.interp(points_m, along_m, lons),
        distances_m=points_m,
    )
    date = int(row["dateID"])
    day = FIRST_DAY + date + (int(row["weekID"]) - date - 3) % 7
    departure_s = day * DAY_S + 60.0 * float(row["timeID"])
    lesson = observe(path, departure_s + np.array(row["time_gap"], dtype=np.float64), along_m)
    return Drive(date, int(row["driverID"]), Question(path, departure_s), float(row["time"]), lesson)


def run(train: Path, test: Path, advance: Callable[[float], None]) -> Scored:
    """Estimate the drives of a test folder; of one and the same folder, each day's from the other days.

    What is asked is never taught: drives in both folders are left out of what is learned.
    """
    training = read(train)
    testing = training if train.resolve() == test.resolve() else read(test)
    asked = {drive.name for drive in testing}
    taught = [drive for drive in training if drive.name not in asked]
    if taught:
        return _scored(testing, _estimated(taught, testing, advance))
    training = testing
    drives: list[Drive] = []
    made: list[Arrivals] = []
    days = sorted({drive.day for drive in training})
    for number, day in enumerate(days):
        testing = [drive for drive in training if drive.day == day]
        others = [drive for drive in training if drive.day != day]
        made += _estimated(others, testing, lambda done, n=number: advance((n + done) / len(days)))  # type: ignore[misc]
        drives += testing
    return _scored(drives, made)


def _estimated(
    training: list[Drive], testing: list[Drive], advance: Callable[[float], None]
) -> list[Arrivals]:
    table, errors = PaceTable(), ErrorBook()
    for drive in training:
        table.add(drive.lesson)
    groups = left_out(training, testing)
    for number, group in enumerate(groups):
        _learn_errors(table, errors, group)
        advance(number / len(groups))
    return [_estimate(drive.question, table, errors) for drive in testing]


def left_out(training: list[Drive], testing: list[Drive]) -> list[list[Drive]]:
    """The drives that are left out together to see how far off estimates are: as far from those that stay as
    the asked ones are from all.

    Drives of one driver on one day overlap. Where some of the asked are such neighbours of the taught, each
    drive is left out without its neighbours; else with them.
    """
    shifts = {drive.shift for drive in training}
    has_neighbours = any(drive.shift in shifts for drive in testing)
    together: dict[tuple[float, ...], list[Drive]] = defaultdict(list)
    for drive in training:
        together[drive.name if has_neighbours else drive.shift].append(drive)
    return [together[key] for key in sorted(together)] if len(together) > 1 else []


def _learn_errors(table: PaceTable, errors: ErrorBook, drives: list[Drive]) -> None:
    """Learn how far off estimates of drives are that were made without having seen any of them."""
    for drive in drives:
        table.add(drive.lesson, -1.0)
    for drive in drives:
        made = _estimate(drive.question, table, ErrorBook())
        arrival_s = drive.question.departure_s + drive.taken_s
        errors.add([arrival_s], made.to_go_s, arrival_s - made.raw_s, made.spread_s)
    for drive in drives:
        table.add(drive.lesson)


def _estimate(question: Question, table: PaceTable, errors: ErrorBook) -> Arrivals:
    return estimate(
        now_s=question.departure_s,
        fix_s=question.departure_s,
        distance_m=0.0,
        stop_distances_m=[question.path.edges_m[-1]],
        service_s=[0.0],
        next_stop=0,
        profile=table.profile(question.path, question.departure_s),
        errors=errors,
    )


def _scored(drives: list[Drive], made: list[Arrivals]) -> Scored:
    departures_s = np.array([drive.question.departure_s for drive in drives])
    unknown = np.full(len(drives), np.nan)
    numbers = np.arange(len(drives))
    return Scored(
        now_s=departures_s,
        truth_s=departures_s + np.array([drive.taken_s for drive in drives]),
        p50_s=np.array([arrivals.p50_s[0] for arrivals in made]),
        p90_s=np.array([arrivals.p90_s[0] for arrivals in made]),
        rival_s=unknown,
        naive_s=unknown,
        group=numbers,
        visit=numbers,
    )
