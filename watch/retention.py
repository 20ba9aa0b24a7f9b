"""Chores: forget what nobody will read again, and compress what nobody will change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from geo.pace import weight_at
from store import changes, enrolments, learning, retention
from store.pool import Connection
from store.unit_of_work import unit_of_work

AT_ONCE = 10_000
"""Rows a transaction deletes at most."""

LESSONS_KEPT = timedelta(days=9)
ETAS_KEPT = timedelta(days=60)
FAINTEST_M = 0.02
MOST_CELLS = 1_000_000

_log = structlog.stdlib.get_logger(__name__)

ForgetSome = Callable[[Connection, int], Awaitable[int]]
"""Deletes at most so many rows; returns how many went."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How long things are kept; facts inside the refold horizon stay whatever this says."""

    changes: timedelta
    rejected: timedelta
    facts: timedelta


async def run(connection: Connection, now: datetime, kept: Kept, *, at_once: int = AT_ONCE) -> None:
    """Delete what was kept long enough, `at_once` rows or one chunk a transaction; what went is logged."""
    gone = {
        what: await _forget_all(connection, forget_some, at_once)
        for what, forget_some in _what_goes(now, kept).items()
    }
    for hypertable in retention.HYPERTABLES:
        drop_oldest = partial(
            retention.drop_oldest_chunk, hypertable=hypertable, before=now - kept.facts, now=now
        )
        gone[f"{hypertable}_chunks"] = await _repeat(connection, drop_oldest)
    if any(gone.values()):
        _log.info("forgotten", **gone)


def _what_goes(now: datetime, kept: Kept) -> dict[str, ForgetSome]:
    faintest = FAINTEST_M * weight_at(now.timestamp())
    return {
        "changes": lambda work, limit: changes.prune(work, now - kept.changes, limit=limit),
        "rejected": lambda work, limit: retention.forget_rejected(work, now - kept.rejected, limit=limit),
        "enrolments": lambda work, limit: enrolments.forget(work, now - kept.rejected, limit=limit),
        "quarantined": lambda work, limit: retention.forget_quarantined(work, now - kept.facts, limit=limit),
        "checkpoints": lambda work, limit: retention.forget_checkpoints(work, now, limit=limit),
        "pace_lessons": lambda work, limit: learning.forget_lessons(work, now - LESSONS_KEPT, limit=limit),
        "pace_cells": lambda work, limit: learning.forget_cells(work, faintest, MOST_CELLS, limit=limit),
        "etas": lambda work, limit: learning.forget_etas(work, now - ETAS_KEPT, limit=limit),
    }


async def compress(connection: Connection, now: datetime) -> None:
    """Compress the chunks of facts beyond the refold horizon, where this edition can, one a transaction."""
    if not await retention.can_compress(connection):
        return
    async with unit_of_work(connection) as work:
        await retention.allow_compression(work.connection)
    compressed = await _repeat(connection, lambda work: retention.compress_oldest_chunk(work, now))
    if compressed:
        _log.info("compressed", chunks=compressed)


async def _forget_all(connection: Connection, forget_some: ForgetSome, at_once: int) -> int:
    total = 0
    while True:
        async with unit_of_work(connection) as work:
            gone = await forget_some(work.connection, at_once)
        total += gone
        if gone < at_once:
            return total


async def _repeat(connection: Connection, do_one: Callable[[Connection], Awaitable[bool]]) -> int:
    """Do something in a transaction of its own for as long as there is something to do; returns how often."""
    times = 0
    while True:
        async with unit_of_work(connection) as work:
            if not await do_one(work.connection):
                return times
        times += 1
