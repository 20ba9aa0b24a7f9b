"""What scanned codes mean: packages and orders."""

from __future__ import annotations

from collections.abc import Collection

from domain.access import Principal
from store.pool import Connection
from store.queries import load

_queries = load("codes")


async def known_codes(connection: Connection, principal: Principal, codes: Collection[str]) -> set[str]:
    """Those of the codes that are a package's code or an order's number."""
    if not codes:
        return set()
    rows = _queries.known_codes(connection, codes=sorted(codes), depots=principal.depots)
    return {row["code"] async for row in rows}
