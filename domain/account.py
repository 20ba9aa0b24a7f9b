"""Everything that follows from the evidence about an order: milestones, state, clocks. One pure fold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.calendars import Calendar
from domain.clocks import STAGES, Clock, ClockRun, Moments, Span, run
from domain.happenings import Happening, State
from domain.milestones import (
    ALWAYS_SHOWN,
    Evidence,
    Kind,
    Milestone,
    Stage,
    by_rank,
    derive_sorted,
    first_by_package,
)
from domain.orders import Order

_OPENED_BY: dict[State, tuple[Kind, ...]] = {
    State.PENDING_INFO: (Happening.PENDING_INFO,),
    State.AWAITING_TRANSFER: (Happening.AWAITING_TRANSFER,),
    State.ADDRESS_REVIEW: (Happening.ADDRESS_REVIEW,),
    State.EXCEPTION: (Happening.EXCEPTION, Happening.ATTEMPT_FAILED, Happening.REFUSED),
}
_ENDED_BY: dict[State, tuple[Kind, ...]] = {
    State.PENDING_INFO: (Happening.RESUBMITTED,),
    State.AWAITING_TRANSFER: (Happening.TRANSFER_ARRIVED, Stage.STOCK_LOCKED),
    State.ADDRESS_REVIEW: (Happening.ADDRESS_CONFIRMED,),
    State.EXCEPTION: (Happening.EXCEPTION_RESOLVED, Stage.OUT_FOR_DELIVERY, Stage.DELIVERED),
}


@dataclass(frozen=True, slots=True)
class Spell:
    """A state of an order from the evidence that opened it to the evidence that ended it, if any did."""

    state: State
    opened_by: Evidence
    ended_by: Evidence | None


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of an order now; approached_at: when it first came near its destination."""

    milestones: tuple[Milestone, ...]
    state: State
    spells: tuple[Spell, ...]
    clocks: tuple[ClockRun, ...]
    closed_at: datetime | None
    approached_at: datetime | None = None

    def milestone(self, stage: Stage) -> Milestone | None:
        """The milestone of a stage that happens once."""
        return next((m for m in self.milestones if m.stage is stage), None)


def account(
    order: Order,
    evidence: Iterable[Evidence],
    clocks: Sequence[Clock],
    calendars: Mapping[str, Calendar],
) -> Account:
    """Fold all evidence about an order; the result depends only on the set of it.

    clocks: those of the order's channel. calendars: by the names the clocks use.
    """
    known = sorted(set(evidence), key=by_rank)
    milestones = derive_sorted(order, known, _shown(clocks))
    by_kind: dict[Kind, list[Evidence]] = {}
    for item in known:
        by_kind.setdefault(item.kind, []).append(item)
    spells = tuple(spell for state in _OPENED_BY for spell in _spells(state, by_kind))
    cancelled_at = _first(order.cancelled_at, by_kind.get(Happening.CANCELLED, ()))
    returned_at = _all_packages(order, by_kind.get(Happening.RETURNED, ()))
    delivered = next(m for m in milestones if m.stage is Stage.DELIVERED)
    closed_at = min((t for t in (cancelled_at, returned_at, delivered.actual_at) if t), default=None)
    runs = _runs(order, clocks, calendars, _moments(milestones, by_kind), spells, closed_at)
    state = _state(cancelled_at, returned_at, delivered, spells)
    return Account(
        milestones=_with_clocks(milestones, runs, in_trouble=state in (State.EXCEPTION, State.RETURNED)),
        state=state,
        spells=spells,
        clocks=runs,
        closed_at=closed_at,
        approached_at=_first(None, _of_last_stop(order, by_kind.get(Happening.APPROACHED, ()))),
    )


def _of_last_stop(order: Order, said: Iterable[Evidence]) -> list[Evidence]:
    return [item for item in said if order.stops and item.stop_seq == order.stops[-1].seq]


def _shown(clocks: Iterable[Clock]) -> frozenset[Stage]:
    """Stages to show from the start: where a clock waits for one, it is missed until it comes."""
    return ALWAYS_SHOWN | {Stage(clock.end) for clock in clocks if clock.end in STAGES and not clock.only_if}


