"""Reads server-sent events in tests."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx

WITHIN_S = 60.0


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    name: str
    id: str | None
    data: Any


class EventReader:
    """Reads a stream event by event; heartbeats are passed over."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def next(self, name: str | None = None) -> Event:
        """The next event (of that name); fails when none comes in a minute or the stream ends."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                event = await self._one()
                if name in (None, event.name):
                    return event

    async def heartbeat(self) -> None:
        """Read on to the next heartbeat; fails when none comes in a minute or the stream ends."""
        async with asyncio.timeout(WITHIN_S):
            async for line in self._lines:
                if line.startswith(":"):
                    return
        raise AssertionError("the stream ended")

    async def ended(self) -> bool:
        """Whether the stream ends within a minute."""
        async with asyncio.timeout(WITHIN_S):
            async for _ in self._lines:
                pass
        return True

    async def _one(self) -> Event:
        fields: dict[str, str] = {}
        async for line in self._lines:
            key, _, value = line.partition(": ")
            if line and key:
                fields[key] = value
            elif not line and "data" in fields:
                return Event(fields["event"], fields.get("id"), json.loads(fields["data"]))
        raise AssertionError("the stream ended")
