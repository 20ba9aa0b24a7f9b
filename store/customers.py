"""One customer's data: found by phone number or order, given out whole, or erased; milestones stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.access import Principal
from domain.facts import Scan
from store import audit, contacts, intake, order_views, users
from store.alerts import NOTE_CONTEXT
from store.cipher import Cipher
from store.conflicts import REASON_CONTEXT as CONFLICT_CONTEXT
from store.errors import Conflict, NotFound
from store.evidence import EVIDENCE_CONTEXT
from store.facts import QUARANTINE_CONTEXT, SCAN_CONTEXT
from store.notices import BODY_CONTEXT
from store.place_names import sealed_name
from store.pool import Connection
from store.queries import load

_queries = load("customers")
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose data is meant: by phone number, or as whom an order goes to; exactly one is set."""

    phone: str | None = None
    order_id: UUID | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody by the contacts orders were sent to, and the account with that phone number, if any."""

    contact_ids: list[int]
    user_id: int | None
    user_key: UUID | None


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure was about, by references."""

    contact_ids: list[int]
    order_ids: list[int]
    user_id: int | None


async def find(connection: Connection, principal: Principal, cipher: Cipher, wanted: Wanted) -> Customer:
    """Everything of one customer the principal may see; NotFound when there is nothing (any more).

    Contacts with the same phone number are the same customer's. An account belongs to no depot: only who sees
    every depot sees it.
    """
    phone_index, contact_id = await _clue(connection, principal, cipher, wanted)
    rows = _queries.contacts(
        connection, phone_index=phone_index, contact_id=contact_id, depots=principal.depots
    )
    found = [row["contact_id"] async for row in rows]
    account = None
    if phone_index is not None and principal.depot_ids is None:
        account = await _queries.account(connection, phone_index=phone_index)
    if not found and account is None:
        raise NotFound("Nothing is kept of this customer.")
    if account is None:
        return Customer(found, None, None)
    return Customer(found, account["user_id"], account["public_id"])


async def _clue(
    connection: Connection, principal: Principal, cipher: Cipher, wanted: Wanted
) -> tuple[bytes | None, int | None]:
    if wanted.phone is not None:
        return cipher.blind_index(contacts.phone_digits(wanted.phone)), None
    row = await _queries.of_order(
        connection, order_id=wanted.order_id, number=wanted.number, depots=principal.depots
    )
    if row is None:
        raise NotFound("There is no such order, or nothing is kept of its customer.")
    return row["phone_index"], row["contact_id"]


async def note(
    connection: Connection, principal: Principal, action: str, customer: Customer, now: datetime
) -> None:
    """Write down that a customer's data was given out or erased: by references alone."""
    for contact_id in customer.contact_ids:
        await audit.record(connection, principal, action, f"contact:{contact_id}", {}, now)
    if customer.user_id is not None:
        await audit.record(connection, principal, action, f"user:{customer.user_id}", {}, now)


async def export(
    connection: Connection, principal: Principal, cipher: Cipher, customer: Customer
) -> Document:
    """All that is kept of a customer, in the clear, as JSON-like values with aware times."""
    known = [await contacts.get(connection, principal, cipher, one) for one in customer.contact_ids]
    rows = _queries.orders(connection, contact_ids=customer.contact_ids)
    orders = [dict(row) async for row in rows]
    return {
        "contacts": [msgspec.to_builtins(one) for one in known if one is not None],
        "account": await _account(connection, cipher, customer),
        "orders": [await _order(connection, principal, cipher, order) for order in orders],
    }


async def _account(connection: Connection, cipher: Cipher, customer: Customer) -> Document | None:
    if customer.user_key is None:
        return None
    user = await users.get(connection, cipher, customer.user_key)
    return {"login": user.login, "name": user.name, "created_at": user.created_at}


