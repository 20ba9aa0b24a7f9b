"""How well devices are heard, and what of theirs could not be used."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.auth import Staff
from api.schemas.base import Page
from api.schemas.device_health import (
    ClockCorrection,
    DeviceClock,
    DeviceHealth,
    MissingRange,
    RejectedPayload,
    RejectedReason,
    TopicNumbers,
)
from api.services import Api, Limit
from domain.device_clocks import Adjustment
from store import device_health, rejected

router = APIRouter(prefix="/v1", tags=["fleet"])


@router.get("/devices/{device_id}/health")
async def get_device_health(device_id: UUID, api: Api, principal: Staff) -> DeviceHealth:
    """When a device was last heard, which of its numbered facts never came, whether its clock is right."""
    async with api.reading() as connection:
        device = await device_health.of_public_id(connection, principal, device_id)
        health = await device_health.read(connection, device, api.sources.clock())
    return DeviceHealth(
        device_id=health.device.public_id,
        name=health.device.name,
        last_received_at=health.last_received_at,
        last_fix_at=health.last_fix_at,
        expected_interval_s=health.device.expected_interval_s,
        topics=[_topic(topic) for topic in health.topics],
        clock=_clock(health),
    )


@router.get("/rejected")
async def list_rejected(
    api: Api,
    principal: Staff,
    reason: Annotated[str | None, Query(max_length=64)] = None,
    device: Annotated[str | None, Query(max_length=64)] = None,
    after: Annotated[int | None, Query(ge=0, description="`next` of the page before")] = None,
    limit: Limit = 100,
) -> Page[RejectedPayload]:
    """Payloads and items that could not be used, newest first; `zaitu rejected show` opens them."""
    async with api.reading() as connection:
        found = await rejected.list_page(
            connection, principal, reason=reason, device=device, before=after, limit=limit
        )
    following = str(found[-1].rejected_id) if len(found) == limit else None
    return Page(items=[_rejected(item) for item in found], next=following)


@router.get("/rejected-reasons")
async def list_rejected_reasons(api: Api, principal: Staff) -> Page[RejectedReason]:
    """How many payloads and items were rejected, by reason, most frequent first."""
    async with api.reading() as connection:
        found = await rejected.by_reason(connection, principal)
    return Page(items=[RejectedReason.model_validate(reason) for reason in found])


def _topic(topic: device_health.TopicNumbers) -> TopicNumbers:
    return TopicNumbers(
        topic=topic.kind,
        lowest=topic.lowest,
        highest=topic.highest,
        missing_count=topic.missing_count,
        missing=[MissingRange(from_seq=first, to_seq=last) for first, last in topic.missing],
        written_off=topic.written_off,
    )


def _clock(health: device_health.DeviceHealth) -> DeviceClock:
    correction, proposal = health.correction, health.proposal
    state = "corrected" if correction is not None else "right" if proposal is None else "wrong"
    return DeviceClock(
        state=state,
        correction=None
        if correction is None
        else _correction(correction.reason, correction.correction.adjustment, correction.evidence),
        proposal=None
        if proposal is None
        else _correction(proposal.trouble.value, proposal.adjustment, proposal.evidence),
        quarantined=health.quarantined,
    )


def _correction(reason: str, adjustment: Adjustment, evidence: int) -> ClockCorrection:
    return ClockCorrection(
        reason=reason,
        offset_ms=adjustment.offset // timedelta(milliseconds=1),
        drift_ppm=adjustment.drift_ppm,
        reference_at=adjustment.reference_at,
        evidence=evidence,
    )


def _rejected(item: rejected.Rejected) -> RejectedPayload:
    return RejectedPayload(
        id=item.rejected_id,
        source=item.source,
        topic=item.topic,
        item=None if item.item < 0 else item.item,
        reason=item.reason,
        detail=item.detail,
        payload_bytes=item.payload_bytes,
        received_at=item.received_at,
        last_received_at=item.last_received_at,
        times=item.times,
        retried_at=item.retried_at,
        usable_at=item.usable_at,
    )
