"""A batch of messages on its way through the pipeline, and what became of each fact in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Generic, NamedTuple, TypeVar

from domain.crossings import Crossing
from domain.facts import Fix, Kind, Reading, Scan
from ingest.messages import Message, Outcome
from store.crossings import Progress
from store.facts import FactToQuarantine, PayloadToReject, StoredFix
from store.fleet import Device
from store.numbering import NumberingKey

F = TypeVar("F", Fix, Scan, Reading)


class Held(NamedTuple, Generic[F]):
    """A fact with the device it came from and the place of its message in the batch."""

    message: int
    device: Device
    fact: F

    @property
    def key(self) -> tuple[int, datetime, int]:
        """The identity of the fact."""
        return (self.device.device_id, self.fact.stamp.device_time, self.fact.stamp.content_hash)


class ReceivedRun(NamedTuple):
    """Facts with consecutive numbers that came from a device on one topic."""

    device: str
    kind: Kind
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ScanAnswer:
    """What a scanner is told about one of its scans, in the words of docs/wire-format.md section 10."""

    device: str
    scan_id: str
    result: str
    reason: str | None = None


@dataclass(slots=True)
class Batch:
    """Facts move from list to list as the steps run; `outcomes` has one entry a message.

    `received` are the numbers of all facts that came, whatever became of them; `refused_numbers` those,
    by device and kind, of items that cannot be used. `tracked` are the new fixes with the vehicle they
    speak for. `refold` are vehicles to fold again from a time on, whether or not the batch has facts of
    theirs. `moved_vehicles` were folded, the `rebuilt_vehicles` among them by a rebuild. `again`: the facts
    came before and were not usable then. `newcomers`: devices that are not registered, with what they sent.
    """

    messages: Sequence[Message]
    now: datetime
    refold: dict[int, datetime] = field(default_factory=dict)
    outcomes: list[Outcome] = field(init=False)
    fixes: list[Held[Fix]] = field(default_factory=list)
    tracked: list[tuple[int, Held[Fix]]] = field(default_factory=list)
    scans: list[Held[Scan]] = field(default_factory=list)
    readings: list[Held[Reading]] = field(default_factory=list)
    quarantined: list[FactToQuarantine] = field(default_factory=list)
    rejected: list[PayloadToReject] = field(default_factory=list)
    received: list[ReceivedRun] = field(default_factory=list)
    refused_numbers: list[tuple[NumberingKey, int]] = field(default_factory=list)
    newcomers: set[tuple[str, str]] = field(default_factory=set)
    newly_missing: int = 0
    again: bool = False
    scans_received: list[Held[Scan]] = field(default_factory=list)
    answers: list[ScanAnswer] = field(default_factory=list)
    crossings: list[Crossing] = field(default_factory=list)
    superseded: list[Crossing] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    moved_vehicles: set[int] = field(default_factory=set)
    rebuilt_vehicles: Collection[int] = ()
    folded_fixes: int = 0
    refolded_fixes: int = 0
    refused_fixes: list[tuple[str, StoredFix]] = field(default_factory=list)
    milestones: int = 0

    _digests: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.outcomes = [Outcome() for _ in self.messages]

    def digest(self, place: int) -> bytes:
        """SHA-256 of a message's payload, worked out once however many of its items are rejected."""
        if place not in self._digests:
            self._digests[place] = sha256(self.messages[place].payload).digest()
        return self._digests[place]

    @property
    def duplicates(self) -> int:
        """Facts that were stored already."""
        return sum(outcome.duplicates for outcome in self.outcomes)
