"""Customers' links to an order: a random token of which only the SHA-256 is kept."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from store.pool import Connection
from store.queries import load

_queries = load("share_links")


def token_hash(token: str) -> bytes:
    """What is stored of a token (of a link or a device): tokens are random, so a plain hash is enough."""
    return sha256(token.encode()).digest()


async def add(connection: Connection, order_id: int, token: str, expires_at: datetime) -> None:
    """Add a link to an order the caller has locked for its principal."""
    await _queries.add(connection, order_id=order_id, token_hash=token_hash(token), expires_at=expires_at)


async def revoke_all(connection: Connection, order_id: int, now: datetime) -> None:
    """End every link of an order the caller has locked for its principal."""
    await _queries.revoke_all(connection, order_id=order_id, now=now)
