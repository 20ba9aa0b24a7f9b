"""Duty: find what goes wrong on the road: off route, standing, forbidden, too warm, scanned elsewhere."""

from __future__ import annotations

from datetime import datetime

from domain.access import Principal
from domain.alerts import AlertKind, ClearReason
from domain.road_alerts import road_findings
from store import alerts, road_alerts, rules
from store.unit_of_work import UnitOfWork
from watch.alerting import settle
from watch.measures import WatchMeasures

_LOOKS = {
    AlertKind.OFF_ROUTE: road_alerts.off_route,
    AlertKind.LONG_STOP: road_alerts.long_stops,
    AlertKind.RESTRICTED_AREA: road_alerts.restricted,
    AlertKind.TEMPERATURE: road_alerts.temperature,
    AlertKind.SCAN_MISMATCH: road_alerts.mismatched_scans,
}


async def run(work: UnitOfWork, principal: Principal, now: datetime, measures: WatchMeasures) -> None:
    """Look for each kind of trouble: one alert for each vehicle it concerns.

    A passage through a restricted area that was over before anybody heard of it is recorded as over.
    """
    limits = (await rules.in_force(work.connection)).alerts
    for kind, look in _LOOKS.items():
        troubles = await look(work.connection, principal, limits, now)
        open_alerts = await alerts.open_of_kind(work.connection, principal, kind)
        findings = road_findings(troubles)
        await settle(work, principal, open_alerts, findings, lambda _: ClearReason.OVER, now, measures)
    passages = await road_alerts.past_passages(work.connection, principal, now)
    past = [
        (finding, trouble.over_at)
        for finding, trouble in zip(road_findings(passages), passages, strict=True)
        if trouble.over_at is not None
    ]
    work.tell("alert", await alerts.record_past(work.connection, past, now))
