"""What dispatchers need beside an alert: how its orders stand, and who drives."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.access import Principal
from domain.orders import StopKind
from domain.triage import Outlook, outlook
from store import etas
from store.cipher import Cipher
from store.etas import OrderEta
from store.pool import Connection
from store.queries import load
from store.users import opened_field

_queries = load("triage")


@dataclass(frozen=True, slots=True)
class OrderAtStake:
    """An order named by an alert; without an estimate nothing is known of how it stands."""

    public_id: UUID
    number: str
    promised_at: datetime
    priority: str
    customer_level: str | None
    eta: OrderEta | None
    outlook: Outlook | None


@dataclass(frozen=True, slots=True)
class Driver:
    """Who drives a trip; the name and phone number are in the clear."""

    public_id: UUID
    login: str
    name: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class Ride:
    """The trip a vehicle is on, and who drives it where that is known."""

    trip_public_id: UUID
    driver: Driver | None


async def at_stake(
    connection: Connection, principal: Principal, public_ids: Collection[UUID], now: datetime
) -> dict[UUID, OrderAtStake]:
    """How these orders stand, those of the principal's depots."""
    rows = [
        row
        async for row in _queries.orders(connection, public_ids=sorted(public_ids), depots=principal.depots)
    ]
    published = await etas.latest_for_orders(connection, principal, [row["order_id"] for row in rows])
    arrival = {eta.order_id: eta for eta in published if eta.kind is StopKind.DESTINATION}
    found = {}
    for row in rows:
        eta = arrival.get(row["order_id"])
        found[row["public_id"]] = OrderAtStake(
            public_id=row["public_id"],
            number=row["number"],
            promised_at=row["promised_at"],
            priority=row["priority"],
            customer_level=row["customer_level"],
            eta=eta,
            outlook=None if eta is None else outlook(eta.p50_at, eta.p90_at, row["promised_at"], now),
        )
    return found


async def rides(
    connection: Connection, principal: Principal, cipher: Cipher, vehicles: Collection[UUID], now: datetime
) -> dict[UUID, Ride]:
    """The trips that these vehicles are on now, by the vehicle's public id."""
    rows = _queries.rides(connection, vehicles=sorted(vehicles), now=now, depots=principal.depots)
    found = {}
    async for row in rows:
        driver = None
        if row["driver_public_id"] is not None:
            public_id = row["driver_public_id"]
            name, phone = (
                opened_field(cipher, public_id, field, row[f"{field}_cipher"]) for field in ("name", "phone")
            )
            driver = Driver(public_id, row["login"], name, phone)
        found[row["vehicle_public_id"]] = Ride(row["trip_public_id"], driver)
    return found
