"""What goes wrong in a device itself: its receiver, its clock, its connection."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from simulators.messages import Item, Message

METRES_PER_DEGREE = 111_195.0
_HOUR_MS = 3_600_000
_YEAR_2099_MS = 4_070_908_800_000
_TUNNEL_ITEMS = 100

# Times that no server should believe, made of the right ones.
_CLOCKS: Mapping[str, Callable[[int], int]] = {
    "local time as UTC": lambda ts: ts + 8 * _HOUR_MS,
    "never set": lambda ts: ts % (24 * _HOUR_MS),
    "far ahead": lambda ts: _YEAR_2099_MS + ts % (24 * _HOUR_MS),
}


@dataclass(slots=True)
class Jitter:
    """A receiver that sees few satellites: the fix lies up to 80 m off, and says so."""

    probability: float

    def apply(self, message: Message, rng: random.Random) -> list[Message]:
        """Throw the fix about."""
        if not _is_fix(message) or rng.random() >= self.probability:
            return [message]
        angle, off_m = rng.uniform(0, math.tau), rng.uniform(20, 80)
        return [_moved(message, off_m * math.cos(angle), off_m * math.sin(angle), off_m, "jitter")]


@dataclass(slots=True)
class Drift:
    """A receiver that loses its lock: for some fixes the position wanders off, then comes back at once."""

    probability: float
    fixes: int = 15
    step_m: float = 8.0
    _wandering: dict[str, tuple[float, int]] = field(default_factory=dict)

    def apply(self, message: Message, rng: random.Random) -> list[Message]:
        """Let the position wander a step further, or begin to."""
        if not _is_fix(message):
            return [message]
        if message.device not in self._wandering:
            if rng.random() >= self.probability:
                return [message]
            self._wandering[message.device] = (rng.uniform(0, math.tau), 0)
        angle, step = self._wandering[message.device]
        off_m = self.step_m * (step + 1)
        if step + 1 < self.fixes:
            self._wandering[message.device] = (angle, step + 1)
        else:
            del self._wandering[message.device]
        return [_moved(message, off_m * math.cos(angle), off_m * math.sin(angle), off_m, "drift")]


@dataclass(slots=True)
class WrongClock:
    """A clock that is wrong for the next messages of its device, so that the server sets them apart."""

    probability: float
    messages: int = 10
    _wrong: dict[str, tuple[str, int]] = field(default_factory=dict)

    def apply(self, message: Message, rng: random.Random) -> list[Message]:
        """Spoil the times of a device's message while its clock is wrong."""
        if message.in_array:
            return [message]
        if message.device not in self._wrong:
            if rng.random() >= self.probability:
                return [message]
            self._wrong[message.device] = (rng.choice(sorted(_CLOCKS)), self.messages)
        clock, left = self._wrong[message.device]
        if left > 1:
            self._wrong[message.device] = (clock, left - 1)
        else:
            del self._wrong[message.device]
        items = tuple(_at_clock(item, _CLOCKS[clock]) for item in message.items)
        wrong = replace(message, items=items, fates={"quarantined": sum(message.fates.values())})
        return [wrong.with_fault("wrong-clock")]


@dataclass(slots=True)
class Tunnel:
    """No network for 20 to 90 seconds: the device stores its facts, and sends them in arrays afterwards."""

    probability: float
    _inside: dict[str, tuple[float, list[Message]]] = field(default_factory=dict)

    def apply(self, message: Message, rng: random.Random) -> list[Message]:
        """Keep the message while its device is in a tunnel; at the first one outside, send what was kept."""
        if message.in_array:
            return [message]
        if message.device in self._inside:
            out_at_s, kept = self._inside[message.device]
            if message.send_at_s < out_at_s:
                kept.append(message)
                return []
            del self._inside[message.device]
            return [*_stored(kept, message.send_at_s), message]
        if rng.random() >= self.probability:
            return [message]
        self._inside[message.device] = (message.send_at_s + rng.uniform(20, 90), [message])
        return []


def _is_fix(message: Message) -> bool:
    return message.kind == "gps" and not message.in_array


def _moved(message: Message, east_m: float, north_m: float, off_m: float, fault: str) -> Message:
    item = dict(message.items[0])
    lat, lon = item["lat"], item["lon"]
    assert isinstance(lat, float)
    assert isinstance(lon, float)
    item["lat"] = round(lat + north_m / METRES_PER_DEGREE, 6)
    item["lon"] = round(lon + east_m / (METRES_PER_DEGREE * math.cos(math.radians(lat))), 6)
    item["accuracy_m"] = round(off_m, 1)
    return replace(message, items=(item,)).with_fault(fault)


def _at_clock(item: Item, clock: Callable[[int], int]) -> Item:
    ts = item["ts"]
    assert isinstance(ts, int)
    return {**item, "ts": clock(ts)}


def _stored(kept: list[Message], send_at_s: float) -> list[Message]:
    """What a device kept, oldest first, in arrays by topic."""
    by_kind: dict[str, list[Message]] = defaultdict(list)
    for message in kept:
        by_kind[message.kind].append(message)
    arrays = []
    for messages in by_kind.values():
        for start in range(0, len(messages), _TUNNEL_ITEMS):
            part = messages[start : start + _TUNNEL_ITEMS]
            fates: Counter[str] = Counter()
            for message in part:
                fates.update(message.fates)
            arrays.append(
                replace(
                    part[0],
                    send_at_s=send_at_s,
                    items=tuple(message.items[0] for message in part),
                    in_array=True,
                    fates=dict(fates),
                    faults=(*(fault for message in part for fault in message.faults), "tunnel"),
                )
            )
    return arrays
