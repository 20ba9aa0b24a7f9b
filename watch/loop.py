"""The one flow of this process: hear of changes, run what is due, one transaction for each duty."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import datetime

import structlog

from store import changes
from store.border import translated
from store.errors import StoreError, Unavailable
from store.locks import take_watch_lock
from store.pool import Connection, open_connection
from store.unit_of_work import unit_of_work
from watch.measures import WatchMeasures
from watch.schedule import Duty, Heard, Schedule

Clock = Callable[[], datetime]

POLL_S = 1.0
STAND_BY_S = 3.0
_log = structlog.stdlib.get_logger(__name__)


async def keep_watch(
    database_url: str, duties: Sequence[Duty], clock: Clock, measures: WatchMeasures
) -> None:
    """Do the duties until cancelled, as the only watch on this database; others stand by.

    A lost connection is opened again; whatever happened meanwhile is seen by the first look at everything.
    """
    while True:
        try:
            connection = await _take_over(database_url)
            try:
                measures.is_working.set(1)
                await _watch(database_url, connection, Schedule(duties), clock, measures)
            finally:
                measures.is_working.set(0)
                connection.terminate()
        except Unavailable as exc:
            _log.warning("database away, trying again", reason=str(exc), retry_s=STAND_BY_S)
            await asyncio.sleep(STAND_BY_S)


async def _take_over(database_url: str) -> Connection:
    """A connection that holds the lock of the one watch; waits for as long as another has it."""
    connection = await open_connection(database_url)
    try:
        with translated():
            if not await take_watch_lock(connection):
                _log.info("another watch is at work, standing by")
                # Waiting inside the database would hold back its vacuum for as long as the other lives.
                while not await take_watch_lock(connection):  # noqa: ASYNC110
                    await asyncio.sleep(STAND_BY_S)
    except BaseException:
        connection.terminate()
        raise
    _log.info("watching")
    return connection


async def _watch(
    database_url: str, connection: Connection, schedule: Schedule, clock: Clock, measures: WatchMeasures
) -> None:
    async with aclosing(changes.follow(database_url, None, poll_s=POLL_S)) as news:
        async for batch in news:
            schedule.note(batch)
            for duty, heard in schedule.take_due(clock()):
                await _perform(connection, duty, heard, clock(), measures)


async def _perform(
    connection: Connection, duty: Duty, heard: Heard | None, now: datetime, measures: WatchMeasures
) -> None:
    """Run one duty; what goes wrong in it is logged and left to its next turn. Raises when cut off."""
    try:
        with measures.duty_time.labels(duty.name).time(), translated():
            async with unit_of_work(connection) as work:
                await duty.run(work, now, heard)
    except StoreError as exc:
        measures.duty_failures.labels(duty.name).inc()
        if connection.is_closed():
            raise
        _log.warning("duty put off to its next turn", duty=duty.name, reason=str(exc))
    except Exception:
        # A mistake in one duty must not end the others; it shows in the log and in the count.
        measures.duty_failures.labels(duty.name).inc()
        _log.exception("duty failed", duty=duty.name)