def _spells(state: State, by_kind: Mapping[Kind, Sequence[Evidence]]) -> list[Spell]:
    """Each opening, paired with the first ending after it that speaks for the same package."""
    openings = sorted((e for kind in _OPENED_BY[state] for e in by_kind.get(kind, ())), key=by_rank)
    if not openings:
        return []
    endings = sorted((e for kind in _ENDED_BY[state] for e in by_kind.get(kind, ())), key=by_rank)
    return [
        Spell(state, opening, next((ending for ending in endings if _ends(ending, opening)), None))
        for opening in openings
    ]


def _ends(ending: Evidence, opening: Evidence) -> bool:
    same = None in (ending.package_id, opening.package_id) or ending.package_id == opening.package_id
    return same and ending.at > opening.at


def _first(moment: datetime | None, said: Sequence[Evidence]) -> datetime | None:
    return min((at for at in (moment, *(e.at for e in said)) if at is not None), default=None)


def _all_packages(order: Order, said: Sequence[Evidence]) -> datetime | None:
    firsts = first_by_package(order, said)
    return max(e.at for e in firsts) if len(firsts) == max(len(order.package_ids), 1) else None


def _moments(milestones: Iterable[Milestone], by_kind: Mapping[Kind, Sequence[Evidence]]) -> Moments:
    moments: dict[str, Sequence[datetime]] = {
        kind: [e.at for e in said] for kind, said in by_kind.items() if isinstance(kind, Happening)
    }
    for milestone in milestones:
        if milestone.actual_at is not None and milestone.stage is not Stage.AT_HUB:
            moments[milestone.stage] = [milestone.actual_at]
    return moments


def _runs(
    order: Order,
    clocks: Sequence[Clock],
    calendars: Mapping[str, Calendar],
    moments: Moments,
    spells: Sequence[Spell],
    closed_at: datetime | None,
) -> tuple[ClockRun, ...]:
    spans: dict[State, list[Span]] = {}
    for spell in spells:
        until = spell.ended_by.at if spell.ended_by else None
        spans.setdefault(spell.state, []).append(Span(spell.opened_by.at, until))
    runs = (
        # What follows the delivery, such as the survey, is not ended by it.
        run(
            clock,
            order.traits,
            moments,
            spans,
            None if Stage.DELIVERED in clock.start else closed_at,
            calendars[clock.calendar],
        )
        for clock in clocks
    )
    return tuple(found for found in runs if found is not None)


def _state(
    cancelled_at: datetime | None, returned_at: datetime | None, delivered: Milestone, spells: Iterable[Spell]
) -> State:
    lasting = {spell.state for spell in spells if spell.ended_by is None}
    holding = {
        State.CANCELLED: cancelled_at is not None,
        State.RETURNED: returned_at is not None,
        State.DELIVERED: delivered.actual_at is not None,
        State.PARTLY_DELIVERED: delivered.done_packages > 0,
        State.OPEN: True,
    }
    return next(state for state in State if state in lasting or holding.get(state, False))


def _with_clocks(
    milestones: Sequence[Milestone], runs: Iterable[ClockRun], *, in_trouble: bool
) -> tuple[Milestone, ...]:
    """Milestones with who answers for them, their clock's deadline where no plan sets one, and trouble."""
    by_stage: dict[str, ClockRun] = {}
    for found in runs:
        by_stage.setdefault(found.end, found)
    troubled = next(
        (m.stage for m in milestones if m.stage in (Stage.ARRIVED, Stage.DELIVERED) and not m.actual_at), None
    )
    answered = []
    for milestone in milestones:
        own = by_stage.get(milestone.stage)
        is_troubled = in_trouble and milestone.stage is troubled
        if own is not None:
            milestone = milestone.answered_for(
                own.deadline_at, own.owner, own.superior, in_trouble=is_troubled
            )
        elif is_troubled:
            milestone = milestone.answered_for(None, None, None, in_trouble=True)
        answered.append(milestone)
    return tuple(answered)
