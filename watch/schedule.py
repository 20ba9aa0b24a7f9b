"""When each duty is due: by the clock, and sooner when something it cares about was heard of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from store.changes import Change, ChangeKind
from store.unit_of_work import UnitOfWork

Heard = Mapping[ChangeKind, frozenset[int]]
"""Internal ids by kind, of what changed since the duty ran last."""

RunDuty = Callable[[UnitOfWork, datetime, Heard | None], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to do every so often, and on news.

    run: gets the unit of work, the time, and what was heard; None means look at everything. It runs at least
    `every`; after news of a kind in `wakes_on` it runs early, but never within `at_most_every`.
    """

    name: str
    run: RunDuty
    every: timedelta
    wakes_on: frozenset[ChangeKind] = frozenset()
    at_most_every: timedelta = timedelta(seconds=3)


@dataclass(slots=True)
class _Turn:
    ran_at: datetime | None = None
    looked_at_all_at: datetime | None = None
    heard: dict[ChangeKind, set[int]] = field(default_factory=dict)


class Schedule:
    """Keeps, for each duty, when it ran and what was heard since."""

    def __init__(self, duties: Iterable[Duty]) -> None:
        self._turns = {duty: _Turn() for duty in duties}

    def note(self, changes: Iterable[Change]) -> None:
        """Remember news for the duties that wake on it."""
        for change in changes:
            for duty, turn in self._turns.items():
                if change.kind in duty.wakes_on:
                    turn.heard.setdefault(change.kind, set()).update(change.ids)

    def take_due(self, now: datetime) -> list[tuple[Duty, Heard | None]]:
        """The duties whose turn it is, each with what it should look at; they count as run."""
        return [
            (duty, self._take(turn, now, everything=self._is_time(duty, turn, now)))
            for duty, turn in self._turns.items()
            if self._is_time(duty, turn, now) or self._is_woken(duty, turn, now)
        ]

    @staticmethod
    def _is_time(duty: Duty, turn: _Turn, now: datetime) -> bool:
        return turn.looked_at_all_at is None or _passed(turn.looked_at_all_at, now, duty.every)

    @staticmethod
    def _is_woken(duty: Duty, turn: _Turn, now: datetime) -> bool:
        return bool(turn.heard) and (turn.ran_at is None or _passed(turn.ran_at, now, duty.at_most_every))

    @staticmethod
    def _take(turn: _Turn, now: datetime, *, everything: bool) -> Heard | None:
        heard: Heard = {kind: frozenset(ids) for kind, ids in turn.heard.items()}
        turn.heard = {}
        turn.ran_at = now
        if everything:
            turn.looked_at_all_at = now
        return None if everything else heard


def _passed(since: datetime, now: datetime, wait: timedelta) -> bool:
    # A clock that was set back must not stop the duties.
    return now - since >= wait or now < since
