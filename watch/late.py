"""Duty: say which orders missed their promise and are not delivered."""

from __future__ import annotations

from datetime import datetime

from domain.access import Principal
from domain.alerts import AlertKind, late, why_late_ended
from store import alerts
from store.unit_of_work import UnitOfWork
from watch.alerting import Endangered, settle, warn_customers
from watch.measures import WatchMeasures


async def run(work: UnitOfWork, principal: Principal, now: datetime, measures: WatchMeasures) -> None:
    """Find what is late: one alert per vehicle, or per order that rides on none."""
    undelivered = await alerts.undelivered(work.connection, principal, now)
    open_alerts = await alerts.open_of_kind(work.connection, principal, AlertKind.LATE)
    alerted = {order_id for alert in open_alerts for order_id in alert.order_ids}
    delivered = await alerts.delivered_among(work.connection, principal, alerted)
    await settle(
        work,
        principal,
        open_alerts,
        late(undelivered, now),
        lambda alert: why_late_ended(alert, undelivered, delivered),
        now,
        measures,
    )
    missed = [Endangered(one.order_id, one.promised_at, one.promised_at) for one in undelivered]
    await warn_customers(work, missed, now)
