"""How much of everything there is: what a run is held against when it says that nothing was lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.access import Principal
from store.cipher import Cipher
from store.place_names import opened_name
from store.pool import Connection
from store.queries import load

_queries = load("census")


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts kept, by what became of them; `rejected` counts payloads and items, each time they came."""

    fixes: int
    scans: int
    readings: int
    quarantined: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Derived:
    """What the facts led to: crossings that hold, milestones reached, alerts ever raised."""

    crossings: int
    milestones: int
    alerts: int


@dataclass(frozen=True, slots=True)
class Reached:
    """A milestone of an order; `stop` names the place of a stage that happens at one."""

    number: str
    stage: str
    stop: str | None
    actual_at: datetime
    recorded_at: datetime


async def facts(connection: Connection, principal: Principal) -> Facts:
    """Count the facts of the principal's devices."""
    return Facts(**await _queries.facts(connection, depots=principal.depots))


async def derived(connection: Connection, principal: Principal) -> Derived:
    """Count what was derived about the principal's vehicles and orders."""
    return Derived(**await _queries.derived(connection, depots=principal.depots))


async def newest_milestones(
    connection: Connection, principal: Principal, cipher: Cipher, limit: int
) -> list[Reached]:
    """The milestones reached last, the newest first."""
    rows = _queries.newest_milestones(connection, depots=principal.depots, limit_rows=limit)
    return [_reached(cipher, dict(row)) async for row in rows]


def _reached(cipher: Cipher, row: dict[str, Any]) -> Reached:
    in_clear, sealed = row.pop("name"), row.pop("name_cipher")
    return Reached(**row, stop=opened_name(cipher, sealed, in_clear) or None)
