"""Chore: show how the estimates that were told turned out, and say when they have got worse."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from domain.access import Principal
from domain.estimates import DriftRule, HorizonScore, drift, score
from store import learning
from store.pool import Connection
from watch.measures import WatchMeasures

RECENT = timedelta(days=1)
BEFORE = timedelta(days=14)

_log = structlog.stdlib.get_logger(__name__)


async def run(
    connection: Connection, principal: Principal, now: datetime, rule: DriftRule, measures: WatchMeasures
) -> None:
    """Score the last day's arrivals beside those of two weeks before."""
    recent = score(await learning.scored(connection, principal, now - RECENT, now))
    before = score(await learning.scored(connection, principal, now - BEFORE, now - RECENT))
    if recent is not None:
        for horizon, scored in {"all": recent.overall, **recent.by_horizon}.items():
            _show(horizon, scored, measures)
    worse = drift(recent, before, rule)
    measures.eta_has_drifted.set(0 if worse is None else 1)
    if worse is not None:
        _log.warning("estimates have drifted", what=worse)


def _show(horizon: str, scored: HorizonScore, measures: WatchMeasures) -> None:
    measures.eta_error_s.labels(horizon).set(scored.mae_s)
    measures.eta_coverage.labels(horizon, "0.5").set(scored.coverage_p50)
    measures.eta_coverage.labels(horizon, "0.9").set(scored.coverage_p90)
    measures.eta_scored.labels(horizon).set(scored.estimates)
