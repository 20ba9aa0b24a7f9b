"""What contradicts itself about orders: kept with the milestones, listed and settled by people."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from domain.access import Principal
from domain.conflicts import LASTING, Carrier, Conflict, ConflictKind, Meant, find
from domain.facts import Action
from domain.legs import standing_scans
from domain.orders import Leg
from store.cipher import Cipher
from store.errors import NotFound
from store.order_facts import OrderFacts
from store.pool import Connection
from store.queries import load

_queries = load("conflicts")
_ABOUT_SCANS = (ConflictKind.CLOSED, ConflictKind.TWO_VEHICLES, ConflictKind.WRONG_VEHICLE)
REASON_CONTEXT = b"order_conflict.reason"


@dataclass(frozen=True, slots=True)
class ListedConflict:
    """A conflict as people see it. ended_at: later facts resolved it; settled_at: somebody did."""

    public_id: UUID
    order_public_id: UUID
    order_number: str
    package_code: str | None
    kind: str
    at: datetime
    vehicle_labels: list[str]
    detail: dict[str, Any]
    found_at: datetime
    ended_at: datetime | None
    settled_at: datetime | None
    settled_by: str | None
    reason_cipher: bytes | None


async def write(
    connection: Connection,
    known: Mapping[int, OrderFacts],
    closed: Mapping[int, datetime | None],
    now: datetime,
) -> set[int]:
    """Record what is new of the conflicts of these locked orders, end what is gone; returns the orders."""
    carriers = await _carriers(connection, known, now)
    plans = await _plans(connection, known)
    meant = await _meant(connection, known)
    found: dict[tuple[int, str, str], Conflict] = {}
    for order_id, facts in known.items():
        scans, said = standing_scans(facts.scans), facts.evidence.values()
        own, intended = plans.get(order_id, ()), meant.get(order_id, ())
        for one in find(facts.order, scans, said, own, closed[order_id], carriers, intended):
            found[order_id, one.kind, one.key] = one
    stored = {
        (row["order_id"], row["kind"], row["key"]): row["ended_at"]
        async for row in _queries.stored(connection, order_ids=list(known))
    }
    new = {place: one for place, one in found.items() if place not in stored or stored[place] is not None}
    gone = [
        place
        for place, ended_at in stored.items()
        if place not in found and ended_at is None and ConflictKind(place[1]) not in LASTING
    ]
    if new:
        rows = [{**asdict(one), "public_id": uuid7(), "order_id": place[0]} for place, one in new.items()]
        await _queries.write(connection, found=rows, now=now)
    if gone:
        order_ids, kinds, keys = (list(column) for column in zip(*sorted(gone), strict=True))
        await _queries.end(connection, order_ids=order_ids, kinds=kinds, keys=keys, now=now)
    return {place[0] for place in (*new, *gone)}


async def _plans(connection: Connection, known: Mapping[int, OrderFacts]) -> dict[int, list[Leg]]:
    plans: dict[int, list[Leg]] = {}
    async for row in _queries.plans(connection, order_ids=list(known)):
        plans.setdefault(row["order_id"], []).append(Leg(**row))
    return plans


async def _meant(connection: Connection, known: Mapping[int, OrderFacts]) -> dict[int, list[Meant]]:
    """The vehicles these orders were given to or planned on, where a scan names a vehicle at all."""
    scanned = [
        order_id
        for order_id, facts in known.items()
        if any(scan.vehicle_id is not None for scan in facts.scans)
    ]
    meant: dict[int, list[Meant]] = {}
    if scanned:
        async for row in _queries.meant(connection, order_ids=scanned):
            meant.setdefault(row["order_id"], []).append(
                Meant(row["vehicle_id"], row["since"], row["until"], row["is_plan"])
            )
    return meant


async def _carriers(
    connection: Connection, known: Mapping[int, OrderFacts], now: datetime
) -> dict[int, Carrier]:
    """The vehicles that packages of these orders were scanned onto."""
    vehicle_ids = {
        scan.vehicle_id
        for facts in known.values()
        for scan in facts.scans
        if scan.action is Action.LOAD and scan.vehicle_id is not None
    }
    if not vehicle_ids:
        return {}
    rows = _queries.carriers(connection, vehicle_ids=sorted(vehicle_ids), now=now)
    return {row["vehicle_id"]: Carrier(**row) async for row in rows}


async def of_scans(connection: Connection, codes: Collection[str]) -> dict[str, set[ConflictKind]]:
    """What contradicts itself now about the orders of these codes, by the scan that said the later side."""
    found: dict[str, set[ConflictKind]] = {}
    rows = _queries.of_scans(connection, codes=sorted(codes), kinds=sorted(_ABOUT_SCANS))
    async for row in rows:
        # The key of a scan of one package ends in the package.
        scan = "/".join(row["key"].split("/")[:3])
        found.setdefault(scan, set()).add(ConflictKind(row["kind"]))
    return found


async def of_order(connection: Connection, principal: Principal, order_id: int) -> list[ListedConflict]:
    """Every conflict of an order, the newest first."""
    return await _list(connection, principal, order_id, 1000)


async def unsettled(connection: Connection, principal: Principal, limit: int) -> list[ListedConflict]:
    """The conflicts that wait for somebody, the newest first."""
    return await _list(connection, principal, None, limit)


async def _list(
    connection: Connection, principal: Principal, order_id: int | None, limit: int
) -> list[ListedConflict]:
    rows = _queries.list(connection, depots=principal.depots, order_id=order_id, limit_rows=limit)
    return [ListedConflict(**row) async for row in rows]


def seal_reason(cipher: Cipher, text: str) -> bytes:
    """What is stored of what came of a conflict: it may name somebody."""
    return cipher.encrypt(text.encode(), REASON_CONTEXT)


def open_reason(cipher: Cipher, sealed: bytes | None) -> str | None:
    """What came of a conflict."""
    return None if sealed is None else cipher.decrypt(sealed, REASON_CONTEXT).decode()


async def settle(
    connection: Connection,
    principal: Principal,
    public_id: UUID,
    *,
    by: str,
    reason_cipher: bytes,
    now: datetime,
) -> int:
    """Keep what came of a conflict, as `seal_reason` made it; returns its order. Raises NotFound."""
    order_id = await _queries.settle(
        connection, public_id=public_id, by=by, reason_cipher=reason_cipher, now=now, depots=principal.depots
    )
    if order_id is None:
        raise NotFound(f"There is no conflict {public_id}.")
    return int(order_id)
