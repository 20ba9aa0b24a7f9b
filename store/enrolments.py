"""Devices that spoke and are not registered yet: noted, listed, and taken off the list when approved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from store.errors import NotFound
from store.pool import Connection
from store.queries import load

_queries = load("enrolments")
PENDING = "pending_device"
"""Why what such a device sends is rejected."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device that waits for approval, what kinds of things it sent, and how many payloads of it wait."""

    name: str
    kinds: list[str]
    first_heard_at: datetime
    last_heard_at: datetime
    payloads: int


async def note(connection: Connection, heard: Iterable[tuple[str, str]], now: datetime) -> None:
    """Note devices by name, each with what it sent just now."""
    # Of one statement, no row may be meant twice.
    by_kind: dict[str, set[str]] = {}
    for name, kind in heard:
        by_kind.setdefault(kind, set()).add(name)
    for kind, names in sorted(by_kind.items()):
        ordered = sorted(names)
        await _queries.note(connection, names=ordered, kinds=[kind] * len(ordered), now=now)


async def waiting(connection: Connection, limit: int) -> list[Waiting]:
    """The devices that wait, those heard first at first; they belong to no depot yet."""
    return [Waiting(**row) async for row in _queries.waiting(connection, limit_rows=limit)]


async def take(connection: Connection, name: str) -> list[str]:
    """Take a device off the list and return what kinds of things it sent; NotFound when it does not wait."""
    row = await _queries.take(connection, name=name)
    if row is None:
        raise NotFound(f"No device called {name} waits for approval. See `zaitu device pending`.")
    return list(row["kinds"])


async def forget(connection: Connection, before: datetime, *, limit: int) -> int:
    """Forget devices last heard before then, at most `limit`; returns how many."""
    return int(await _queries.forget_old(connection, before=before, limit_rows=limit))
