"""Requests one after the other on a few kept-open connections, in a process of its own.

`python -m bench.api.asking PORT CONNECTIONS SECONDS PATH…` writes answers a second, and how many in all.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator


class _Asker(asyncio.Protocol):
    """Asks again as soon as it is answered."""

    def __init__(self, paths: Iterator[str], counts: list[int]) -> None:
        self._paths = paths
        self._counts = counts
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        request = f"GET {next(self._paths)} HTTP/1.1\r\nHost: bench\r\n\r\n"
        self._transport.write(request.encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(f"the API answered {head[:200]!r}")
        self._counts[0] += 1
        self._buffer = b""
        self._ask()


async def ask(port: int, connections: int, seconds: float, paths: list[str]) -> tuple[float, int]:
    """Answers a second after half a second of warming up, and how many there were in all."""
    counts = [0]
    cycle = itertools.cycle(paths)
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: _Asker(cycle, counts), "127.0.0.1", port)
    await asyncio.sleep(0.5)
    before, began_s = counts[0], time.perf_counter()
    await asyncio.sleep(seconds)
    return (counts[0] - before) / (time.perf_counter() - began_s), counts[0]


if __name__ == "__main__":
    given = sys.argv[1:]
    asked = asyncio.run(ask(int(given[0]), int(given[1]), float(given[2]), given[3:]))
    sys.stdout.write(json.dumps(asked) + "\n")
