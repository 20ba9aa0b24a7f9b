"""The one queue in front of the pipeline, and the rule for when what it holds becomes a batch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ingest.messages import Message


@dataclass(frozen=True, slots=True)
class BatchRules:
    """A batch closes at the first of: this many messages or bytes, or this age of its oldest message.

    `max_messages` must stay below the broker's inflight window, or a batch would wait for messages that the
    broker may not send before it is acknowledged; half the window is right.
    """

    max_messages: int = 10_000
    max_bytes: int = 8 * 1024 * 1024
    max_age_s: float = 0.05


class Inbox:
    """Messages waiting for the pipeline, in order of receipt."""

    def __init__(self, rules: BatchRules, clock_s: Callable[[], float]) -> None:
        self._rules = rules
        self._clock_s = clock_s
        self._waiting: deque[tuple[float, Message]] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """Payload bytes held."""
        return self._bytes

    def put(self, message: Message) -> None:
        """Append a message; never blocks."""
        self._waiting.append((self._clock_s(), message))
        self._bytes += len(message.payload)
        if len(self._waiting) == 1 or self._is_full():
            self._arrived.set()

    def empty(self) -> list[Message]:
        """Take everything out at once."""
        taken = [message for _, message in self._waiting]
        self._waiting.clear()
        self._bytes = 0
        return taken

    async def next_batch(self, idle_s: float) -> list[Message]:
        """The next batch once it is due; an empty list when nothing came for `idle_s` seconds."""
        if not self._waiting and not await self._wait(idle_s):
            return []
        while self._waiting and not self._is_full():
            remaining_s = self._waiting[0][0] + self._rules.max_age_s - self._clock_s()
            if remaining_s <= 0 or not await self._wait(remaining_s):
                break
        return self._take()

    def _is_full(self) -> bool:
        return len(self._waiting) >= self._rules.max_messages or self._bytes >= self._rules.max_bytes

    async def _wait(self, seconds: float) -> bool:
        self._arrived.clear()
        try:
            await asyncio.wait_for(self._arrived.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _take(self) -> list[Message]:
        batch: list[Message] = []
        taken_bytes = 0
        while self._waiting and len(batch) < self._rules.max_messages and taken_bytes < self._rules.max_bytes:
            _, message = self._waiting.popleft()
            taken_bytes += len(message.payload)
            batch.append(message)
        self._bytes -= taken_bytes
        return batch
