"""Payloads that could not be used: counted, browsed, and tried again after a fix."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.access import Principal
from store.cipher import LONGER_BY, Cipher
from store.errors import NotFound
from store.pool import Connection
from store.queries import load

_queries = load("rejected")
KEPT_PAYLOAD_BYTES = 64 * 1024
REJECTED_CONTEXT = b"rejected.payload"


@dataclass(frozen=True, slots=True)
class Reason:
    """How many payloads and items were rejected for one reason, and how often they came."""

    reason: str
    payloads: int
    times: int
    usable: int
    last_received_at: datetime


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rejected payload, or its item `item` (-1: all of it); usable_at: when a retry could use it."""

    rejected_id: int
    source: str
    topic: str
    item: int
    reason: str
    detail: str
    payload_bytes: int
    received_at: datetime
    last_received_at: datetime
    times: int
    retry_asked_at: datetime | None
    retried_at: datetime | None
    usable_at: datetime | None


@dataclass(frozen=True, slots=True)
class ToRetry:
    """A rejected payload that somebody asked to be tried again."""

    rejected_id: int
    topic: str
    item: int
    payload_cipher: bytes
    received_at: datetime


async def by_reason(connection: Connection, principal: Principal) -> list[Reason]:
    """The reasons there are, most frequent first."""
    return [Reason(**row) async for row in _queries.by_reason(connection, depots=principal.depots)]


async def list_page(
    connection: Connection,
    principal: Principal,
    *,
    reason: str | None = None,
    device: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[Rejected]:
    """Rejected payloads, newest first, from the one before `before` on."""
    rows = _queries.list_page(
        connection, depots=principal.depots, reason=reason, device=device, before=before, limit_rows=limit
    )
    return [Rejected(**row) async for row in rows]


async def payload(connection: Connection, principal: Principal, rejected_id: int, cipher: Cipher) -> bytes:
    """What was received, as far as it was kept; NotFound when there is no such one."""
    row = await _queries.payload_of(connection, rejected_id=rejected_id, depots=principal.depots)
    if row is None:
        raise NotFound(f"There is no rejected payload {rejected_id}.")
    return cipher.decrypt(row["payload_cipher"], REJECTED_CONTEXT)


async def ask_retry(
    connection: Connection,
    principal: Principal,
    *,
    reason: str | None = None,
    rejected_ids: Collection[int] | None = None,
    device: str | None = None,
    now: datetime,
) -> list[int]:
    """Have ingest try payloads again, all of a reason, of a device, or these; returns those that can be."""
    rows = _queries.ask_retry(
        connection,
        depots=principal.depots,
        reason=reason,
        rejected_ids=None if rejected_ids is None else sorted(rejected_ids),
        device=device,
        longer_by=LONGER_BY,
        now=now,
    )
    return [row["rejected_id"] async for row in rows]


async def asked_for_retry(connection: Connection, limit: int) -> list[ToRetry]:
    """Payloads to try again, oldest first."""
    return [ToRetry(**row) async for row in _queries.asked_for_retry(connection, limit_rows=limit)]


async def settle(connection: Connection, usable: Mapping[int, bool], now: datetime) -> None:
    """Note of payloads tried again whether they could be used."""
    if usable:
        await _queries.settle_retried(
            connection, now=now, rejected_ids=list(usable), usables=list(usable.values())
        )
