"""When a geofence is active: hours of the week in its depot's zone, within the validity of its versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import chain
from typing import NamedTuple

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN = 24 * 60
_AROUND = timedelta(days=2)


class Change(NamedTuple):
    """A fence becomes active, or ceases to be, at a time."""

    at: datetime
    active: bool


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of one day of the week (0 is Monday), minutes of the wall clock since midnight.

    closes_min beyond a day's minutes lies in the next day.
    """

    day: int
    opens_min: int
    closes_min: int


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """The windows of a week in a zone; where they overlap or touch they are one.

    Where the clocks go forward, a time that does not exist is as much later; where they go back, the first of
    two counts.
    """

    windows: tuple[Window, ...]
    zone: tzinfo

    def spells(self, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The times from opening to closing that reach into a period, in order; the outer ones may be cut."""
        first = since.astimezone(self.zone).date() - _AROUND
        days = range((until.astimezone(self.zone).date() + _AROUND - first).days + 1)
        opened: datetime | None = None
        closes = since
        for opens_at, closes_at in sorted(chain.from_iterable(self._of(first + timedelta(d)) for d in days)):
            if opened is not None and opens_at > closes:
                yield opened, closes
                opened = None
            if opened is None:
                opened, closes = opens_at, closes_at
            closes = max(closes, closes_at)
        if opened is not None:
            yield opened, closes

    def _of(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        for window in self.windows:
            if window.day == day.weekday():
                opens_at, closes_at = self._at(day, window.opens_min), self._at(day, window.closes_min)
                if opens_at < closes_at:
                    yield opens_at, closes_at

    def _at(self, day: date, minute: int) -> datetime:
        day += timedelta(days=minute // DAY_MIN)
        clock = time(minute % DAY_MIN // 60, minute % 60)
        return datetime.combine(day, clock, self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Validity:
    """A version of a fence from `from_at` until before `until_at`; hours None: round the clock."""

    from_at: datetime
    until_at: datetime
    hours: WeeklyHours | None


@dataclass(frozen=True, slots=True)
class FenceHours:
    """When a fence is active over all its versions, which do not overlap."""

    validities: tuple[Validity, ...]

    def is_active(self, at: datetime) -> bool:
        """Whether fixes of this time are judged by the fence."""
        return any(begins <= at < ends for begins, ends in self._spells(at, at))

    def changes(self, after: datetime, until: datetime) -> list[Change]:
        """What changes later than `after` and not later than `until`, in order."""
        spells = list(self._spells(after, until))
        # Where one version goes over into the next nothing changes.
        begins, ends = {begin for begin, _ in spells}, {end for _, end in spells}
        found = [Change(at, True) for at in begins - ends] + [Change(at, False) for at in ends - begins]
        return sorted(change for change in found if after < change.at <= until)

    def _spells(self, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        for validity in self.validities:
            if validity.until_at < since or validity.from_at > until:
                continue
            if validity.hours is None:
                yield validity.from_at, validity.until_at
                continue
            within = max(since, validity.from_at), min(until, validity.until_at)
            for opens_at, closes_at in validity.hours.spells(*within):
                begins, ends = max(opens_at, validity.from_at), min(closes_at, validity.until_at)
                if begins < ends:
                    yield begins, ends


def window_of(day: str, opens: str, closes: str) -> Window:
    """A window from names: a day as in `mon`, times as HH:MM; a close before the opening is the next day's.

    Raises ValueError for a day or time there is none of, and for an opening that is also the close.
    """
    if day not in DAYS:
        raise ValueError(f"there is no day {day!r}: use {', '.join(DAYS)}")
    opens_min, closes_min = _minutes(opens), _minutes(closes)
    if opens_min == DAY_MIN:
        raise ValueError("hours cannot open at 24:00: say 00:00 of the next day")
    if opens_min == closes_min:
        raise ValueError(f"hours from {opens} to {closes} are empty: for a whole day say 00:00 to 24:00")
    return Window(DAYS.index(day), opens_min, closes_min + (DAY_MIN if closes_min < opens_min else 0))


def _minutes(clock: str) -> int:
    hours, colon, minutes = clock.partition(":")
    digits = len(hours) == len(minutes) == 2 and (hours + minutes).isdecimal() and clock.isascii() and colon
    value = int(hours) * 60 + int(minutes) if digits and int(minutes) < 60 else DAY_MIN + 1
    if value > DAY_MIN:
        raise ValueError(f"{clock!r} is no time of day: use HH:MM, up to 24:00")
    return value


def weekly_hours(schedule: Iterable[tuple[Sequence[str], str, str]], zone: tzinfo) -> WeeklyHours:
    """Hours of the week from (days, opens, closes) rows. Raises ValueError, also for no rows or no days."""
    windows = tuple(window_of(day, opens, closes) for days, opens, closes in schedule for day in days)
    if not windows:
        raise ValueError("a schedule without hours would never be active: leave it out, or end the geofence")
    return WeeklyHours(windows, zone)
