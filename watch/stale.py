"""Duty: say which vehicles carry orders and have fallen silent between two stops."""

from __future__ import annotations

from datetime import datetime

from domain.access import Principal
from domain.alerts import AlertKind, stale, why_silence_ended
from store import alerts
from store.unit_of_work import UnitOfWork
from watch.alerting import settle
from watch.measures import WatchMeasures


async def run(work: UnitOfWork, principal: Principal, now: datetime, measures: WatchMeasures) -> None:
    """Find silent vehicles: one alert per vehicle, listing the orders it carries."""
    legs = await alerts.tracked_legs(work.connection, principal, now)
    open_alerts = await alerts.open_of_kind(work.connection, principal, AlertKind.STALE)
    await settle(
        work,
        principal,
        open_alerts,
        stale(legs, now),
        lambda alert: why_silence_ended(alert, legs),
        now,
        measures,
    )
