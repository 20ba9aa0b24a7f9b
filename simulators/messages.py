"""From facts to MQTT messages: `ts` and `seq` stamped, stored-up facts packed into arrays, encoded."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from simulators.timeline import Fact

TOPIC_PREFIX = "zaitu/v1"
_BACKLOG_ITEMS = 100


class Encoding(StrEnum):
    """How a device writes its payloads."""

    JSON = "json"
    MSGPACK = "msgpack"


Item = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Message:
    """One payload on its way: the items it carries, or the raw bytes that take their place.

    `send_at_s` counts from the beginning of the run. `fates` is what the server must make of it, in the words
    of docs/wire-format.md section 9: stored, duplicate, quarantined, or a reason to reject. `lost`: it is
    never sent. `faults` are those that befell it.
    """

    send_at_s: float
    device: str
    kind: str
    items: tuple[Item, ...]
    in_array: bool
    encoding: Encoding
    fates: Mapping[str, int]
    raw: bytes | None = None
    faults: tuple[str, ...] = ()
    lost: bool = False

    def with_fault(self, name: str) -> Message:
        """The message, marked as befallen by a fault."""
        return replace(self, faults=(*self.faults, name))

    @property
    def topic(self) -> str:
        """The topic it is published on."""
        return f"{TOPIC_PREFIX}/{self.device}/{self.kind}"

    def payload(self) -> bytes:
        """The bytes to publish."""
        if self.raw is not None:
            return self.raw
        return encode(list(self.items) if self.in_array else self.items[0], self.encoding)


def encode(body: object, encoding: Encoding) -> bytes:
    """Write a payload as JSON or MessagePack."""
    return msgspec.msgpack.encode(body) if encoding is Encoding.MSGPACK else msgspec.json.encode(body)


class Stamper:
    """Gives each fact its `ts` and its `seq`; numbers run on for as long as the stamper lives."""

    def __init__(self, began_at_s: float) -> None:
        self._began_at_s = began_at_s
        self._next: Counter[tuple[str, str]] = Counter()

    def item(self, fact: Fact) -> Item:
        """Write one fact as docs/wire-format.md has it."""
        key = (fact.device, fact.topic)
        seq = self._next[key]
        self._next[key] = seq + 1
        return {"ts": round((self._began_at_s + fact.at_s) * 1000), "seq": seq, **fact.fields}


def single(fact: Fact, stamper: Stamper, encoding: Encoding) -> Message:
    """Send one fact at its own time."""
    items = (stamper.item(fact),)
    return Message(fact.at_s, fact.device, fact.topic, items, False, encoding, {"stored": 1})


def backlog(
    facts: Iterable[Fact], send_at_s: float, stamper: Stamper, encoding_of: Callable[[str], Encoding]
) -> list[Message]:
    """Send stored-up facts all at once: arrays of up to 100, by device and topic."""
    stored: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for fact in facts:
        stored[fact.device, fact.topic].append(stamper.item(fact))
    messages = []
    for (device, kind), items in stored.items():
        for start in range(0, len(items), _BACKLOG_ITEMS):
            part = tuple(items[start : start + _BACKLOG_ITEMS])
            fates = {"stored": len(part)}
            messages.append(Message(send_at_s, device, kind, part, True, encoding_of(device), fates))
    return messages
