"""Chore: measure how many addresses turned out wrong."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.access import Principal
from store import addresses, rules
from store.pool import Connection
from watch.measures import WatchMeasures

MEASURED_OVER = timedelta(days=30)


async def run(connection: Connection, principal: Principal, now: datetime, measures: WatchMeasures) -> None:
    """Set the gauges to the last 30 days."""
    rule = (await rules.in_force(connection)).addresses
    found = await addresses.report(connection, principal, now - MEASURED_OVER, rule.error_m)
    measures.address_errors.set(found.error_rate)
    measures.addresses_counted.set(found.orders)
