"""Depots: whose data it is, and in which time zone their days are counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.access import Principal
from store.errors import NotFound
from store.pool import Connection
from store.queries import load

_queries = load("depots")


@dataclass(frozen=True, slots=True)
class Depot:
    """A depot; `time_zone` is an IANA name."""

    depot_id: int
    public_id: UUID
    code: str
    name: str
    time_zone: str
    created_at: datetime


async def create(
    connection: Connection, principal: Principal, *, public_id: UUID, code: str, name: str, time_zone: str
) -> None:
    """Add a depot; only for a principal who sees every depot."""
    if principal.depot_ids is not None:
        raise NotFound("Depots are added by an administrator of the whole installation.")
    await _queries.create(connection, public_id=public_id, code=code, name=name, time_zone=time_zone)


async def list_all(connection: Connection, principal: Principal) -> list[Depot]:
    """The principal's depots, oldest first."""
    return [Depot(**row) async for row in _queries.list_all(connection, depots=principal.depots)]


async def get(connection: Connection, principal: Principal, public_id: UUID) -> Depot:
    """One depot; NotFound when there is none or the principal may not see it."""
    row = await _queries.by_public_id(connection, public_id=public_id, depots=principal.depots)
    if row is None:
        raise NotFound(f"There is no depot {public_id}.")
    return Depot(**row)
