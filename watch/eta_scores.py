"""Chore: show how the estimates that were told turned out, and say when they have got worse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.access import Principal
from domain.alerts import AlertKind, ClearReason, Finding, Severity
from domain.estimates import DriftRule, HorizonScore, ScoredEstimate, drift, score
from store import alerts, learning
from store.pool import Connection
from store.unit_of_work import unit_of_work
from watch.alerting import settle
from watch.measures import WatchMeasures

RECENT = timedelta(days=1)
BEFORE = timedelta(days=14)


async def run(
    connection: Connection, principal: Principal, now: datetime, rule: DriftRule, measures: WatchMeasures
) -> None:
    """Score the last day's arrivals beside those of two weeks before; one alert for each depot where they are
    worse.
    """
    recent_estimates = await learning.scored(connection, principal, now - RECENT, now)
    earlier_estimates = await learning.scored(connection, principal, now - BEFORE, now - RECENT)
    recent = score(recent_estimates)
    if recent is not None:
        for horizon, scored in {"all": recent.overall, **recent.by_horizon}.items():
            _show(horizon, scored, measures)
    findings = drift_findings(recent_estimates, earlier_estimates, now, rule)
    measures.eta_has_drifted.set(1 if findings else 0)
    async with unit_of_work(connection) as work:
        open_alerts = await alerts.open_of_kind(connection, principal, AlertKind.ETA_DRIFT)
        await settle(work, principal, open_alerts, findings, lambda _: ClearReason.OVER, now, measures)


def drift_findings(
    recent: Sequence[ScoredEstimate], earlier: Sequence[ScoredEstimate], now: datetime, rule: DriftRule
) -> list[Finding]:
    """The depots whose estimates have got worse: whoever plans by them should know."""
    findings = []
    for depot_id in sorted({estimate.depot_id for estimate in recent}):
        worse = drift(score(_of_depot(recent, depot_id)), score(_of_depot(earlier, depot_id)), rule)
        if worse is not None:
            findings.append(
                Finding(
                    kind=AlertKind.ETA_DRIFT,
                    subject=f"depot:{depot_id}",
                    depot_id=depot_id,
                    vehicle_id=None,
                    order_ids=(),
                    severity=Severity.WARNING,
                    since=now,
                    detail={"what": worse},
                )
            )
    return findings


def _of_depot(estimates: Sequence[ScoredEstimate], depot_id: int) -> list[ScoredEstimate]:
    return [estimate for estimate in estimates if estimate.depot_id == depot_id]


def _show(horizon: str, scored: HorizonScore, measures: WatchMeasures) -> None:
    measures.eta_error_s.labels(horizon).set(scored.mae_s)
    measures.eta_coverage.labels(horizon, "0.5").set(scored.coverage_p50)
    measures.eta_coverage.labels(horizon, "0.9").set(scored.coverage_p90)
    measures.eta_scored.labels(horizon).set(scored.estimates)
