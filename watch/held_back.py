"""Duty: show how long readers of changes have been held back by a transaction that does not end."""

from __future__ import annotations

from store import changes
from store.unit_of_work import UnitOfWork
from watch.measures import WatchMeasures


async def run(work: UnitOfWork, measures: WatchMeasures) -> None:
    """Show the age of the oldest transaction that writes."""
    measures.oldest_writer_s.set(await changes.oldest_writer_s(work.connection))
