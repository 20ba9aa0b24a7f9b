"""People's tasks: the running clocks of their duties, and what a scanned code names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.access import Principal
from domain.tasks import Task
from store.errors import NotFound
from store.pool import Connection
from store.queries import load

_queries = load("tasks")


@dataclass(frozen=True, slots=True)
class OrderTask:
    """A task and the order it is about; missing: fields the order lacks."""

    task: Task
    order_public_id: UUID
    number: str
    priority: str
    state: str
    missing: list[str]


@dataclass(frozen=True, slots=True)
class Named:
    """What a code names: an order, and which package of it where it is a package's."""

    order_id: int
    public_id: UUID
    number: str
    state: str
    package_code: str | None


async def running(
    connection: Connection,
    principal: Principal,
    duties: frozenset[str] | None,
    now: datetime,
    *,
    order: UUID | None = None,
    limit: int,
) -> list[OrderTask]:
    """The tasks of somebody with these duties (None: every one), due first, first; of one order or of all."""
    rows = _queries.running(
        connection, duties=_listed(duties), now=now, order=order, depots=principal.depots, limit_rows=limit
    )
    return [_task(row) async for row in rows]


async def counted(
    connection: Connection, principal: Principal, duties: frozenset[str] | None, now: datetime
) -> tuple[int, int]:
    """How many tasks there are, and how many of them are overdue."""
    row = await _queries.counted(connection, duties=_listed(duties), now=now, depots=principal.depots)
    return row["running"], row["overdue"]


async def one(connection: Connection, principal: Principal, order_id: int, clock: str) -> OrderTask:
    """One clock of an order the caller has locked, done or not; NotFound where it has none such."""
    row = await _queries.one(connection, order_id=order_id, clock=clock, depots=principal.depots)
    if row is None:
        raise NotFound(f"The order has no task {clock}.")
    return _task(row)


async def named_by(connection: Connection, principal: Principal, code: str) -> Named:
    """What a scanned or typed code names; NotFound where it names nothing the principal may see."""
    row = await _queries.of_code(connection, code=code, depots=principal.depots)
    if row is None:
        raise NotFound("No package and no order has this code. Check it, or type the order's number.")
    return Named(**row)


def _listed(duties: frozenset[str] | None) -> list[str] | None:
    return None if duties is None else sorted(duties)


def _task(row: Any) -> OrderTask:
    values = dict(row)
    order = {name: values.pop(name) for name in ("order_public_id", "number", "priority", "state", "missing")}
    return OrderTask(task=Task(**values), **order)
