"""Alerts: listed and acknowledged by people, opened, changed and cleared by watch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from domain.access import Principal
from domain.alerts import (
    AlertKind,
    ClearReason,
    Detail,
    ExpectedArrival,
    Finding,
    OpenAlert,
    Severity,
    TrackedLeg,
    Undelivered,
)
from store.cipher import Cipher
from store.errors import NotFound
from store.pool import Connection
from store.queries import load

_queries = load("alerts")
NOTE_CONTEXT = b"alert_note.text"

# How far along the route a vehicle still counts as being at a stop that has no fence.
BESIDE_STOP_M = 500.0


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """An order named by an alert."""

    public_id: UUID
    number: str


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote beside an alert, sealed; `text` where it was stored before notes were."""

    at: datetime
    by: str
    text: str | None
    text_cipher: bytes | None


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as people see it: only the orders of the principal's depots are named."""

    alert_id: int
    public_id: UUID
    depot_id: int
    kind: AlertKind
    severity: Severity
    vehicle_public_id: UUID | None
    vehicle_label: str | None
    orders: tuple[ListedOrder, ...]
    opened_at: datetime
    updated_at: datetime
    cleared_at: datetime | None
    clear_reason: str | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    detail: Detail
    assigned_to: str | None
    snoozed_until: datetime | None
    resolved_at: datetime | None
    resolved_by: str | None
    cause: str | None
    found_at: datetime
    found_late: bool
    reopened: int
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Precision:
    """Of the alerts of a kind that people resolved, how many were worth raising."""

    kind: str
    resolved: int
    worth: int


async def list_open(
    connection: Connection,
    principal: Principal,
    now: datetime,
    *,
    set_aside: bool = False,
    kinds: Collection[AlertKind] = (),
    limit: int = 500,
) -> list[Alert]:
    """The open alerts (of some kinds): the most severe, then those of most orders, then the oldest first.

    Those snoozed or resolved are left out unless `set_aside`.
    """
    found = _queries.list_open(
        connection,
        depots=principal.depots,
        now=now,
        set_aside=set_aside,
        kinds=sorted(kinds) or None,
        limit_rows=limit,
    )
    return await _with_orders(connection, principal, [row async for row in found])


async def acknowledge(
    connection: Connection, principal: Principal, public_id: UUID, by: str, now: datetime
) -> Alert:
    """Note that somebody saw the alert; the first acknowledgement stays. Tell "alert" with its alert_id.

    Raises NotFound when there is no such alert in the principal's depots.
    """
    known = await _queries.acknowledge(
        connection, public_id=public_id, by=by, now=now, depots=principal.depots
    )
    return await _found(connection, principal, public_id, known)


async def assign(connection: Connection, principal: Principal, public_id: UUID, to: str | None) -> Alert:
    """Say who takes care of an alert; None: nobody in particular."""
    known = await _queries.assign(connection, public_id=public_id, assigned_to=to, depots=principal.depots)
    return await _found(connection, principal, public_id, known)


async def snooze(connection: Connection, principal: Principal, public_id: UUID, until: datetime) -> Alert:
    """Leave an alert out of the list until then."""
    known = await _queries.snooze(connection, public_id=public_id, until=until, depots=principal.depots)
    return await _found(connection, principal, public_id, known)


async def resolve(
    connection: Connection, principal: Principal, public_id: UUID, cause: str, by: str, now: datetime
) -> Alert:
    """Say that an alert needs no more attention, and whether it was worth raising."""
    known = await _queries.resolve(
        connection, public_id=public_id, cause=cause, by=by, now=now, depots=principal.depots
    )
    return await _found(connection, principal, public_id, known)


def seal_note(cipher: Cipher, text: str) -> bytes:
    """What is stored of a note: it may name somebody."""
    return cipher.encrypt(text.encode(), NOTE_CONTEXT)


def open_note(cipher: Cipher, note: Note) -> str:
    """What somebody wrote."""
    if note.text_cipher is None:
        return note.text or ""
    return cipher.decrypt(note.text_cipher, NOTE_CONTEXT).decode()


async def add_note(
    connection: Connection, principal: Principal, public_id: UUID, text_cipher: bytes, by: str, now: datetime
) -> Alert:
    """Write something beside an alert; `text_cipher` is what `seal_note` made."""
    known = await _queries.add_note(
        connection, public_id=public_id, text_cipher=text_cipher, by=by, now=now, depots=principal.depots
    )
    return await _found(connection, principal, public_id, known)


async def precision(connection: Connection, principal: Principal, since: datetime) -> list[Precision]:
    """How good the alerts were that people resolved since then, by kind."""
    rows = _queries.precision(connection, since=since, depots=principal.depots)
    return [Precision(**row) async for row in rows]


async def _found(connection: Connection, principal: Principal, public_id: UUID, known: int | None) -> Alert:
    if known is None:
        raise NotFound(f"There is no alert {public_id}.")
    row = await _queries.by_public_id(connection, public_id=public_id, depots=principal.depots)
    return (await _with_orders(connection, principal, [row]))[0]


async def _with_orders(connection: Connection, principal: Principal, rows: Sequence[Any]) -> list[Alert]:
    wanted = sorted({order_id for row in rows for order_id in row["order_ids"]})
    found = _queries.listed_orders(connection, order_ids=wanted, depots=principal.depots)
    orders = {row["order_id"]: ListedOrder(row["public_id"], row["number"]) async for row in found}
    notes: dict[int, list[Note]] = {}
    alert_ids = [row["alert_id"] for row in rows]
    async for row in _queries.notes(connection, alert_ids=alert_ids, depots=principal.depots):
        notes.setdefault(row["alert_id"], []).append(
            Note(row["at"], row["by"], row["text"], row["text_cipher"])
        )
    return [_alert(row, orders, tuple(notes.get(row["alert_id"], ()))) for row in rows]


