"""What is shown beside one order or one vehicle."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from api.schemas.alerts import AlertDriver
from api.schemas.base import Response, Time
from api.schemas.device_health import DeviceLine
from api.schemas.fleet import Vehicle
from api.schemas.trips import Trip


class PublishedEta(Response):
    """An estimate as it was told for a stop; `arrived_at` is the truth, once it is known."""

    stop_seq: int
    kind: str
    computed_at: Time
    p10_at: Time | None
    p50_at: Time
    p90_at: Time
    arrived_at: Time | None


class EtaHistory(Response):
    """The estimates published for an order's stops, the oldest first; `truncated`: there were older ones."""

    promised_at: Time
    items: list[PublishedEta]
    truncated: bool


class MilestoneEntry(Response):
    """A stage that was done."""

    type: Literal["milestone"] = "milestone"
    at: Time
    stage: str
    stop_seq: int | None
    recorded_at: Time


class EvidenceEntry(Response):
    """Something that was said of the order; signed_by, proof and note are for those who read contacts."""

    type: Literal["evidence"] = "evidence"
    at: Time
    kind: str
    source: str
    stop_seq: int | None
    package_code: str | None
    actor: str | None
    reason: str | None
    signed_by: str | None
    proof: str | None
    note: str | None
    recorded_at: Time


class NoticeEntry(Response):
    """Something that was told."""

    type: Literal["notice"] = "notice"
    at: Time
    id: UUID
    event: str
    recipient: str
    channel: str
    sent_at: Time | None
    dead_at: Time | None
    suppressed: str | None


class AlertEntry(Response):
    """An alert that named the order."""

    type: Literal["alert"] = "alert"
    at: Time
    id: UUID
    kind: str
    severity: str
    cleared_at: Time | None
    clear_reason: str | None
    acknowledged_by: str | None


class AuditTrailEntry(Response):
    """A change somebody made by hand; shown to the office."""

    type: Literal["audit"] = "audit"
    at: Time
    actor: str
    action: str
    detail: dict[str, Any]
    reason: str | None


TimelineEntry = Annotated[
    MilestoneEntry | EvidenceEntry | NoticeEntry | AlertEntry | AuditTrailEntry, Field(discriminator="type")
]


class Timeline(Response):
    """All that happened to an order, was said, told and done about it, by time."""

    items: list[TimelineEntry]


class VehicleDetail(Response):
    """A vehicle with the trip it is on (else the next one), who drives it, and how its devices do."""

    vehicle: Vehicle
    status: Literal["moving", "stopped", "stale"] | None = Field(description="null: it was never seen")
    trip: Trip | None
    driver: AlertDriver | None
    devices: list[DeviceLine]
