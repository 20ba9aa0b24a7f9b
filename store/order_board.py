"""The open orders as a board: a column per stage, the most urgent cards of each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.access import Principal
from domain.milestones import Stage
from store.pool import Connection
from store.queries import load

_queries = load("order_board")
_STAGES = [stage.value for stage in Stage]

DELIVERED_FOR = timedelta(days=1)
"""How long a delivered order stays on the board."""


@dataclass(frozen=True, slots=True)
class Card:
    """An order on the board; `orders` and `red` count its whole column.

    stage: the furthest one done, its column. clock, deadline_at: what is due next, None where nothing is.
    """

    order_id: int
    public_id: UUID
    number: str
    priority: str
    customer_level: str | None
    promised_at: datetime
    state: str
    depot_id: int
    closed_at: datetime | None
    in_trouble: bool
    clock: str | None
    owner_role: str | None
    deadline_at: datetime | None
    is_red: bool
    orders: int
    red: int
    stage: str


@dataclass(frozen=True, slots=True)
class Carrier:
    """The vehicle an order rides on, or is to."""

    public_id: UUID
    label: str


async def cards(
    connection: Connection,
    principal: Principal,
    now: datetime,
    *,
    depot: UUID | None,
    text: str | None,
    per_column: int,
) -> list[Card]:
    """The most urgent cards by column; text: part of a number, or a whole reference or package code."""
    rows = _queries.board(
        connection,
        stages=_STAGES,
        now=now,
        closed_after=now - DELIVERED_FOR,
        depots=principal.depots,
        depot=depot,
        text=text,
        per_column=per_column,
    )
    return [Card(**row) async for row in rows]


async def carriers(
    connection: Connection, principal: Principal, order_ids: Collection[int], now: datetime
) -> dict[int, Carrier]:
    """The vehicles these orders ride on now, or will next."""
    rows = _queries.vehicles(connection, order_ids=sorted(order_ids), now=now, depots=principal.depots)
    return {row["order_id"]: Carrier(row["public_id"], row["label"]) async for row in rows}
