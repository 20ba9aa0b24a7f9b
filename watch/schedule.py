"""When each duty is due: by the clock, and sooner when something it cares about was heard of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from store.changes import Change, ChangeKind
from store.unit_of_work import UnitOfWork

Heard = Mapping[ChangeKind, frozenset[int]]
"""Internal ids by kind, of what changed since the duty did its work last."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a duty is to look at: what was heard of, and everything if it is time for that.

    is_first: what changed before is not known, so nothing may be taken for done.
    """

    heard: Heard = field(default_factory=dict)
    everything: bool = False
    is_first: bool = False


RunDuty = Callable[[UnitOfWork, datetime, Turn], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to do every so often, and on news, in one short transaction.

    run: gets the unit of work, the time, and what to look at. It looks at everything at least `every`; after
    news of a kind in `wakes_on` it runs early, but never within `at_most_every`.
    """

    name: str
    run: RunDuty
    every: timedelta
    wakes_on: frozenset[ChangeKind] = frozenset()
    at_most_every: timedelta = timedelta(seconds=3)


@dataclass(slots=True)
class _Record:
    ran_at: datetime | None = None
    looked_at_all_at: datetime | None = None
    has_begun: bool = False
    heard: dict[ChangeKind, set[int]] = field(default_factory=dict)

    def note(self, kind: ChangeKind, ids: Iterable[int]) -> None:
        self.heard.setdefault(kind, set()).update(ids)


class Schedule:
    """Keeps, for each duty, when it ran and what was heard since."""

    def __init__(self, duties: Iterable[Duty]) -> None:
        self._records = {duty: _Record() for duty in duties}

    def note(self, changes: Iterable[Change]) -> None:
        """Remember news for the duties that wake on it."""
        for change in changes:
            for duty, record in self._records.items():
                if change.kind in duty.wakes_on:
                    record.note(change.kind, change.ids)

    def take_due(self, now: datetime) -> list[tuple[Duty, Turn]]:
        """The duties whose turn it is, each with what to look at; they count as done unless put back."""
        return [
            (duty, self._take(record, now, everything=self._is_time(duty, record, now)))
            for duty, record in self._records.items()
            if self._is_time(duty, record, now) or self._is_woken(duty, record, now)
        ]

    def put_back(self, duty: Duty, turn: Turn) -> None:
        """Remember again what a duty was to look at and did not: it is part of its next turn."""
        record = self._records[duty]
        record.has_begun = record.has_begun and not turn.is_first
        for kind, ids in turn.heard.items():
            record.note(kind, ids)

    @staticmethod
    def _is_time(duty: Duty, record: _Record, now: datetime) -> bool:
        return record.looked_at_all_at is None or passed(record.looked_at_all_at, now, duty.every)

    @staticmethod
    def _is_woken(duty: Duty, record: _Record, now: datetime) -> bool:
        return bool(record.heard) and (
            record.ran_at is None or passed(record.ran_at, now, duty.at_most_every)
        )

    @staticmethod
    def _take(record: _Record, now: datetime, *, everything: bool) -> Turn:
        turn = Turn(
            heard={kind: frozenset(ids) for kind, ids in record.heard.items()},
            everything=everything,
            is_first=not record.has_begun,
        )
        record.heard = {}
        record.ran_at, record.has_begun = now, True
        if everything:
            record.looked_at_all_at = now
        return turn


def passed(since: datetime, now: datetime, wait: timedelta) -> bool:
    """Whether so long has passed; also after a clock was set back, which must stop nothing."""
    return now - since >= wait or now < since
