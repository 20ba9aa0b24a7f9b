"""What the company sells; where no catalogue is loaded, orders may name any product."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from store.pool import Connection
from store.queries import load

_queries = load("catalogue")


@dataclass(frozen=True, slots=True)
class Product:
    """A product as the catalogue has it."""

    sku: str
    name: str | None
    specification: str | None


async def replace(connection: Connection, products: Sequence[Product]) -> None:
    """Put another catalogue in the place of the one there is; without products there is none."""
    await _queries.clear(connection)
    if products:
        await _queries.add(connection, products=[asdict(product) for product in products])


async def known(connection: Connection, skus: Collection[str]) -> dict[str, Product] | None:
    """Those of the SKUs that the catalogue has; None where none is loaded."""
    if not await _queries.is_loaded(connection):
        return None
    return {row["sku"]: Product(**row) async for row in _queries.known(connection, skus=sorted(skus))}


async def page(connection: Connection, *, after: str | None, limit: int) -> list[Product]:
    """Products by SKU."""
    return [Product(**row) async for row in _queries.page(connection, after=after, limit_rows=limit)]
