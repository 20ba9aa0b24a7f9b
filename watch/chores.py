"""Heavy work, on a connection of its own and in many short transactions: duties never wait for it.

A transaction that writes holds back every reader of `change` until it ends, so none of a chore's may last:
each does one chunk, one trip, or a limited number of rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from store.errors import Unavailable
from store.locks import take_chores_lock
from store.pool import Connection
from watch import loop
from watch.loop import Clock, attempt, take_over
from watch.measures import WatchMeasures
from watch.schedule import passed

# What waits for a lock holds back readers, too.
SETTINGS = {"lock_timeout": "5s"}
_log = structlog.stdlib.get_logger(__name__)

RunChore = Callable[[Connection, datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Chore:
    """Something heavy to do every so often; `run` opens its own transactions on the connection it gets."""

    name: str
    run: RunChore
    every: timedelta


async def keep_doing(
    database_url: str, chores: Sequence[Chore], clock: Clock, measures: WatchMeasures
) -> None:
    """Do the chores until cancelled, one after the other, as the only one on this database to do them.

    A lost connection is opened again; what was not finished is taken up at the chore's next turn.
    """
    while True:
        try:
            connection = await take_over(database_url, take_chores_lock, "chores", SETTINGS)
            try:
                await _do(connection, chores, clock, measures)
            finally:
                connection.terminate()
        except Unavailable as exc:
            _log.warning("database away, trying again", reason=str(exc), retry_s=loop.STAND_BY_S)
            await asyncio.sleep(loop.STAND_BY_S)


async def _do(connection: Connection, chores: Sequence[Chore], clock: Clock, measures: WatchMeasures) -> None:
    done_at: dict[Chore, datetime] = {}
    while True:
        for chore in chores:
            now = clock()
            if chore not in done_at or passed(done_at[chore], now, chore.every):
                await attempt(chore.name, connection, measures, chore.run(connection, now))
                done_at[chore] = now
        await asyncio.sleep(loop.POLL_S)
