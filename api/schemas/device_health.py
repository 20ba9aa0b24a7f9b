"""How well devices are heard, and what of theirs could not be used."""

from __future__ import annotations

from uuid import UUID

from pydantic import AwareDatetime

from api.schemas.base import Response, Time


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
