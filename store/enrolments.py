"""Devices that spoke and are not registered yet: noted, listed, and registered when approved."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.access import Principal
from domain.facts import Kind
from store import audit, devices, rejected
from store.errors import NotFound
from store.pool import Connection
from store.queries import load
from store.unit_of_work import UnitOfWork

_queries = load("enrolments")
PENDING = "pending_device"
"""Why what such a device sends is rejected."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device that waits for approval, what kinds of things it sent, and how many payloads of it wait."""

    name: str
    kinds: list[str]
    first_heard_at: datetime
    last_heard_at: datetime
    payloads: int


async def note(connection: Connection, heard: Iterable[tuple[str, str]], now: datetime) -> None:
    """Note devices by name, each with what it sent just now."""
    # Of one statement, no row may be meant twice.
    by_kind: dict[str, set[str]] = {}
    for name, kind in heard:
        by_kind.setdefault(kind, set()).add(name)
    for kind, names in sorted(by_kind.items()):
        ordered = sorted(names)
        await _queries.note(connection, names=ordered, kinds=[kind] * len(ordered), now=now)


async def waiting(connection: Connection, limit: int, after: str | None = None) -> list[Waiting]:
    """The devices that wait, by name, from the one after `after` on; they belong to no depot yet."""
    return [Waiting(**row) async for row in _queries.waiting(connection, after=after, limit_rows=limit)]


@dataclass(frozen=True, slots=True)
class Approval:
    """As what a waiting device is let in; `kind` None: a scanner if it sent scans, else a tracker."""

    name: str
    depot: UUID
    kind: str | None
    datum: str = "wgs84"
    expected_interval_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Approved:
    """A device that was let in, as what, and how many payloads of it are to be worked in now."""

    device_id: int
    kind: str
    payloads: int


async def approve(
    work: UnitOfWork,
    principal: Principal,
    approval: Approval,
    *,
    public_id: UUID,
    token_hash: bytes,
    now: datetime,
) -> Approved:
    """Register a device that waits, have what it sent so far worked in, and write down who let it in.

    NotFound when it does not wait or the principal has no such depot; Conflict (at the border) when a device
    of that name was added meanwhile.
    """
    connection = work.connection
    heard = await _take(connection, approval.name)
    kind = approval.kind or _kind_of(heard)
    device_id = await devices.create(
        connection,
        principal,
        public_id=public_id,
        depot=approval.depot,
        name=approval.name,
        kind=kind,
        datum=approval.datum,
        expected_interval_s=approval.expected_interval_s,
        token_hash=token_hash,
    )
    work.tell("device", [device_id])
    kept = await rejected.ask_retry(connection, principal, device=approval.name, now=now)
    if kept:
        work.tell("rejected", kept)
    await audit.record(connection, principal, "approve", f"device:{device_id}", {}, now)
    return Approved(device_id, kind, len(kept))


async def _take(connection: Connection, name: str) -> list[str]:
    row = await _queries.take(connection, name=name)
    if row is None:
        raise NotFound(f"No device called {name} waits for approval.")
    return list(row["kinds"])


def _kind_of(heard: Collection[str]) -> str:
    return "scanner" if Kind.SCAN.value in heard else "tracker"


async def forget(connection: Connection, before: datetime, *, limit: int) -> int:
    """Forget devices last heard before then, at most `limit`; returns how many."""
    return int(await _queries.forget_old(connection, before=before, limit_rows=limit))
