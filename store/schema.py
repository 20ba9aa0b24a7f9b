"""Which migrations the database has."""

from __future__ import annotations

from store.pool import Connection
from store.queries import load

_queries = load("schema")


async def newest_migration(connection: Connection) -> int:
    """The number of the newest migration applied; 0 for a database without any."""
    if not await _queries.has_ledger(connection):
        return 0
    return int(await _queries.newest_applied(connection))
