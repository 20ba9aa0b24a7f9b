"""How long each part of an order may take: clocks that begin, stand still, and end with evidence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain

from domain.calendars import Calendar
from domain.happenings import State
from domain.milestones import Stage

WARNED_AT = 0.8
STAGES = frozenset(stage.value for stage in Stage)

Trait = str | bool | datetime | None
Traits = Mapping[str, Trait]
"""What rules may ask about an order: tagged_urgent, custom, customer_level, production_at…"""


def holds(condition: Mapping[str, str | bool], traits: Traits) -> bool:
    """Whether an order has all these traits."""
    return all(traits.get(name) == wanted for name, wanted in condition.items())


@dataclass(frozen=True, slots=True)
class Limit:
    """Another limit for orders with some traits: so many minutes, or until the time a trait holds."""

    when: Mapping[str, str | bool]
    limit_min: float | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """A limit on the time from the last of its `start` evidence to its `end`, both named as in evidence.

    pauses: states during which it stands still. net_of: states that are only taken off when the time taken
    is shown. only_if: traits of the orders it is for. The first of `limits` that fits an order counts.
    """

    name: str
    start: tuple[str, ...]
    end: str
    limit_min: float
    owner: str
    superior: str
    calendar: str = "always"
    pauses: tuple[State, ...] = ()
    net_of: tuple[State, ...] = ()
    only_if: Mapping[str, str | bool] = field(default_factory=dict)
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A state of an order from one moment to another; `until` None: it lasts."""

    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ClockRun:
    """A clock of an order: its moments, None where they are not known or, while it stands still, not fixed.

    paused_s: how long its pauses (or what it is shown net of) have lasted; paused_since: since when one does.
    """

    clock: str
    end: str
    owner: str
    superior: str
    started_at: datetime
    warn_at: datetime | None
    deadline_at: datetime | None
    stopped_at: datetime | None
    paused_s: float
    paused_since: datetime | None

    def gross(self, now: datetime) -> timedelta:
        """How long it has run or ran, by the clock on the wall."""
        return max((self.stopped_at or now) - self.started_at, timedelta(0))

    def net(self, now: datetime) -> timedelta:
        """The same without the pauses."""
        standing = max(now - self.paused_since, timedelta(0)) if self.paused_since else timedelta(0)
        return self.gross(now) - timedelta(seconds=self.paused_s) - standing


Moments = Mapping[str, Sequence[datetime]]
"""When things happened, in order: a stage at most once, when it was done."""


def run(
    clock: Clock,
    traits: Traits,
    moments: Moments,
    spans: Mapping[State, Sequence[Span]],
    closed_at: datetime | None,
    calendar: Calendar,
) -> ClockRun | None:
    """A clock of an order as the evidence has it; None when it is not for the order or has not begun."""
    begun = [moments[kind] for kind in clock.start if kind in moments]
    if not begun or (clock.only_if and not holds(clock.only_if, traits)):
        return None
    starts = begun[0] if len(begun) == 1 else sorted(chain.from_iterable(begun))
    started_at, ended_at = _course(starts, moments.get(clock.end, ()), is_stage=clock.end in STAGES)
    stopped_at = ended_at
    if closed_at is not None and (ended_at is None or closed_at < ended_at):
        stopped_at = closed_at
    if stopped_at is not None and stopped_at < started_at:
        stopped_at = started_at
    pauses = _within(clock.pauses, spans, started_at, stopped_at)
    net_of = _within(clock.net_of, spans, started_at, stopped_at)
    warn_at, deadline_at = _due(clock, traits, started_at, pauses, calendar)
    shown = pauses or net_of
    lasting = shown[-1].since if shown and shown[-1].until is None else None
    return ClockRun(
        clock=clock.name,
        end=clock.end,
        owner=clock.owner,
        superior=clock.superior,
        started_at=started_at,
        warn_at=warn_at,
        deadline_at=deadline_at,
        stopped_at=stopped_at,
        paused_s=sum((span.until - span.since).total_seconds() for span in shown if span.until is not None),
        paused_since=lasting,
    )


def _course(
    starts: Sequence[datetime], ends: Sequence[datetime], *, is_stage: bool
) -> tuple[datetime, datetime | None]:
    """The run that counts: the last one, but a stage that was done stays done."""
    last_end = ends[-1] if ends else None
    if len(starts) == 1 and (last_end is None or is_stage or last_end >= starts[0]):
        return starts[0], last_end
    if last_end is not None and (is_stage or last_end >= starts[-1]):
        return max((start for start in starts if start <= last_end), default=starts[0]), last_end
    return starts[-1], None


def _due(
    clock: Clock, traits: Traits, started_at: datetime, pauses: Sequence[Span], calendar: Calendar
) -> tuple[datetime | None, datetime | None]:
    """When to warn and when the time is over."""
    limit = None
    if clock.limits:
        limit = next((limit for limit in clock.limits if holds(limit.when, traits)), None)
    until = traits.get(limit.until) if limit is not None and limit.until is not None else None
    if isinstance(until, datetime):
        return started_at + WARNED_AT * max(until - started_at, timedelta(0)), until
    minutes = limit.limit_min if limit is not None and limit.limit_min is not None else clock.limit_min
    allowed = timedelta(minutes=minutes)
    return (
        _reached(started_at, WARNED_AT * allowed, pauses, calendar),
        _reached(started_at, allowed, pauses, calendar),
    )


def _reached(
    started_at: datetime, allowed: timedelta, pauses: Sequence[Span], calendar: Calendar
) -> datetime | None:
    """When so much time has counted; None while a pause lasts that began before."""
    reached = calendar.after(started_at, allowed)
    for pause in pauses:
        if pause.since >= reached:
            break
        if pause.until is None:
            return None
        reached = calendar.after(reached, calendar.between(pause.since, pause.until))
    return reached


def _within(
    states: Collection[State],
    spans: Mapping[State, Sequence[Span]],
    started_at: datetime,
    stopped_at: datetime | None,
) -> list[Span]:
    """The time in any of these states during a run, as spans that do not overlap."""
    if spans.keys().isdisjoint(states):
        return []
    merged: list[Span] = []
    for span in sorted((s for state in states for s in spans.get(state, ())), key=lambda s: s.since):
        since = max(span.since, started_at)
        until = min((end for end in (span.until, stopped_at) if end is not None), default=None)
        if until is not None and until <= since:
            continue
        if merged and (merged[-1].until is None or merged[-1].until >= since):
            ends = (merged[-1].until, until)
            merged[-1] = Span(merged[-1].since, None if None in ends else max(e for e in ends if e))
        else:
            merged.append(Span(since, until))
    return merged
