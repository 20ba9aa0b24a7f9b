"""What is shown beside one order: its estimates over time, and everything that was said and done about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from domain.access import Principal
from store.cipher import Cipher
from store.evidence import EVIDENCE_CONTEXT
from store.facts import SCAN_CONTEXT
from store.pool import Connection
from store.queries import load

_queries = load("drawers")


@dataclass(frozen=True, slots=True)
class PublishedEta:
    """An estimate as it was told for a stop of the order, and when it really got there, once it has."""

    stop_seq: int
    kind: str
    computed_at: datetime
    p10_at: datetime | None
    p50_at: datetime
    p90_at: datetime
    arrived_at: datetime | None


@dataclass(frozen=True, slots=True)
class Said:
    """Evidence about an order; what may name somebody is None for who may not read it."""

    kind: str
    at: datetime
    source: str
    stop_seq: int | None
    recorded_at: datetime
    package_code: str | None
    actor: str | None
    reason: str | None
    signed_by: str | None
    proof: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert that named the order, open or over."""

    public_id: UUID
    kind: str
    severity: str
    opened_at: datetime
    cleared_at: datetime | None
    clear_reason: str | None
    acknowledged_by: str | None


async def etas(connection: Connection, order_id: int, *, limit: int) -> list[PublishedEta]:
    """The estimates published for an order the caller has looked up, the newest first."""
    return [
        PublishedEta(**row) async for row in _queries.etas(connection, order_id=order_id, limit_rows=limit)
    ]


async def evidence(connection: Connection, principal: Principal, cipher: Cipher, order_id: int) -> list[Said]:
    """What was said of an order the caller has looked up, by time."""
    found = []
    async for row in _queries.evidence(connection, order_id=order_id):
        texts = {
            **_opened(cipher, row["scan_cipher"], SCAN_CONTEXT),
            **_opened(cipher, row["private_cipher"], EVIDENCE_CONTEXT),
        }
        named = texts if principal.reads_contacts else {}
        found.append(
            Said(
                kind=row["kind"],
                at=row["at"],
                source=row["source"],
                stop_seq=row["stop_seq"],
                recorded_at=row["recorded_at"],
                package_code=row["package_code"],
                actor=texts.get("actor") or row["operator"],
                reason=texts.get("reason"),
                signed_by=named.get("signed_by"),
                proof=named.get("proof"),
                note=named.get("note"),
            )
        )
    return found


async def alerts(connection: Connection, order_id: int) -> list[Raised]:
    """The alerts that name an order the caller has looked up, the first one first."""
    return [Raised(**row) async for row in _queries.alerts(connection, order_id=order_id)]


def _opened(cipher: Cipher, sealed: bytes | None, context: bytes) -> dict[str, str]:
    if sealed is None:
        return {}
    texts: dict[str, str] = msgspec.json.decode(cipher.decrypt(sealed, context))
    return texts
