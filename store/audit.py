"""Who changed what by hand: never a name, number or address, only which fields."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain.access import Principal
from store.pool import Connection
from store.queries import load

_queries = load("audit")


async def record(
    connection: Connection,
    principal: Principal,
    action: str,
    subject: str,
    detail: dict[str, Any],
    now: datetime,
) -> None:
    """Write down a change that a person or partner made."""
    await _queries.add(
        connection, now=now, actor=principal.name, action=action, subject=subject, detail=detail
    )


async def of_subject(connection: Connection, subject: str) -> list[dict[str, Any]]:
    """The changes of a thing the caller has looked up for its principal, the first one first."""
    return [dict(row) async for row in _queries.of_subject(connection, subject=subject)]
