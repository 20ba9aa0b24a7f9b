"""What goes wrong between a device and the server: each fault is one small class over a stream of messages.

A fault sees every message of a run in the order they were made and answers with the messages to send in its
place. To add one: write the class, and name it in `FAULTS`.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from simulators.damage import DAMAGE
from simulators.device_faults import Drift, Jitter, Tunnel, WrongClock
from simulators.messages import Message

_RESENT = 10


class Fault(Protocol):
    """A named fault with the probability that it befalls a message."""

    def apply(self, message: Message, rng: random.Random) -> list[Message]:
        """Answer with what is sent in place of the message."""
        ...


@dataclass(frozen=True, slots=True)
class Late:
    """Held up on the network for 5 to 60 seconds; later messages overtake it."""

    probability: float

    def apply(self, message: Message, rng: random.Random) -> list[Message]:
        """Delay the message."""
        if rng.random() >= self.probability:
            return [message]
        return [replace(message, send_at_s=message.send_at_s + rng.uniform(5, 60)).with_fault("late")]


@dataclass(slots=True)
class OutOfOrder:
    """Overtaken by the next message of the same device and topic."""

    probability: float
    _held: dict[tuple[str, str], Message] = field(default_factory=dict)

    def apply(self, message: Message, rng: random.Random) -> list[Message]:
        """Hold the message back until the next one has gone."""
        stream = (message.device, message.kind)
        held = self._held.pop(stream, None)
        if held is not None:
            after_s = max(message.send_at_s, held.send_at_s) + 0.001
            return [message, replace(held, send_at_s=after_s).with_fault("out-of-order")]
        if message.in_array or rng.random() >= self.probability:
            return [message]
        self._held[stream] = message
        return []


@dataclass(slots=True)
class Gap:
    """Never sent: its number is missing."""

    probability: float

    def apply(self, message: Message, rng: random.Random) -> list[Message]:
        """Lose the message."""
        if message.in_array or rng.random() >= self.probability:
            return [message]
        return [replace(message, lost=True).with_fault("gap")]


@dataclass(slots=True)
class Resend:
    """A broken connection: the device does not know that its last messages arrived, and sends them again."""

    probability: float
    _last: dict[str, deque[Message]] = field(default_factory=dict)

    def apply(self, message: Message, rng: random.Random) -> list[Message]:
        """Send the device's last messages again after this one."""
        last = self._last.setdefault(message.device, deque(maxlen=_RESENT))
        if message.fates.keys() == {"stored"}:
            last.append(message)
        if rng.random() >= self.probability:
            return [message]
        return [message, *(_again(each, message.send_at_s + 0.5, "resend") for each in last)]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Sent again within 20 seconds, as by a device that missed the acknowledgement."""

    probability: float

    def apply(self, message: Message, rng: random.Random) -> list[Message]:
        """Add a second copy; what was to be stored is a duplicate then."""
        if message.fates.keys() != {"stored"} or rng.random() >= self.probability:
            return [message]
        return [message, _again(message, message.send_at_s + rng.uniform(0.1, 20), "duplicate")]


@dataclass(frozen=True, slots=True)
class Malformed:
    """A spoilt payload beside the good one: any of those in simulators/damage.py."""

    probability: float

    def apply(self, message: Message, rng: random.Random) -> list[Message]:
        """Add the spoilt payload after the message."""
        choices = DAMAGE.get(message.kind)
        if choices is None or message.in_array or rng.random() >= self.probability:
            return [message]
        damage = rng.choice(choices)
        spoilt = replace(
            message,
            raw=damage.spoil(message.items[0], rng),
            fates={damage.fate: 1},
            faults=("malformed",),
        )
        return [message, spoilt]


def _again(message: Message, send_at_s: float, fault: str) -> Message:
    """A second copy: what was to be stored is a duplicate then."""
    return replace(
        message, send_at_s=send_at_s, fates={"duplicate": message.fates["stored"]}, faults=(fault,)
    )


# In the order they befall a message: first its content, then its way.
FAULTS: Mapping[str, Callable[[float], Fault]] = {
    "jitter": Jitter,
    "drift": Drift,
    "wrong-clock": WrongClock,
    "gap": Gap,
    "tunnel": Tunnel,
    "out-of-order": OutOfOrder,
    "late": Late,
    "duplicate": Duplicate,
    "resend": Resend,
    "malformed": Malformed,
}
DEFAULT_PROBABILITIES: Mapping[str, float] = {"late": 0.03, "duplicate": 0.03, "malformed": 0.05}


def chosen_faults(probabilities: Mapping[str, float]) -> list[Fault]:
    """Make the faults named, in the order of `FAULTS`; a probability is from 0 to 1."""
    unknown = probabilities.keys() - FAULTS.keys()
    if unknown:
        raise ValueError(f"no fault is called {sorted(unknown)[0]!r}; there are {', '.join(FAULTS)}")
    wrong = [name for name, probability in probabilities.items() if not 0 <= probability <= 1]
    if wrong:
        raise ValueError(f"the probability of {wrong[0]!r} must be from 0 to 1")
    return [FAULTS[name](probabilities[name]) for name in FAULTS if probabilities.get(name)]


def befall(message: Message, faults: Iterable[Fault], rng: random.Random) -> list[Message]:
    """Pass a message through each fault in turn."""
    sent = [message]
    for fault in faults:
        sent = [outcome for each in sent for outcome in ([each] if each.lost else fault.apply(each, rng))]
    return sent
