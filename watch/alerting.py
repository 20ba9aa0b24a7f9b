"""How every alert duty ends: what is open is brought in line with what was found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.access import Principal
from domain.alerts import AlertKind, ClearReason, Finding, OpenAlert, reconcile
from domain.notices import News
from store import alerts, notices, rules
from store.unit_of_work import UnitOfWork
from watch.measures import WatchMeasures


@dataclass(frozen=True, slots=True)
class Endangered:
    """An order whose promise is not kept, or will probably not be: since when that is so."""

    order_id: int
    promised_at: datetime
    since: datetime


async def settle(
    work: UnitOfWork,
    principal: Principal,
    open_alerts: Iterable[OpenAlert],
    findings: Iterable[Finding],
    why_ended: Callable[[OpenAlert], ClearReason],
    now: datetime,
    measures: WatchMeasures,
) -> None:
    """Raise what is new, change what differs, clear what is over (`why_ended` names the reason).

    What ended within the rules' cooldown and is back is opened again instead of raised anew.
    """
    decision = reconcile(open_alerts, findings)
    anew = {(finding.kind, finding.subject) for finding in decision.raised}
    reasons = {
        alert.alert_id: ClearReason.WORSE if (alert.kind, alert.subject) in anew else why_ended(alert)
        for alert in decision.cleared
    }
    # First, so that what got worse can be raised in the place it leaves.
    work.tell("alert", await alerts.clear_all(work.connection, principal, reasons, now))
    raised = await _raise(work, decision.raised, now, measures) if decision.raised else ()
    work.tell("alert", await alerts.change_all(work.connection, principal, decision.changed, now))
    for finding in raised:
        measures.alerts_raised.labels(finding.kind).inc()
    for alert in decision.cleared:
        measures.alerts_cleared.labels(alert.kind, reasons[alert.alert_id]).inc()


async def _raise(
    work: UnitOfWork, findings: Collection[Finding], now: datetime, measures: WatchMeasures
) -> list[Finding]:
    """Open alerts, old ones again where they ended just now; returns the findings that made new ones."""
    in_force = await rules.in_force(work.connection)
    cooldown = timedelta(minutes=in_force.alerts.cooldown_min)
    again = await alerts.reopen(work.connection, findings, now, cooldown)
    new = [finding for finding in findings if (finding.kind, finding.subject) not in again]
    fresh = timedelta(minutes=in_force.escalation_fresh_min)
    work.tell("alert", again.values())
    work.tell("alert", await alerts.raise_all(work.connection, new, now, fresh))
    for kind, _subject in again:
        measures.alerts_reopened.labels(kind).inc()
    return new


async def warn_customers(work: UnitOfWork, endangered: Iterable[Endangered], now: datetime) -> None:
    """Tell customers, once for each promise, that it is endangered or was missed."""
    news = {one.order_id: News("new_window", one.since, one.promised_at.isoformat()) for one in endangered}
    await notices.tell(work.connection, news, now)


async def count_open(work: UnitOfWork, principal: Principal, measures: WatchMeasures) -> None:
    """Show how many alerts of each kind are open."""
    for kind, count in (await alerts.count_open(work.connection, principal)).items():
        measures.alerts_open.labels(AlertKind(kind)).set(count)
