"""Duty: measure the promise that a milestone shows within 15 minutes, and say whose delay it was."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.access import Principal
from store.service_level import Quantiles, measure
from store.unit_of_work import UnitOfWork
from watch.measures import WatchMeasures

WINDOW = timedelta(hours=1)


async def run(work: UnitOfWork, principal: Principal, now: datetime, measures: WatchMeasures) -> None:
    """Show the lag of the last hour's milestones; without any the last figures stay, with a count of 0."""
    level = await measure(work.connection, principal, now - WINDOW, now)
    measures.milestones_counted.set(level.milestones if level else 0)
    if level is None:
        return
    measures.milestones_in_time.set(level.in_time / level.milestones)
    _show(level.lag, measures, "all")
    _show(level.device, measures, "device")
    _show(level.network, measures, "network")
    _show(level.ours, measures, "ours")


def _show(quantiles: Quantiles, measures: WatchMeasures, part: str) -> None:
    measures.milestone_lag.labels(part, "0.5").set(quantiles.p50_s)
    measures.milestone_lag.labels(part, "0.99").set(quantiles.p99_s)