async def _order(connection: Connection, principal: Principal, cipher: Cipher, order: Document) -> Document:
    order_id = order.pop("order_id")
    stops = await order_views.stops_of(connection, principal, cipher, order_id)
    milestones = await order_views.milestones_of(connection, principal, order_id)
    packages = await order_views.packages_of(connection, principal, order_id)
    items = await intake.items_of(connection, principal, order_id)
    clocks = await intake.clocks_of(connection, principal, cipher, order_id)

    async def told(query: Callable[..., Any], opened: Callable[[Document], Document]) -> list[Document]:
        return [opened(dict(row)) async for row in query(connection, order_id=order_id)]

    return {
        **order,
        "stops": [{"kind": stop.kind, "name": stop.name, "planned_at": stop.planned_at} for stop in stops],
        "packages": [package.code for package in packages],
        "items": [msgspec.to_builtins(item) for item in items],
        "milestones": [
            {"stage": one.stage, "stop_seq": one.stop_seq, "actual_at": one.actual_at} for one in milestones
        ],
        "clock_reasons": [
            {"clock": one.clock, "reason": one.reason} for one in clocks if one.reason is not None
        ],
        "said": await told(_queries.said, _opener(cipher, "private_cipher", EVIDENCE_CONTEXT)),
        "scans": await told(_queries.scans, _opener(cipher, "private_cipher", SCAN_CONTEXT)),
        "notices": await told(_queries.notices, _text_opener(cipher, "body_cipher", "text", BODY_CONTEXT)),
        "alert_notes": await told(
            _queries.alert_notes, _text_opener(cipher, "text_cipher", "text", NOTE_CONTEXT)
        ),
        "conflict_reasons": await told(
            _queries.conflict_reasons, _text_opener(cipher, "reason_cipher", "reason", CONFLICT_CONTEXT)
        ),
        "change_reasons": await told(
            _queries.change_reasons, _text_opener(cipher, "reason_cipher", "reason", audit.REASON_CONTEXT)
        ),
        "links": await told(_queries.links, lambda row: row),
    }


def _opener(cipher: Cipher, column: str, context: bytes) -> Callable[[Document], Document]:
    """Puts the texts sealed together in a column in its place."""

    def opened(row: Document) -> Document:
        sealed = row.pop(column)
        texts: Mapping[str, str | None] = {}
        if sealed is not None:
            texts = msgspec.json.decode(cipher.decrypt(sealed, context), type=dict[str, str | None])
        return {**row, **texts}

    return opened


def _text_opener(cipher: Cipher, column: str, name: str, context: bytes) -> Callable[[Document], Document]:
    """Puts one sealed text in its column's place, under a name."""

    def opened(row: Document) -> Document:
        sealed = row.pop(column)
        in_clear = row.pop(name, None)
        return {**row, name: in_clear if sealed is None else cipher.decrypt(sealed, context).decode()}

    return opened


async def erase(
    connection: Connection,
    principal: Principal,
    cipher: Cipher,
    customer: Customer,
    now: datetime,
    *,
    also_open: bool = False,
) -> Erased:
    """Erase what names or places a customer; what happened to the orders, and when, stays.

    Links end, notices that wait are not sent, the account is closed. Raises Conflict while an order is under
    way, unless `also_open`: nobody could deliver it afterwards.
    """
    rows = _queries.lock_orders(connection, contact_ids=customer.contact_ids)
    orders = [row async for row in rows]
    under_way = [row["number"] for row in orders if row["is_open"]]
    if under_way and not also_open:
        raise Conflict(
            f"Order {under_way[0]} is under way and needs its customer. Finish or cancel it first, or say "
            "that open orders are to be erased, too."
        )
    order_ids = [row["order_id"] for row in orders]
    await _erase_quarantined(connection, principal, cipher, order_ids)
    await _queries.erase_known_points(connection, contact_ids=customer.contact_ids)
    await _queries.erase_stop_names(connection, order_ids=order_ids, name_cipher=sealed_name(cipher, "—"))
    for query in (_queries.erase_evidence, _queries.erase_scans, _queries.erase_request_hashes):
        await query(connection, order_ids=order_ids)
    await _queries.erase_reasons(connection, order_ids=order_ids, now=now)
    await _queries.erase_audit_reasons(connection, order_ids=order_ids)
    await _queries.erase_contacts(connection, contact_ids=customer.contact_ids, now=now)
    if customer.user_id is not None:
        await _queries.erase_account(connection, user_id=customer.user_id, now=now)
        await _queries.end_sessions(connection, user_id=customer.user_id)
    return Erased(customer.contact_ids, order_ids, customer.user_id)


async def _erase_quarantined(
    connection: Connection, principal: Principal, cipher: Cipher, order_ids: list[int]
) -> None:
    """What scans with a wrong clock say of these orders' people; the scans stay, to be corrected."""
    codes = {row["code"] async for row in _queries.codes_of(connection, order_ids=order_ids)}
    async for row in _queries.quarantined_scans(connection, depots=principal.depots):
        scan = msgspec.json.decode(cipher.decrypt(row["payload_cipher"], QUARANTINE_CONTEXT), type=Scan)
        if scan.code not in codes:
            continue
        bare = scan._replace(reason=None, signed_by=None, note=None, proof=None, lat=None, lon=None)
        await _queries.replace_quarantined(
            connection,
            quarantine_id=row["quarantine_id"],
            payload_cipher=cipher.encrypt(msgspec.json.encode(bare), QUARANTINE_CONTEXT),
        )
