"""Shippers' keys: random, kept by their hash, good for named purposes and for a limited time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.access import Own, Principal, Role, Scope
from store.errors import Conflict, NotFound
from store.pool import Connection
from store.queries import load
from store.share_links import token_hash

PREFIX = "zk_"
_queries = load("api_keys")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret."""

    public_id: UUID
    shipper_public_id: UUID
    label: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


async def add(
    connection: Connection,
    *,
    public_id: UUID,
    shipper_id: int,
    label: str,
    key: str,
    scopes: Collection[str],
    now: datetime,
    expires_at: datetime,
) -> None:
    """Add a key of a shipper the caller has looked up for its principal."""
    await _queries.add(
        connection,
        public_id=public_id,
        shipper_id=shipper_id,
        label=label,
        key_hash=token_hash(key),
        scopes=sorted(scopes),
        now=now,
        expires_at=expires_at,
    )


async def principal_of(connection: Connection, key: str, now: datetime) -> Principal | None:
    """Whom a key belongs to; None unless it is in force."""
    row = await _queries.by_hash(connection, key_hash=token_hash(key), now=now)
    if row is None:
        return None
    return Principal(
        name=f"key:{row['public_id']}",
        role=Role.SHIPPER,
        depot_ids=(row["depot_id"],),
        own=Own(shipper_id=row["shipper_id"]),
        scopes=frozenset(Scope(scope) for scope in row["scopes"]),
    )


async def list_all(connection: Connection, principal: Principal) -> list[ApiKey]:
    """The keys of the shippers of the principal's depots, oldest first."""
    return [ApiKey(**row) async for row in _queries.list_all(connection, depots=principal.depots)]


async def rotate(
    connection: Connection,
    principal: Principal,
    public_id: UUID,
    *,
    new_id: UUID,
    key: str,
    now: datetime,
    old_until: datetime,
    expires_at: datetime,
) -> None:
    """Add a key for the same purposes; the old one ends at `old_until`. Conflict when it has ended."""
    old = await _locked(connection, principal, public_id)
    if old["revoked_at"] is not None or old["expires_at"] <= now:
        raise Conflict("This key has ended. Make a new one.")
    await add(
        connection,
        public_id=new_id,
        shipper_id=old["shipper_id"],
        label=old["label"],
        key=key,
        scopes=old["scopes"],
        now=now,
        expires_at=expires_at,
    )
    await _queries.expire(connection, api_key_id=old["api_key_id"], at=old_until)


async def revoke(connection: Connection, principal: Principal, public_id: UUID, now: datetime) -> None:
    """End a key at once; NotFound when there is none or the principal may not see it."""
    old = await _locked(connection, principal, public_id)
    await _queries.revoke(connection, api_key_id=old["api_key_id"], now=now)


async def _locked(connection: Connection, principal: Principal, public_id: UUID) -> dict[str, Any]:
    row = await _queries.lock(connection, public_id=public_id, depots=principal.depots)
    if row is None:
        raise NotFound(f"There is no API key {public_id}.")
    return dict(row)
