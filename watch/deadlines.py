"""Duty: warn the owner of a stage at 80 % of its time, and its superior at the limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.access import Principal
from domain.alerts import AlertKind
from domain.escalations import Escalation, RunningClock, overdue, why_overdue_ended
from domain.notices import News
from store import alerts, escalations, notices, rules
from store.unit_of_work import UnitOfWork
from watch.alerting import settle
from watch.measures import WatchMeasures


async def run(work: UnitOfWork, principal: Principal, now: datetime, measures: WatchMeasures) -> None:
    """Find the clocks that are to be warned of or are over: one alert for each, and its escalations."""
    running = await escalations.running(work.connection, principal, now)
    open_alerts = await alerts.open_of_kind(work.connection, principal, AlertKind.STAGE_OVERDUE)
    stopped = await escalations.stopped_among(
        work.connection, {order_id for alert in open_alerts for order_id in alert.order_ids}
    )
    await settle(
        work,
        principal,
        open_alerts,
        overdue(running, now),
        lambda alert: why_overdue_ended(alert, stopped),
        now,
        measures,
    )
    await _escalate(work, running, now)


async def _escalate(work: UnitOfWork, running: Sequence[RunningClock], now: datetime) -> None:
    in_force = await rules.in_force(work.connection)
    fresh = timedelta(minutes=in_force.escalation_fresh_min)
    found = [step for clock in running for step in clock.escalations(now, fresh)]
    new = await escalations.record(work.connection, found, now)
    for step in new:
        if step.told:
            await notices.tell(work.connection, {step.order_id: _news(step)}, now)


def _news(step: Escalation) -> News:
    event = "stage_warned" if step.level == "owner" else "stage_overdue"
    return News(event, step.due_at, f"{step.clock}/{step.started_at.isoformat()}", step.roles)
