"""Duty: show how the outbox stands, so that a carrier that takes nothing is noticed."""

from __future__ import annotations

from datetime import datetime

from store import notices
from store.unit_of_work import UnitOfWork
from watch.measures import WatchMeasures


async def run(work: UnitOfWork, now: datetime, measures: WatchMeasures) -> None:
    """Set the gauges of notices waiting and given up."""
    found = await notices.standing(work.connection, now)
    measures.notices_waiting.set(found.waiting)
    measures.notices_longest_due_s.set(found.longest_due_s)
    measures.notices_given_up.set(found.given_up)
