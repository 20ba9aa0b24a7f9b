"""Clocks that run over, and who was told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime

from domain.access import Principal
from domain.escalations import Escalation, RunningClock
from store.pool import Connection
from store.queries import load

_queries = load("escalations")


async def running(connection: Connection, principal: Principal, now: datetime) -> list[RunningClock]:
    """The clocks of open orders that 80 % of their time have passed on, or all of it."""
    return [
        RunningClock(**row) async for row in _queries.running(connection, now=now, depots=principal.depots)
    ]


async def stopped_among(connection: Connection, order_ids: Collection[int]) -> set[str]:
    """The subjects of these orders' clocks that have stopped."""
    rows = _queries.stopped_among(connection, order_ids=sorted(order_ids))
    return {f"order:{row['order_id']}/{row['clock']}" async for row in rows}


async def record(connection: Connection, steps: Sequence[Escalation], now: datetime) -> list[Escalation]:
    """Write down steps; returns those that were not there before."""
    if not steps:
        return []
    rows = _queries.record(connection, steps=[asdict(step) for step in steps], now=now)
    new = {(row["order_id"], row["clock"], row["level"]) async for row in rows}
    return [step for step in steps if (step.order_id, step.clock, step.level) in new]
