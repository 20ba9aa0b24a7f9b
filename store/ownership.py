"""Whose order is whose: what customers, shippers and drivers see of a depot is single orders."""

from __future__ import annotations

import dataclasses
from uuid import UUID

from domain.access import Principal
from store.errors import NotFound
from store.pool import Connection
from store.queries import load

_queries = load("ownership")


async def narrowed_to(connection: Connection, principal: Principal, order_id: UUID) -> Principal:
    """The principal as it may act on this one order; NotFound when that is not one of its own."""
    if principal.own is None:
        return principal
    depot_id = await _queries.depot_of_own_order(
        connection, order_id=order_id, **dataclasses.asdict(principal.own)
    )
    if depot_id is None:
        raise NotFound(f"There is no order {order_id}.")
    return dataclasses.replace(principal, depot_ids=(int(depot_id),))
