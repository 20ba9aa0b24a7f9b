"""Whoever follows changes hears of them, also when the way to the database goes silent without an end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import pytest

from store import changes
from store.pool import open_connection
from store.unit_of_work import unit_of_work

WITHIN_S = 60.0


class Wire:
    """A way to the database that can be made to lose everything sent on its present connections."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._lost: list[asyncio.Event] = []

    def go_silent(self) -> None:
        for lost in self._lost:
            lost.set()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        lost = asyncio.Event()
        self._lost.append(lost)
        await asyncio.gather(_pass_on(reader, far_writer, lost), _pass_on(far_reader, writer, lost))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event) -> None:
    while data := await reader.read(65_536):
        if not lost.is_set():
            writer.write(data)
    writer.close()


@asynccontextmanager
async def wire_to(database_url: str) -> AsyncIterator[tuple[Wire, str]]:
    parts = urlsplit(database_url)
    assert parts.hostname is not None
    wire = Wire(parts.hostname, parts.port or 5432)
    server = await asyncio.start_server(wire.connect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    login = parts.netloc.rpartition("@")[0]
    try:
        yield wire, urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}"))
    finally:
        server.close()


async def test_changes_are_heard_of_after_the_connection_went_silent(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "ANSWER_WITHIN_S", 1.0)
    connection = await open_connection(database_url)
    async with wire_to(database_url) as (wire, url), asyncio.timeout(WITHIN_S):
        begin = await changes.newest_cursor(connection)
        async with aclosing(changes.follow(url, begin, poll_s=0.1)) as news:
            assert await anext(news) == []
            wire.go_silent()
            async with unit_of_work(connection) as work:
                work.tell("order", [7])
            heard = [change.ids async for change in _first(news)]
    assert heard == [(7,)]
    await connection.close()


async def _first(news: AsyncIterator[list[changes.Change]]) -> AsyncIterator[changes.Change]:
    """The changes of the first batch that has any."""
    async for batch in news:
        for change in batch:
            yield change
        if batch:
            return
