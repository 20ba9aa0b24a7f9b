"""When time counts: round the clock, or in working hours on working days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Protocol

IsWorkday = Callable[[date], bool]
MOST_DAYS = 400


class Calendar(Protocol):
    """Counts time; all times are UTC."""

    def after(self, start: datetime, counted: timedelta) -> datetime:
        """The moment when this much time has counted since `start`."""

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much time counts between two moments."""


@dataclass(frozen=True, slots=True)
class Always:
    """24 × 7."""

    def after(self, start: datetime, counted: timedelta) -> datetime:
        """The moment when this much time has counted since `start`."""
        return start + counted

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much time counts between two moments."""
        return max(end - start, timedelta(0))


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """From `opens` to `closes` in a zone, on the days `is_workday` says."""

    opens: time
    closes: time
    zone: tzinfo
    is_workday: IsWorkday

    def after(self, start: datetime, counted: timedelta) -> datetime:
        """The moment when this much time has counted since `start`.

        ValueError when there is no working day for more than a year.
        """
        left = counted
        for opens_at, closes_at in self._openings(start):
            begins = max(opens_at, start)
            if begins + left <= closes_at:
                return begins + left
            left -= max(closes_at - begins, timedelta(0))
        raise ValueError(f"there are not {counted} of working time within {MOST_DAYS} days of {start}")

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much time counts between two moments."""
        total = timedelta(0)
        for opens_at, closes_at in self._openings(start):
            if opens_at >= end:
                break
            total += max(min(closes_at, end) - max(opens_at, start), timedelta(0))
        return total

    def _openings(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The times of each working day from the day of `start` on."""
        first = start.astimezone(self.zone).date()
        for day in (first + timedelta(days=n) for n in range(MOST_DAYS)):
            if self.is_workday(day):
                yield _opening(day, self.opens, self.closes, self.zone)


@lru_cache(maxsize=10_000)
def _opening(day: date, opens: time, closes: time, zone: tzinfo) -> tuple[datetime, datetime]:
    """From when to when a day is worked; the same few days are asked for again and again."""
    return (
        datetime.combine(day, opens, zone).astimezone(UTC),
        datetime.combine(day, closes, zone).astimezone(UTC),
    )
