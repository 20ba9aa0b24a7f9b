"""Duty: warn of orders that will probably miss their promise, while something can still be done."""

from __future__ import annotations

from datetime import datetime

from domain.access import Principal
from domain.alerts import AlertKind, LateRiskRule, late_risk, why_risk_ended
from store import alerts
from store.unit_of_work import UnitOfWork
from watch.alerting import Endangered, settle, warn_customers
from watch.measures import WatchMeasures


async def run(
    work: UnitOfWork, principal: Principal, now: datetime, rule: LateRiskRule, measures: WatchMeasures
) -> None:
    """Hold the newest estimates against the promises: one alert per vehicle, listing its orders."""
    arrivals = await alerts.expected_arrivals(work.connection, principal, now)
    open_alerts = await alerts.open_of_kind(work.connection, principal, AlertKind.LATE_RISK)
    alerted = {order_id for alert in open_alerts for order_id in alert.order_ids}
    findings = late_risk(arrivals, alerted, now, rule)
    await settle(
        work,
        principal,
        open_alerts,
        findings,
        lambda alert: why_risk_ended(alert, arrivals, now),
        now,
        measures,
    )
    at_risk = {order_id for finding in findings for order_id in finding.order_ids}
    endangered = [
        Endangered(one.order_id, one.promised_at, now) for one in arrivals if one.order_id in at_risk
    ]
    await warn_customers(work, endangered, now)
