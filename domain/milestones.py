"""From evidence to milestones: one pure fold, run whole whenever anything about an order becomes known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from operator import attrgetter

from domain.happenings import Happening
from domain.orders import Order, OrderStop, StopKind

NO_STOP = -1


class Stage(StrEnum):
    """The stages of an order, in the order they are meant to happen."""

    RECEIVED = "received"
    VERIFIED = "verified"
    STOCK_LOCKED = "stock_locked"
    VEHICLE_ASSIGNED = "vehicle_assigned"
    PICKED = "picked"
    PACKED = "packed"
    LOADED = "loaded"
    DISPATCHED = "dispatched"
    AT_HUB = "at_hub"
    OUT_FOR_DELIVERY = "out_for_delivery"
    ARRIVED = "arrived"
    DELIVERED = "delivered"
    CONFIRMED = "confirmed"


# Stages that are shown from the start; the others appear with their first evidence.
ALWAYS_SHOWN = frozenset(
    {
        Stage.RECEIVED,
        Stage.PICKED,
        Stage.LOADED,
        Stage.DISPATCHED,
        Stage.AT_HUB,
        Stage.OUT_FOR_DELIVERY,
        Stage.ARRIVED,
        Stage.DELIVERED,
    }
)


Kind = Stage | Happening
"""What evidence can be about."""


_KINDS: dict[str, Kind] = {**{stage.value: stage for stage in Stage}, **{h.value: h for h in Happening}}


def kind_of(text: str) -> Kind:
    """The stage or happening of this name; ValueError when there is none."""
    if text not in _KINDS:
        raise ValueError(f"there is no stage or event {text!r}; choose from {', '.join(_KINDS)}")
    return _KINDS[text]


class Colour(StrEnum):
    """How a milestone is shown."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing said about an order; package_id None speaks for all its packages.

    stop_seq is the order stop for AT_HUB, else NO_STOP. source_key makes the saying unique within its source.
    actor, reason: who said so and why, where a person or system did; nothing follows from them.
    """

    kind: Kind
    at: datetime
    source: str
    source_key: str
    package_id: int | None = None
    stop_seq: int = NO_STOP
    plus_minus_s: float = 0.0
    actor: str | None = field(default=None, compare=False)
    reason: str | None = field(default=None, compare=False)

    @property
    def rank(self) -> tuple[datetime, str, str]:
        """Sort key: by time, then by name, so that ties never depend on arrival."""
        return (self.at, self.source, self.source_key)


by_rank = attrgetter("at", "source", "source_key")
"""Sort key of evidence: its rank."""


@dataclass(frozen=True, slots=True)
class Milestone:
    """A stage of an order: when it was planned, when it happened (None: not yet), for how many packages.

    in_trouble: it is the next step of an order that is in an exception or came back.
    """

    stage: Stage
    stop_seq: int
    planned_at: datetime | None
    deadline_at: datetime | None
    actual_at: datetime | None
    plus_minus_s: float | None
    done_packages: int
    of_packages: int
    decisive: Evidence | None
    owner_role: str | None = None
    superior_role: str | None = None
    in_trouble: bool = False

    def answered_for(
        self,
        deadline_at: datetime | None,
        owner_role: str | None,
        superior_role: str | None,
        *,
        in_trouble: bool,
    ) -> Milestone:
        """The same with a deadline where no plan sets one, who answers for it, and whether it is in trouble.

        Written out: `dataclasses.replace` took a sixth of a fold.
        """
        return Milestone(
            self.stage,
            self.stop_seq,
            self.planned_at,
            self.deadline_at or deadline_at,
            self.actual_at,
            self.plus_minus_s,
            self.done_packages,
            self.of_packages,
            self.decisive,
            owner_role,
            superior_role,
            in_trouble,
        )


def derive(
    order: Order, evidence: Iterable[Evidence], shown: Collection[Stage] = ALWAYS_SHOWN
) -> tuple[Milestone, ...]:
    """Fold all evidence about an order into its milestones.

    A stage is done when every package has evidence for it; it happened when the last of them first had it.
    Stages that are not `shown` from the start appear with their first evidence. The result depends only on
    the set of evidence, never on its order or repetition.
    """
    return derive_sorted(order, sorted(set(evidence), key=by_rank), shown)


def derive_sorted(
    order: Order, known: Sequence[Evidence], shown: Collection[Stage] = ALWAYS_SHOWN
) -> tuple[Milestone, ...]:
    """The same of evidence that is sorted by rank and without repetition."""
    by_stage: dict[tuple[Kind, int], list[Evidence]] = {}
    for item in known:
        by_stage.setdefault((item.kind, item.stop_seq), []).append(item)
    return tuple(
        _milestone(order, stage, stop_seq, by_stage.get((stage, stop_seq), ()))
        for stage, stop_seq in _places(order, by_stage.keys(), shown)
    )


def colour(
    actual_at: datetime | None, deadline_at: datetime | None, now: datetime, *, in_trouble: bool = False
) -> Colour:
    """Green once done, red when its deadline passed undone or the order is in trouble, yellow otherwise."""
    if actual_at is not None:
        return Colour.GREEN
    if in_trouble or (deadline_at is not None and now > deadline_at):
        return Colour.RED
    return Colour.YELLOW


def _places(
    order: Order, seen: Collection[tuple[Kind, int]], shown: Collection[Stage]
) -> list[tuple[Stage, int]]:
    places: list[tuple[Stage, int]] = []
    for stage in Stage:
        if stage is Stage.AT_HUB:
            places.extend((stage, hub.seq) for hub in order.hubs)
        elif stage in shown or (stage, NO_STOP) in seen:
            places.append((stage, NO_STOP))
    return places


def _milestone(order: Order, stage: Stage, stop_seq: int, said: Sequence[Evidence]) -> Milestone:
    if stage is Stage.RECEIVED:
        received = Evidence(stage, order.received_at, "api", "order")
        said = (received, *said)
    firsts = first_by_package(order, said)
    of_packages = max(len(order.package_ids), 1)
    decisive = max(firsts, key=by_rank) if len(firsts) == of_packages else None
    planned_at, deadline_at = _plan(order, stage, stop_seq)
    return Milestone(
        stage=stage,
        stop_seq=stop_seq,
        planned_at=planned_at,
        deadline_at=deadline_at,
        actual_at=decisive.at if decisive else None,
        plus_minus_s=decisive.plus_minus_s if decisive else None,
        done_packages=len(firsts),
        of_packages=of_packages,
        decisive=decisive,
    )


def first_by_package(order: Order, said: Sequence[Evidence]) -> list[Evidence]:
    """The first evidence for each package that has any; `said` comes sorted by time."""
    packages: Sequence[int | None] = order.package_ids or (None,)
    if not said:
        return []
    first_of: dict[int | None, Evidence] = {}
    for item in said:
        first_of.setdefault(item.package_id, item)
    of_all = first_of.get(None)
    firsts = []
    for package in packages:
        own = first_of.get(package)
        if own is not None and of_all is not None:
            own = min(own, of_all, key=by_rank)
        first = own or of_all
        if first is not None:
            firsts.append(first)
    return firsts


def _plan(order: Order, stage: Stage, stop_seq: int) -> tuple[datetime | None, datetime | None]:
    """Planned time and deadline of a stage, from the order's stops and promise."""
    if stage is Stage.DISPATCHED:
        planned = _planned_at(order.stops, StopKind.ORIGIN)
        return planned, planned
    if stage is Stage.AT_HUB:
        planned = next((stop.planned_at for stop in order.stops if stop.seq == stop_seq), None)
        return planned, planned
    if stage is Stage.ARRIVED:
        planned = _planned_at(order.stops, StopKind.DESTINATION)
        return planned, planned or order.promised_at
    if stage is Stage.DELIVERED:
        return _planned_at(order.stops, StopKind.DESTINATION), order.promised_at
    return None, None


def _planned_at(stops: Sequence[OrderStop], kind: StopKind) -> datetime | None:
    return next((stop.planned_at for stop in stops if stop.kind is kind), None)
