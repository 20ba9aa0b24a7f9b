"""Who changed what by hand: never a name, number or address, only which fields."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.access import Principal
from store.cipher import Cipher
from store.pool import Connection
from store.queries import load

REASON_CONTEXT = b"audit_reason.reason"
_queries = load("audit")


async def record(
    connection: Connection,
    principal: Principal,
    action: str,
    subject: str,
    detail: dict[str, Any],
    now: datetime,
) -> int:
    """Write down a change that a person or partner made; returns its audit_id."""
    audit_id = await _queries.add(
        connection, now=now, actor=principal.name, action=action, subject=subject, detail=detail
    )
    return int(audit_id)


async def give_reason(connection: Connection, cipher: Cipher, audit_id: int, reason: str) -> None:
    """Keep why a change was made beside its entry: people write names there, and the chain keeps none."""
    sealed = cipher.encrypt(reason.encode(), REASON_CONTEXT)
    await _queries.add_reason(connection, audit_id=audit_id, reason_cipher=sealed)


async def of_subject(connection: Connection, cipher: Cipher, subject: str) -> list[dict[str, Any]]:
    """The changes of a thing the caller has looked up for its principal, the first one first."""
    found = [dict(row) async for row in _queries.of_subject(connection, subject=subject)]
    for entry in found:
        sealed = entry.pop("reason_cipher")
        entry["reason"] = None if sealed is None else cipher.decrypt(sealed, REASON_CONTEXT).decode()
    return found


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the chain: how many entries, the newest one's hash, and what is wrong, if anything."""

    entries: int
    head: str
    wrong: list[str]


async def verify(connection: Connection, known_head: str | None = None) -> Verdict:
    """Check every entry against its hash and the one before; `known_head` is one noted elsewhere, in hex.

    Whoever can rewrite the whole table can rewrite every hash: only a head noted elsewhere finds that.
    """
    wrong = [
        f"entry {row['audit_id']} was changed, or one before it was removed"
        async for row in _queries.broken(connection, limit_rows=20)
    ]
    head = await _queries.head(connection)
    if not head["matches"]:
        wrong.append("the newest entries were removed")
    if known_head is not None and not await _queries.has_hash(connection, hash=bytes.fromhex(known_head)):
        wrong.append("no entry has the hash that was noted: the whole chain was written anew")
    return Verdict(entries=head["chain_no"], head=head["hash"].hex(), wrong=wrong)
