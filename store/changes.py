"""The `change` table: how committed work reaches the other processes, without loss or fast polling."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from store.border import translated
from store.errors import Unavailable
from store.pool import Connection, open_connection
from store.queries import load

ChangeKind = Literal[
    "position",
    "crossing",
    "order",
    "plan",
    "eta",
    "alert",
    "geofence",
    "trip",
    "assignment",
    "device",
    "vehicle",
    "clock",
    "rejected",
    "rules",
]
CHANNEL = "zaitu_change"
ANSWER_WITHIN_S = 20.0
"""A server that has vanished without a word ends no connection: reading a change that long has lost it."""

_queries = load("changes")
_CURSOR_FORM = re.compile(r"\d{1,19}-\d{1,19}")


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in the change stream; its text form is the SSE `Last-Event-ID`."""

    xid: int
    change_id: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.change_id}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read the text form; ValueError on anything else."""
        if not _CURSOR_FORM.fullmatch(text):
            raise ValueError(f"not a change cursor: {text[:60]!r} (expected '<number>-<number>')")
        xid, change_id = text.split("-")
        return cls(int(xid), int(change_id))


@dataclass(frozen=True, slots=True)
class Change:
    """Things of one kind, by internal id, that a committed transaction touched."""

    cursor: Cursor
    kind: ChangeKind
    ids: tuple[int, ...]
    at: datetime


async def append(connection: Connection, heard_of: Mapping[str, Iterable[int]]) -> None:
    """Write one change row per kind and send the nudge; part of the caller's transaction."""
    if not heard_of:
        return
    for kind, ids in sorted(heard_of.items()):
        await _queries.append(connection, kind=kind, ids=sorted(ids))
    await _queries.nudge(connection)


async def read_after(connection: Connection, cursor: Cursor, limit: int = 1000) -> list[Change]:
    """Changes after the cursor whose transactions, and all older ones, have ended; at most `limit`."""
    rows = _queries.read_after(connection, xid=cursor.xid, change_id=cursor.change_id, limit_rows=limit)
    return [
        Change(Cursor(row["xid"], row["change_id"]), row["kind"], tuple(row["ids"]), row["at"])
        async for row in rows
    ]


async def committed_after(connection: Connection, cursor: Cursor) -> list[tuple[ChangeKind, tuple[int, ...]]]:
    """Kinds and ids of all changes after the cursor that are committed, whether or not they can be read yet.

    What is read from other tables may show these already, and a reader will still be told of them.
    """
    rows = _queries.committed_after(connection, xid=cursor.xid, change_id=cursor.change_id)
    return [(row["kind"], tuple(row["ids"])) async for row in rows]


async def newest_cursor(connection: Connection) -> Cursor:
    """The end of the stream: a reader starting here gets only what is yet to come."""
    row = await _queries.newest_cursor(connection)
    return Cursor(row["xid"], row["change_id"])


async def ingest_cursor(connection: Connection) -> Cursor | None:
    """Up to where ingest has worked changes into the fold; None before its first start."""
    row = await _queries.ingest_cursor(connection)
    return None if row is None else Cursor(row["xid"], row["change_id"])


async def advance_ingest_cursor(connection: Connection, cursor: Cursor) -> None:
    """Say that all changes up to `cursor` are worked into the fold."""
    await _queries.advance_ingest_cursor(connection, xid=cursor.xid, change_id=cursor.change_id)


async def is_kept(connection: Connection, cursor: Cursor) -> bool:
    """Whether everything after the cursor can still be read: nothing younger than it has been pruned."""
    return bool(await _queries.is_kept(connection, xid=cursor.xid, change_id=cursor.change_id))


async def oldest_writer_s(connection: Connection) -> float:
    """How many seconds the oldest transaction that writes has been holding readers back; 0 without any."""
    return float(await _queries.oldest_writer_s(connection))


async def prune(connection: Connection, before: datetime, *, limit: int) -> int:
    """Forget changes from before then that ingest has worked in, at most `limit`; returns how many."""
    return int(await _queries.prune(connection, before=before, limit_rows=limit))


async def follow(
    database_url: str, cursor: Cursor | None, *, poll_s: float
) -> AsyncGenerator[list[Change], None]:
    """Yield batches of changes after `cursor` (None: from now on), for ever.

    Listens on a connection of its own; a lost nudge costs at most `poll_s` seconds, and a lost connection
    is opened again and everything after the cursor is re-read. Yields an empty list after each poll without
    news, so that callers can do their periodic work.
    Raises Unavailable when the database cannot be reached at the first try.
    """
    connection, nudged = await _listen(database_url)
    try:
        with translated():
            position = cursor if cursor is not None else await newest_cursor(connection)
        while True:
            try:
                with translated():
                    batch = await read_after(connection, position)
            except Unavailable:
                connection, nudged = await _listen_again(connection, database_url, poll_s)
                continue
            if batch:
                position = batch[-1].cursor
            yield batch
            if not batch:
                await _wait(nudged, poll_s)
    finally:
        connection.terminate()


async def _listen(database_url: str) -> tuple[Connection, asyncio.Event]:
    connection = await open_connection(database_url, answer_within_s=ANSWER_WITHIN_S)
    nudged = asyncio.Event()
    with translated():
        await connection.add_listener(CHANNEL, lambda *_: nudged.set())
    # A cut LISTEN connection simply falls silent; its end must wake the reader.
    connection.add_termination_listener(lambda *_: nudged.set())
    return connection, nudged


async def _listen_again(
    broken: Connection, database_url: str, poll_s: float
) -> tuple[Connection, asyncio.Event]:
    broken.terminate()
    while True:
        try:
            return await _listen(database_url)
        except Unavailable:
            await asyncio.sleep(poll_s)


async def _wait(nudged: asyncio.Event, poll_s: float) -> None:
    try:
        await asyncio.wait_for(nudged.wait(), poll_s)
    except TimeoutError:
        return
    nudged.clear()
