"""A message as it came in, before anything is believed about it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from domain.facts import Kind
from ingest.formats.zaitu import Decoded
from store.fleet import Device

TOPIC_FORM = re.compile(r"zaitu/v1/([A-Za-z0-9_-]{1,64})/(gps|scan|telemetry|status|cmd/ack)")
TOPIC_FILTER = "zaitu/v1/#"
DOWNLINK_FORM = re.compile(r"zaitu/v1/[^/]+/cmd")


class BrokerReceipt(NamedTuple):
    """What an acknowledgement needs: the packet id, and the connection it came over."""

    packet_id: int
    generation: int


@dataclass(slots=True)
class Outcome:
    """What became of one message's facts, counted by end."""

    stored: int = 0
    duplicates: int = 0
    quarantined: int = 0
    rejections: list[tuple[int, str, str]] | None = None

    def reject(self, item: int, reason: str, detail: str) -> None:
        """Note a rejection: the place in the array (-1: the whole payload), the reason code, a sentence."""
        self.rejections = [*(self.rejections or ()), (item, reason, detail)]


@dataclass(slots=True, eq=False)
class Message:
    """One payload with its topic and time of receipt.

    Exactly one of `receipt` (from the broker: to be acknowledged) and `waiter` (from HTTP: a request that
    waits for the commit) is set. `redelivered` is the broker's DUP flag. `decoded` is what the payload holds
    if it comes from that device, worked out while the database was busy.
    """

    topic: str
    payload: bytes
    received_at: datetime
    redelivered: bool = False
    receipt: BrokerReceipt | None = None
    waiter: asyncio.Future[Outcome] | None = None
    decoded: tuple[Device, Decoded] | None = None

    @property
    def source(self) -> str:
        """Where it came from, as stored with a rejection."""
        return "mqtt" if self.waiter is None else "http"


@lru_cache(maxsize=65_536)
def parse_topic(topic: str) -> tuple[str, Kind] | None:
    """Device name and kind of a device's topic, or None when it is not one of ours."""
    match = TOPIC_FORM.fullmatch(topic)
    if match is None:
        return None
    device, kind = match.groups()
    return device, Kind.CMD_ACK if kind == "cmd/ack" else Kind(kind)
