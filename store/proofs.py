"""Proof of delivery: who signed, when, where, and where the photo or signature is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from domain.access import Principal
from store.cipher import Cipher
from store.evidence import EVIDENCE_CONTEXT
from store.facts import SCAN_CONTEXT
from store.pool import Connection
from store.queries import load

_queries = load("proofs")


@dataclass(frozen=True, slots=True)
class Proof:
    """A delivery: of one package, or (None) of the whole order; `proof` refers to a photo or signature."""

    package_code: str | None
    at: datetime
    source: str
    signed_by: str | None
    proof: str | None
    note: str | None
    point: tuple[float, float] | None


async def of_order(
    connection: Connection, principal: Principal, cipher: Cipher, order_id: int
) -> list[Proof]:
    """Every proof of an order's deliveries, the first one first."""
    rows = _queries.of_order(connection, order_id=order_id, depots=principal.depots)
    return [_proof(cipher, row) async for row in rows]


def _proof(cipher: Cipher, row: Any) -> Proof:
    texts = {
        **_opened(cipher, row["private_cipher"], EVIDENCE_CONTEXT),
        **_opened(cipher, row["scan_cipher"], SCAN_CONTEXT),
    }
    point = None if row["lat"] is None else (row["lat"], row["lon"])
    if texts.get("point"):
        lat, lon = (float(part) for part in texts["point"].split())
        point = (lat, lon)
    return Proof(
        package_code=row["package_code"],
        at=row["at"],
        source=row["source"],
        signed_by=texts.get("signed_by"),
        proof=texts.get("proof"),
        note=texts.get("note"),
        point=point,
    )


def _opened(cipher: Cipher, sealed: bytes | None, context: bytes) -> Mapping[str, str]:
    if sealed is None:
        return {}
    return msgspec.json.decode(cipher.decrypt(sealed, context), type=dict[str, str])
