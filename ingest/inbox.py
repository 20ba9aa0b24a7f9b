"""The one queue in front of the pipeline, and the rule for when what it holds becomes a batch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ingest.messages import Message

MESSAGE_BYTES = 256
"""What a message takes besides its payload."""


@dataclass(frozen=True, slots=True)
class BatchRules:
    """A batch closes at the first of: this many messages or bytes, or this age of its oldest message.

    `max_messages` must stay below the broker's inflight window, or a batch would wait for messages that the
    broker may not send before it is acknowledged; half the window is right. Messages of `enough_bytes` may
    wait; sizes count MESSAGE_BYTES for each message.
    """

    max_messages: int = 20_000
    max_bytes: int = 8 * 1024 * 1024
    max_age_s: float = 0.05
    enough_bytes: int = 16 * 1024 * 1024


class Inbox:
    """Messages waiting for the pipeline, in order of receipt.

    It takes whatever is put into it; once it `has_enough`, the broker's side stops reading until `on_room`.
    `prepare` does what can be done before the batch: a message comes in while the database works on others.
    """

    def __init__(
        self, rules: BatchRules, clock_s: Callable[[], float], on_room: Callable[[], None] = lambda: None
    ) -> None:
        self._rules = rules
        self._clock_s = clock_s
        self.on_room = on_room
        self.prepare: Callable[[Message], None] | None = None
        self._waiting: deque[tuple[float, Message]] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """Bytes held, payloads and what goes with them."""
        return self._bytes

    @property
    def has_enough(self) -> bool:
        """Whether what waits makes several batches: more would only take memory."""
        return self._bytes >= self._rules.enough_bytes

    def put(self, message: Message) -> None:
        """Append a message, prepared if there is somebody to do that; never blocks."""
        if self.prepare is not None:
            self.prepare(message)
        self._waiting.append((self._clock_s(), message))
        self._bytes += len(message.payload) + MESSAGE_BYTES
        if len(self._waiting) == 1 or self._is_full():
            self._arrived.set()

    def empty(self) -> list[Message]:
        """Take everything out at once."""
        taken = [message for _, message in self._waiting]
        self._waiting.clear()
        self._take_off(self._bytes)
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
            taken_bytes += len(message.payload) + MESSAGE_BYTES
            batch.append(message)
        self._take_off(taken_bytes)
        return batch

    def _take_off(self, taken_bytes: int) -> None:
        had_enough = self.has_enough
        self._bytes -= taken_bytes
        if had_enough and not self.has_enough:
            self.on_room()
