"""Finding orders, vehicles and trips by what somebody typed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.access import Principal
from store.cipher import Cipher
from store.contacts import phone_digits, phone_tail_index
from store.pool import Connection
from store.queries import load

_queries = load("search")

RECENT_TRIPS = timedelta(days=30)
_PHONE = re.compile(r"[0-9+() .-]{7,40}")
_TAIL = re.compile(r"[0-9]{4}")


@dataclass(frozen=True, slots=True)
class FoundOrder:
    """An order; `matched` says by what it was found (api/schemas/search.py)."""

    public_id: UUID
    number: str
    state: str
    promised_at: datetime
    contact_id: int | None
    matched: str


@dataclass(frozen=True, slots=True)
class FoundVehicle:
    """A vehicle by its label."""

    public_id: UUID
    label: str
    kind: str
    status: str


@dataclass(frozen=True, slots=True)
class FoundTrip:
    """A trip by its label, not one that ended more than a month ago."""

    public_id: UUID
    label: str
    vehicle_public_id: UUID
    vehicle_label: str
    active_from: datetime
    active_to: datetime


async def orders(
    connection: Connection, principal: Principal, cipher: Cipher, text: str, *, limit: int
) -> list[FoundOrder]:
    """Orders by number (its beginning or end), reference, waybill, package code, phone (or its last four)."""
    phone = tail = None
    if principal.reads_contacts and _PHONE.fullmatch(text):
        phone = cipher.blind_index(phone_digits(text))
    if principal.reads_contacts and _TAIL.fullmatch(text):
        tail = phone_tail_index(cipher, text)
    pattern = _literally(text.upper())
    rows = _queries.orders(
        connection,
        text=text,
        phone_index=phone,
        phone_tail_index=tail,
        prefix=f"{pattern}%",
        suffix=f"{_literally(text.upper()[::-1])}%",
        depots=principal.depots,
        limit_rows=limit,
    )
    return [FoundOrder(**row) async for row in rows]


async def vehicles(
    connection: Connection, principal: Principal, text: str, *, limit: int
) -> list[FoundVehicle]:
    """Vehicles with this in their label, the one called exactly so first."""
    rows = _queries.vehicles(connection, text=text, depots=principal.depots, limit_rows=limit)
    return [FoundVehicle(**row) async for row in rows]


async def trips(
    connection: Connection, principal: Principal, text: str, now: datetime, *, limit: int
) -> list[FoundTrip]:
    """Trips with this in their label: those under way, then those nearest in time."""
    rows = _queries.trips(
        connection,
        text=text,
        now=now,
        ended_after=now - RECENT_TRIPS,
        depots=principal.depots,
        limit_rows=limit,
    )
    return [FoundTrip(**row) async for row in rows]


def _literally(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)