def _alert(row: Any, orders: dict[int, ListedOrder], notes: tuple[Note, ...]) -> Alert:
    values = dict(row)
    values["notes"] = notes
    listed = set(values.pop("order_ids"))
    values["kind"] = AlertKind(row["kind"])
    values["severity"] = Severity(row["severity"])
    return Alert(**values, orders=tuple(order for order_id, order in orders.items() if order_id in listed))


async def open_of_kind(connection: Connection, principal: Principal, kind: AlertKind) -> list[OpenAlert]:
    """The open alerts of one kind, as the rules compare them with what is wrong now."""
    rows = _queries.open_of_kind(connection, kind=kind.value, depots=principal.depots)
    return [
        OpenAlert(
            alert_id=row["alert_id"],
            kind=kind,
            subject=row["subject"],
            order_ids=tuple(row["order_ids"]),
            severity=Severity(row["severity"]),
            detail=row["detail"],
            resolved=row["resolved"],
        )
        async for row in rows
    ]


async def count_open(connection: Connection, principal: Principal) -> dict[AlertKind, int]:
    """How many alerts of each kind are open."""
    rows = _queries.count_open(connection, depots=principal.depots)
    open_now = {AlertKind(row["kind"]): row["open"] async for row in rows}
    return {kind: open_now.get(kind, 0) for kind in AlertKind}


FRESH = timedelta(minutes=15)
"""Found later than this after it began, an alert is no news."""


async def raise_all(
    connection: Connection, findings: Collection[Finding], now: datetime, fresh: timedelta = FRESH
) -> set[int]:
    """Open an alert for each finding and return their alert_ids; where one is open already it stays."""
    if not findings:
        return set()
    rows = _queries.raise_all(connection, findings=[_row(one) for one in findings], now=now, fresh=fresh)
    return {row["alert_id"] async for row in rows}


async def reopen(
    connection: Connection, findings: Collection[Finding], now: datetime, cooldown: timedelta
) -> dict[tuple[str, str], int]:
    """Open those alerts again that ended within the cooldown; their alert_ids by kind and subject."""
    if not findings:
        return {}
    rows = _queries.reopen(
        connection, findings=[_row(one) for one in findings], now=now, ended_after=now - cooldown
    )
    return {(row["kind"], row["subject"]): row["alert_id"] async for row in rows}


async def record_past(
    connection: Connection, findings: Collection[tuple[Finding, datetime]], now: datetime
) -> set[int]:
    """Keep what was over when it was found, each with when; returns the alert_ids of those not known yet."""
    if not findings:
        return set()
    found = [{**_row(finding), "over_at": over_at} for finding, over_at in findings]
    return {row["alert_id"] async for row in _queries.record_past(connection, findings=found, now=now)}


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "public_id": uuid7(),
        "depot_id": finding.depot_id,
        "kind": finding.kind,
        "subject": finding.subject,
        "vehicle_id": finding.vehicle_id,
        "order_ids": finding.order_ids,
        "severity": finding.severity,
        "since": finding.since,
        "detail": finding.detail,
    }


async def change_all(
    connection: Connection,
    principal: Principal,
    changed: Collection[tuple[OpenAlert, Finding]],
    now: datetime,
) -> set[int]:
    """Bring open alerts up to their findings: orders, severity and detail; returns their alert_ids."""
    if not changed:
        return set()
    found = [
        {
            "alert_id": alert.alert_id,
            "order_ids": finding.order_ids,
            "severity": finding.severity,
            "detail": finding.detail,
        }
        for alert, finding in changed
    ]
    rows = _queries.change_all(connection, findings=found, now=now, depots=principal.depots)
    return {row["alert_id"] async for row in rows}


async def clear_all(
    connection: Connection, principal: Principal, reasons: Mapping[int, ClearReason], now: datetime
) -> set[int]:
    """Close open alerts, each for its reason; returns the alert_ids."""
    if not reasons:
        return set()
    cleared = [{"alert_id": alert_id, "reason": reason} for alert_id, reason in reasons.items()]
    rows = _queries.clear_all(connection, cleared=cleared, now=now, depots=principal.depots)
    return {row["alert_id"] async for row in rows}


async def expected_arrivals(
    connection: Connection, principal: Principal, now: datetime
) -> list[ExpectedArrival]:
    """The newest estimate for the destination of every order on a trip under way, not arrived yet."""
    rows = _queries.expected_arrivals(connection, now=now, depots=principal.depots)
    return [ExpectedArrival(**row) async for row in rows]


async def undelivered(connection: Connection, principal: Principal, now: datetime) -> list[Undelivered]:
    """The orders whose promise has passed and that are neither delivered nor cancelled."""
    rows = _queries.undelivered(connection, now=now, depots=principal.depots)
    return [Undelivered(**row) async for row in rows]


async def delivered_among(
    connection: Connection, principal: Principal, order_ids: Collection[int]
) -> set[int]:
    """Which of these orders are delivered."""
    rows = _queries.delivered_among(connection, order_ids=sorted(order_ids), depots=principal.depots)
    return {row["order_id"] async for row in rows}


async def tracked_legs(connection: Connection, principal: Principal, now: datetime) -> list[TrackedLeg]:
    """The orders under way between two stops on vehicles with a tracker: those whose silence matters."""
    rows = _queries.tracked_legs(connection, now=now, beside_m=BESIDE_STOP_M, depots=principal.depots)
    return [TrackedLeg(**row) async for row in rows]
