"""A driver's day: trips, stops, and what is to be done at each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from store.cipher import Cipher
from store.evidence import EVIDENCE_CONTEXT
from store.pool import Connection
from store.queries import load

_queries = load("my_stops")

Does = Literal["load", "hub", "deliver"]


@dataclass(frozen=True, slots=True)
class OwnTrip:
    """A trip of a driver's; distance_m: how far along the route, None where it has not been seen there."""

    trip_id: int
    public_id: UUID
    depot_id: int
    label: str
    vehicle_label: str
    active_from: datetime
    active_to: datetime
    distance_m: float | None


@dataclass(frozen=True, slots=True)
class OrderThere:
    """An order at a stop and what is to be done with it; failed: why the last attempt was in vain."""

    public_id: UUID
    number: str
    contact_id: int | None
    does: Does
    packages: list[str]
    done: bool
    failed: str | None


@dataclass(frozen=True, slots=True)
class OwnStop:
    """A stop of a trip and the orders there, distance_m along the route."""

    stop_id: int
    seq: int
    name: str
    kind: str
    lat: float
    lon: float
    distance_m: float
    planned_arrival_at: datetime | None
    orders: tuple[OrderThere, ...]


async def trips_of_day(connection: Connection, driver_id: int, now: datetime) -> list[OwnTrip]:
    """The driver's trips that touch this day, in its depot's zone."""
    return [OwnTrip(**row) async for row in _queries.trips(connection, driver_id=driver_id, now=now)]


async def stops_of(
    connection: Connection, cipher: Cipher, trip_ids: Collection[int]
) -> dict[int, list[OwnStop]]:
    """The stops of trips that the caller has found to be the driver's, in order, by trip_id."""
    heads: dict[tuple[int, int], Any] = {}
    there: dict[tuple[int, int], list[OrderThere]] = defaultdict(list)
    async for row in _queries.stops(connection, trip_ids=sorted(trip_ids)):
        place = (row["trip_id"], row["stop_id"])
        heads[place] = row
        if row["order_id"] is not None:
            there[place].append(
                OrderThere(
                    public_id=row["public_id"],
                    number=row["number"],
                    contact_id=row["contact_id"],
                    does=row["does"],
                    packages=row["packages"],
                    done=row["done"],
                    failed=_reason(cipher, row["failed"]),
                )
            )
    found: dict[int, list[OwnStop]] = defaultdict(list)
    for place, head in heads.items():
        names = ("stop_id", "seq", "name", "kind", "lat", "lon", "distance_m", "planned_arrival_at")
        found[place[0]].append(OwnStop(**{name: head[name] for name in names}, orders=tuple(there[place])))
    return found


def _reason(cipher: Cipher, sealed: bytes | None) -> str | None:
    if sealed is None:
        return None
    said: dict[str, str] = msgspec.json.decode(cipher.decrypt(sealed, EVIDENCE_CONTEXT))
    return said.get("reason")
