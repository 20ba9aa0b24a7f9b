"""Reads server-sent events in tests."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx

TEN_S = 10.0


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    name: str
    id: str | None
    data: Any


class EventReader:
    """Reads a stream event by event; heartbeats are passed over."""

    def __init__(self, response: httpx.Response) -> None:
        self.heartbeats = 0
        self._lines = response.aiter_lines()

    async def next(self, name: str | None = None) -> Event:
        """The next event (of that name); fails when none comes in ten seconds or the stream ends."""
        async with asyncio.timeout(TEN_S):
            while True:
                event = await self._one()
                if name in (None, event.name):
                    return event

    async def ended(self) -> bool:
        """Whether the stream ends within ten seconds."""
        async with asyncio.timeout(TEN_S):
            async for _ in self._lines:
                pass
        return True

    async def _one(self) -> Event:
        fields: dict[str, str] = {}
        async for line in self._lines:
            key, _, value = line.partition(": ")
            self.heartbeats += line.startswith(":")
            if line and key:
                fields[key] = value
            elif not line and "data" in fields:
                return Event(fields["event"], fields.get("id"), json.loads(fields["data"]))
        raise AssertionError("the stream ended")
