"""Many customers' streams in one cheap process: raw sockets, and no parsing beyond two marks.

`python -m bench.api.listeners PORT STREAMS` answers each line on standard input with a line of JSON: `begin`
forgets what was heard until now, `end` tells how long each event took, and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import time
from datetime import datetime

from bench.api.world import token_of

# As many as read views at the same time: more would only wait in the API, and be refused if that took long.
OPENING_AT_ONCE = 5
# A busy API answers 503 with Retry-After, and pages try again.
ATTEMPTS = 20
RETRY_S = 2.0
# The vehicle's fix is written with the time of its transaction.
_AT = re.compile(rb'"at":"([^"]+)"')


class _Listener(asyncio.Protocol):
    """One stream; what it was told of a newer fix is noted with how long that took."""

    def __init__(self, order: int, heard: list[float], opened: asyncio.Future[None]) -> None:
        self._order = order
        self._heard = heard
        self._opened = opened
        self._last = b""
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        request = f"GET /v1/track/{token_of(self._order)}/events HTTP/1.1\r\nHost: bench\r\n\r\n"
        assert isinstance(transport, asyncio.Transport)
        transport.write(request.encode())

    def data_received(self, data: bytes) -> None:
        now = time.time()
        self._buffer += data
        while (end := self._buffer.find(b"\n\n")) >= 0:
            event, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
            found = _AT.search(event)
            if found is None or found[1] == self._last:
                continue
            if self._opened.done():
                self._heard.append(now - datetime.fromisoformat(found[1].decode()).timestamp())
            else:
                self._opened.set_result(None)
            self._last = found[1]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._opened.done():
            self._opened.set_exception(ConnectionError(f"stream {self._order} was refused: {self._buffer!r}"))


async def listen(port: int, streams: int) -> None:
    """Open the streams, a few at a time, and answer on standard output."""
    loop = asyncio.get_running_loop()
    heard: list[float] = []
    gate = asyncio.Semaphore(OPENING_AT_ONCE)

    async def one(order: int) -> None:
        async with gate:
            for _ in range(ATTEMPTS - 1):
                with contextlib.suppress(ConnectionError):
                    return await attempt(order)
                await asyncio.sleep(RETRY_S)
            return await attempt(order)

    async def attempt(order: int) -> None:
        opened: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(lambda: _Listener(order, heard, opened), "127.0.0.1", port)
        await opened

    await asyncio.gather(*(one(order) for order in range(1, streams + 1)))
    _say({"opened": streams})
    while (line := await asyncio.to_thread(sys.stdin.readline)).strip() == "begin":
        heard.clear()
        _say({})
    if line.strip() == "end":
        _say({"took_s": heard})


def _say(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(listen(int(sys.argv[1]), int(sys.argv[2])))
