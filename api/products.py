"""What orders name, held against the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domain.rules import Channel
from store import catalogue
from store.intake import Item
from store.pool import Connection

SKU = "items.sku"


async def complete(
    connection: Connection, channel: Channel, items: Sequence[Item]
) -> tuple[list[Item], list[str]]:
    """Items with what the catalogue knows of them filled in, and `items.sku:X` for every X it does not know.

    Only channels that require the SKU have it checked, and only where a catalogue is loaded.
    """
    skus = {item.sku for item in items if item.sku is not None}
    products = await catalogue.known(connection, skus) if skus else None
    if products is None:
        return list(items), []
    unknown = sorted(skus - products.keys()) if SKU in channel.required else []
    filled = [_filled(item, products.get(item.sku or "")) for item in items]
    return filled, [f"{SKU}:{one}" for one in unknown]


def _filled(item: Item, product: catalogue.Product | None) -> Item:
    if product is None:
        return item
    name, specification = item.name or product.name, item.specification or product.specification
    return replace(item, name=name, specification=specification)
