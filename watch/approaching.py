"""Stops that the estimates say are at most so many minutes ahead: noted once, and their customers told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.estimates import Estimate
from domain.notices import APPROACHING, News
from store import etas, notices
from store.unit_of_work import UnitOfWork


async def tell(work: UnitOfWork, soon: Sequence[Estimate], within_min: float, now: datetime) -> None:
    """Note the stops not noted before, and tell of the orders that end there.

    What is noted is history: it stands when a later estimate is further off.
    """
    noted = await etas.note_arriving_soon(work.connection, soon, within_min, now)
    if not noted:
        return
    orders = await etas.orders_at(work.connection, noted.keys())
    ending = {order_id for order_id, ends in orders.items() if ends}
    await notices.tell(work.connection, {order_id: News(APPROACHING, now) for order_id in ending}, now)
    work.tell("eta", set(noted.values()))
    work.tell("order", orders.keys())
