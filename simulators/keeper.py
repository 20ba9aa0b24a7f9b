"""Devices that keep facts until the server says they are committed (docs/wire-format.md, section 10)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from simulators.messages import Encoding, Item, Message

PATIENCE_S = 60.0
_ARRAY_ITEMS = 100

Stream = tuple[str, str]
"""A device's name and a topic of its."""


@dataclass(slots=True)
class _Kept:
    item: Item
    encoding: Encoding
    sent_at_s: float


class Keeper:
    """Facts sent and not yet known to be committed, by device and topic."""

    def __init__(self) -> None:
        self._kept: dict[Stream, dict[int, _Kept]] = defaultdict(dict)

    def __len__(self) -> int:
        return sum(len(facts) for facts in self._kept.values())

    def keep(self, message: Message, now_s: float) -> None:
        """Keep the facts of a message that is sent now; a spoilt payload holds none."""
        if message.raw is not None:
            return
        facts = self._kept[message.device, message.kind]
        for item in message.items:
            seq = item["seq"]
            assert isinstance(seq, int)
            facts[seq] = _Kept(item, message.encoding, now_s)

    def hear(self, topic: str, payload: bytes) -> None:
        """Let go of what a receipt covers; other messages to the device are not for its memory."""
        told = json.loads(payload)
        if told.get("type") != "receipt":
            return
        facts = self._kept[topic.split("/")[2], told["topic"]]
        for seq in [seq for seq in facts if told["from_seq"] <= seq <= told["seq"]]:
            del facts[seq]

    def due(self, now_s: float, *, reconnected: bool = False) -> list[Message]:
        """What to send again: facts without a receipt for a minute, or all after a reconnect; in arrays."""
        messages: list[Message] = []
        for (device, kind), facts in self._kept.items():
            waiting = [kept for kept in facts.values() if reconnected or now_s - kept.sent_at_s >= PATIENCE_S]
            messages.extend(_arrays(device, kind, waiting, now_s))
            for kept in waiting:
                kept.sent_at_s = now_s
        return messages


def _arrays(device: str, kind: str, waiting: list[_Kept], now_s: float) -> Iterable[Message]:
    for start in range(0, len(waiting), _ARRAY_ITEMS):
        part = waiting[start : start + _ARRAY_ITEMS]
        items = tuple(kept.item for kept in part)
        yield Message(now_s, device, kind, items, True, part[0].encoding, {})
