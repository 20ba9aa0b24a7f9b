"""The one flow of this process: hear of changes, run what is due, one transaction for each duty."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
from watch.schedule import Duty, Schedule, Turn

Clock = Callable[[], datetime]
TakeLock = Callable[[Connection], Awaitable[bool]]

POLL_S = 0.5
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
            connection = await take_over(database_url, take_watch_lock, "watch")
            try:
                measures.is_working.set(1)
                await _watch(database_url, connection, Schedule(duties), clock, measures)
            finally:
                measures.is_working.set(0)
                connection.terminate()
        except Unavailable as exc:
            _log.warning("database away, trying again", reason=str(exc), retry_s=STAND_BY_S)
            await asyncio.sleep(STAND_BY_S)


async def take_over(
    database_url: str, take_lock: TakeLock, role: str, settings: Mapping[str, str] | None = None
) -> Connection:
    """A connection, with these settings of the server, that holds a lock; waits while another has it.

    Raises Unavailable when the database cannot be reached.
    """
    connection = await open_connection(database_url, settings)
    try:
        with translated():
            if not await take_lock(connection):
                _log.info("another one is at work, standing by", role=role)
                # Waiting inside the database would hold back its vacuum for as long as the other lives.
                while not await take_lock(connection):  # noqa: ASYNC110
                    await asyncio.sleep(STAND_BY_S)
    except BaseException:
        connection.terminate()
        raise
    _log.info("at work", role=role)
    return connection


async def attempt(name: str, connection: Connection, measures: WatchMeasures, work: Awaitable[None]) -> bool:
    """Await work done on a connection; False when it failed, which is logged and counted.

    Raises Unavailable when the connection is gone.
    """
    try:
        with measures.duty_time.labels(name).time(), translated():
            await work
    except StoreError as exc:
        measures.duty_failures.labels(name).inc()
        if connection.is_closed():
            raise
        _log.warning("duty put off to its next turn", duty=name, reason=str(exc))
        return False
    except Exception:
        # A mistake in one duty must not end the others; it shows in the log and in the count.
        measures.duty_failures.labels(name).inc()
        _log.exception("duty failed", duty=name)
        return False
    return True


async def _watch(
    database_url: str, connection: Connection, schedule: Schedule, clock: Clock, measures: WatchMeasures
) -> None:
    async with aclosing(changes.follow(database_url, None, poll_s=POLL_S)) as news:
        async for batch in news:
            schedule.note(batch)
            for duty, turn in schedule.take_due(clock()):
                if not await attempt(duty.name, connection, measures, _run(duty, connection, clock(), turn)):
                    schedule.put_back(duty, turn)


async def _run(duty: Duty, connection: Connection, now: datetime, turn: Turn) -> None:
    async with unit_of_work(connection) as work:
        await duty.run(work, now, turn)
