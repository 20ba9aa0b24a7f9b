"""Duty: forget what nobody will read again, and compress what nobody will change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from store import changes, retention
from store.unit_of_work import UnitOfWork

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """How long things are kept; facts inside the refold horizon stay whatever this says."""

    changes: timedelta
    rejected: timedelta
    facts: timedelta


async def run(work: UnitOfWork, now: datetime, kept: Kept) -> None:
    """Delete what has been kept long enough; what went is logged."""
    gone = {
        "changes": await changes.prune(work.connection, now - kept.changes),
        "rejected": await retention.forget_rejected(work.connection, now - kept.rejected),
        "quarantined": await retention.forget_quarantined(work.connection, now - kept.facts),
        "checkpoints": await retention.forget_checkpoints(work.connection, now),
    }
    for hypertable in retention.HYPERTABLES:
        before = now - kept.facts
        gone[f"{hypertable}_chunks"] = await retention.drop_chunks(work.connection, hypertable, before, now)
    if any(gone.values()):
        _log.info("forgotten", **gone)


async def compress(work: UnitOfWork, now: datetime) -> None:
    """Compress one chunk of facts beyond the refold horizon, where this edition can."""
    if not await retention.can_compress(work.connection):
        return
    await retention.allow_compression(work.connection)
    if await retention.compress_oldest_chunk(work.connection, now):
        _log.info("chunk compressed")
