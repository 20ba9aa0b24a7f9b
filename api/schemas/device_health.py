"""How well devices are heard, and what of theirs could not be used."""

from __future__ import annotations

from typing import Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from api.schemas.base import Request, Response, Time


class MissingRange(Response):
    """Numbers of facts that never came, both ends included."""

    from_seq: int
    to_seq: int


class TopicNumbers(Response):
    """The numbered facts of one topic: what is missing between the lowest and the highest number heard.

    `written_off` were missing from an earlier numbering, or are too long ago to be listed.
    """

    topic: str
    lowest: int
    highest: int
    missing_count: int
    missing: list[MissingRange]
    written_off: int


class ClockCorrection(Response):
    """What is added to the device's times: an offset, and a rate in millionths since `reference_at`."""

    reason: str
    offset_ms: int
    drift_ppm: float
    reference_at: AwareDatetime
    evidence: int


class DeviceClock(Response):
    """The state of a clock: `right`, `wrong` (see `proposal`) or `corrected` (see `correction`)."""

    state: str
    correction: ClockCorrection | None
    proposal: ClockCorrection | None
    quarantined: dict[str, int]


class DeviceHealth(Response):
    """How well a device is heard; `last_fix_at` is by the device's time, corrected where its clock is."""

    device_id: UUID
    name: str
    last_received_at: Time | None
    last_fix_at: Time | None
    expected_interval_s: float
    topics: list[TopicNumbers]
    clock: DeviceClock


class RejectedPayload(Response):
    """A payload, or its item `item` counted from 0, that could not be used, and how often it came."""

    id: int
    source: str
    topic: str
    item: int | None
    reason: str
    detail: str
    payload_bytes: int
    received_at: Time
    last_received_at: Time
    times: int
    retried_at: Time | None
    usable_at: Time | None


class RejectedReason(Response):
    """How many payloads and items were rejected for a reason; `usable` of them a retry could use."""

    reason: str
    payloads: int
    times: int
    usable: int
    last_received_at: Time


Trouble = Literal["any", "silent", "clock", "gaps", "rejected"]


class DeviceLine(Response):
    """A device as one line of a list: what is wrong with it, if anything."""

    id: UUID
    depot_id: UUID
    name: str
    kind: str
    status: str
    vehicle_id: UUID | None
    vehicle_label: str | None
    last_received_at: Time | None
    last_fix_at: Time | None
    silent: bool = Field(description="a tracker not heard for 15 minutes and three of its intervals")
    clock: Literal["right", "doubtful", "corrected"]
    gaps: int = Field(description="numbered facts that never came")
    quarantined: int = Field(description="facts set apart for their times")
    rejected: int = Field(description="payloads and items that could not be used, and still cannot")


class ClockOrder(Request):
    """What to do with a clock: correct it as proposed, or by an offset, or end its correction."""

    apply: bool = Field(default=False, description="as GET …/health proposes")
    offset_ms: int | None = Field(default=None, ge=-3_155_760_000_000, le=3_155_760_000_000)
    clear: bool = False

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if sum((self.apply, self.offset_ms is not None, self.clear)) != 1:
            raise ValueError("choose exactly one of apply, offset_ms and clear")
        return self


class OpenedPayload(Response):
    """What was received, as far as it was kept: as text where it is text, else in base64."""

    id: int
    text: str | None
    base64: str | None


class RetryOrder(Request):
    """Which rejected payloads to take in again: some, or all of a reason."""

    ids: list[int] | None = Field(default=None, min_length=1, max_length=1000)
    reason: str | None = Field(default=None, min_length=1, max_length=64)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.ids is None) == (self.reason is None):
            raise ValueError("give either ids or reason")
        return self


class RetryAsked(Response):
    """How many will be tried again; `GET /v1/rejected` says how that went."""

    asked: int
