"""What the intake knows of an order beyond its journey: items, traits, priority, clocks and their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from domain.access import Principal
from domain.clocks import ClockRun
from store.cipher import Cipher
from store.errors import NotFound
from store.pool import Connection
from store.queries import load

_queries = load("intake")
ASKED_FOR = "asked for"
CLOCK_REASON_CONTEXT = b"order_clock.reason"


@dataclass(frozen=True, slots=True)
class Description:
    """An order's traits; `missing` are the fields its channel requires and it lacks."""

    ordered_at: datetime | None
    promise_given: bool
    tagged_urgent: bool
    custom: bool
    production_at: datetime | None
    customer_level: str | None
    return_without_fault: bool
    amount_class: str | None
    profit_class: str | None
    hold_reason: str | None
    waybill: str | None
    missing: list[str]


@dataclass(frozen=True, slots=True)
class Item:
    """A line of an order."""

    sku: str | None
    name: str | None
    specification: str | None
    quantity: float | None


@dataclass(frozen=True, slots=True)
class Current:
    """An order as it stands, for a change by hand."""

    depot_id: int
    channel: str
    received_at: datetime
    promised_at: datetime
    contact_id: int | None
    surge: bool
    state: str
    closed_at: datetime | None
    description: Description


@dataclass(frozen=True, slots=True)
class PriorityChange:
    """A priority an order got, and why; `before` None: its first."""

    at: datetime
    before: str | None
    after: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class ClockLine:
    """A clock of an order as stored."""

    clock: str
    ends_with: str
    owner_role: str
    superior_role: str
    started_at: datetime
    warn_at: datetime | None
    deadline_at: datetime | None
    stopped_at: datetime | None
    paused_s: float
    paused_since: datetime | None
    reason: str | None
    reason_by: str | None
    reason_at: datetime | None

    @property
    def run(self) -> ClockRun:
        """The clock as the rules know it."""
        return ClockRun(
            clock=self.clock,
            end=self.ends_with,
            owner=self.owner_role,
            superior=self.superior_role,
            started_at=self.started_at,
            warn_at=self.warn_at,
            deadline_at=self.deadline_at,
            stopped_at=self.stopped_at,
            paused_s=self.paused_s,
            paused_since=self.paused_since,
        )


async def describe(
    connection: Connection, order_id: int, description: Description, items: Sequence[Item]
) -> None:
    """Store the traits and items of an order that the caller made or locked."""
    await _queries.describe(connection, order_id=order_id, **asdict(description))
    await _queries.drop_items(connection, order_id=order_id)
    if items:
        lines = [{"line": number, **asdict(item)} for number, item in enumerate(items, start=1)]
        await _queries.add_items(connection, order_id=order_id, items=lines)


async def orders_on_this_weekday(
    connection: Connection, depot_id: int, channel: str, at: datetime, *, zone: str, weeks: int
) -> tuple[int, list[int]]:
    """How many orders a channel has got on this day, and how many on that weekday in each week before."""
    rows = _queries.same_weekdays(
        connection, depot_id=depot_id, channel=channel, at=at, zone=zone, weeks=weeks
    )
    today, *before = [row["orders"] async for row in rows]
    return today, before


async def set_priority(
    connection: Connection,
    order_id: int,
    priority: str,
    *,
    surge: bool,
    reason: str,
    by: str,
    now: datetime,
    is_first: bool = False,
) -> None:
    """Give an order its priority; a change is recorded with its reason."""
    before = await _queries.set_priority(connection, order_id=order_id, priority=priority, surge=surge)
    if is_first or before != priority:
        await _queries.record_priority(
            connection,
            order_id=order_id,
            at=now,
            before=None if is_first else before,
            after=priority,
            reason=reason,
            by=by,
        )


async def asked_priority(connection: Connection, order_id: int) -> str | None:
    """The priority somebody asked for, where no rule gave the present one."""
    asked: str | None = await _queries.asked_priority(connection, order_id=order_id, asked_for=ASKED_FOR)
    return asked


async def current(connection: Connection, order_id: int) -> Current:
    """An order the caller has locked."""
    row = dict(await _queries.current(connection, order_id=order_id))
    description = Description(**{name: row.pop(name) for name in Description.__slots__})
    return Current(**row, description=description)


async def set_contact(connection: Connection, order_id: int, contact_id: int, now: datetime) -> None:
    """Give an order the caller has locked another contact; the one before is erased."""
    await _queries.set_contact(connection, order_id=order_id, contact_id=contact_id, now=now)


async def set_promise(connection: Connection, order_id: int, promised_at: datetime) -> None:
    """Give an order the caller has locked another promise."""
    await _queries.set_promise(connection, order_id=order_id, promised_at=promised_at)


async def set_waybill(connection: Connection, order_id: int, waybill: str) -> None:
    """Note the carrier's number of an order the caller has locked."""
    await _queries.set_waybill(connection, order_id=order_id, waybill=waybill)


async def cancel(connection: Connection, order_id: int, now: datetime) -> None:
    """Cancel an order the caller has locked; the first time stays."""
    await _queries.cancel(connection, order_id=order_id, now=now)


async def items_of(connection: Connection, principal: Principal, order_id: int) -> list[Item]:
    """An order's items."""
    rows = _queries.items(connection, order_id=order_id, depots=principal.depots)
    return [Item(**row) async for row in rows]


async def priority_changes(
    connection: Connection, principal: Principal, order_id: int
) -> list[PriorityChange]:
    """How an order came to its priority."""
    rows = _queries.priority_changes(connection, order_id=order_id, depots=principal.depots)
    return [PriorityChange(**row) async for row in rows]


async def clocks_of(
    connection: Connection, principal: Principal, cipher: Cipher, order_id: int
) -> list[ClockLine]:
    """An order's clocks as they began."""
    rows = _queries.clocks(connection, order_id=order_id, depots=principal.depots)
    return [_clock_line(cipher, dict(row)) async for row in rows]


def _clock_line(cipher: Cipher, row: dict[str, Any]) -> ClockLine:
    sealed = row.pop("reason_cipher")
    if sealed is not None:
        row["reason"] = cipher.decrypt(sealed, CLOCK_REASON_CONTEXT).decode()
    return ClockLine(**row)


async def give_reason(
    connection: Connection, cipher: Cipher, order_id: int, clock: str, *, reason: str, by: str, now: datetime
) -> None:
    """Say why a clock of an order the caller has locked passed its limit."""
    found = await _queries.give_reason(
        connection,
        order_id=order_id,
        clock=clock,
        reason_cipher=cipher.encrypt(reason.encode(), CLOCK_REASON_CONTEXT),
        by=by,
        now=now,
    )
    if found is None:
        raise NotFound(f"The order has no clock {clock}.")
