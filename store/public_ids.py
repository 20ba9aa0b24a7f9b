"""From internal ids, which never leave, to public ones."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from store.pool import Connection
from store.queries import load

_queries = load("public_ids")

Noun = Literal["vehicle", "device", "geofence", "trip", "order", "alert"]


@dataclass(frozen=True, slots=True)
class PublicId:
    """A public id and the depot whose people may see it."""

    public_id: UUID
    depot_id: int


async def look_up(connection: Connection, noun: Noun, ids: Collection[int]) -> dict[int, PublicId]:
    """Public ids of things by internal id, of all depots: the caller filters for each reader."""
    rows = getattr(_queries, noun)(connection, ids=sorted(ids))
    return {row["id"]: PublicId(row["public_id"], row["depot_id"]) async for row in rows}


async def orders_of_alerts(connection: Connection, alert_ids: Collection[int]) -> set[int]:
    """The internal ids of the orders these alerts name."""
    rows = _queries.orders_of_alerts(connection, alert_ids=sorted(alert_ids))
    return {row["order_id"] async for row in rows}
