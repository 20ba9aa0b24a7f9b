"""How well devices are heard, and what of theirs could not be used."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from api.auth import Staff
from api.schemas.base import Page
from api.schemas.device_health import (
    ClockCorrection,
    ClockOrder,
    DeviceClock,
    DeviceHealth,
    DeviceLine,
    MissingRange,
    OpenedPayload,
    RejectedPayload,
    RejectedReason,
    RetryAsked,
    RetryOrder,
    TopicNumbers,
    Trouble,
)
from api.services import Api, Limit
from domain.device_clocks import TAKES_EFFECT_AFTER, Adjustment
from store import audit, clocks, device_health, rejected
from store.errors import Conflict

LARGEST_ID = 2**63 - 1
Word = Annotated[str, Query(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
router = APIRouter(prefix="/v1", tags=["fleet"])


@router.get("/devices/health")
async def list_device_health(
    api: Api,
    principal: Staff,
    depot_id: UUID | None = None,
    trouble: Annotated[Trouble | None, Query(description="only those with this; default: all")] = None,
    after: Annotated[str | None, Query(max_length=64, description="`next` of the page before")] = None,
    limit: Limit = 100,
) -> Page[DeviceLine]:
    """How all devices do, by name."""
    async with api.reading() as connection:
        found = await device_health.list_page(
            connection,
            principal,
            api.sources.clock(),
            depot=depot_id,
            trouble=trouble,
            after=after,
            limit=limit,
        )
    following = found[-1].name if len(found) == limit else None
    return Page(items=[line_of(line) for line in found], next=following)


@router.get("/devices/{device_id}/health")
async def get_device_health(device_id: UUID, api: Api, principal: Staff) -> DeviceHealth:
    """When a device was last heard, which of its numbered facts never came, whether its clock is right."""
    async with api.reading() as connection:
        device = await device_health.of_public_id(connection, principal, device_id)
        health = await device_health.read(connection, device, api.sources.clock())
    return _health(health)


@router.post("/devices/{device_id}/clock")
async def set_clock(device_id: UUID, order: ClockOrder, api: Api, principal: Staff) -> DeviceHealth:
    """Correct a device's clock as proposed or by an offset, or end its correction.

    Facts set apart are worked in at the corrected time within seconds, and those to come are corrected.
    """
    now = api.sources.clock()
    async with api.writing() as work:
        connection = work.connection
        device = await device_health.of_public_id(connection, principal, device_id)
        health = await device_health.read(connection, device, now)
        if order.clear:
            await clocks.end(connection, device.device_id, now + TAKES_EFFECT_AFTER)
        else:
            adjustment, reason, evidence = _adjustment(health, order, now)
            await clocks.correct(
                connection,
                device.device_id,
                adjustment,
                reason=reason,
                evidence=evidence,
                applies_from=now + TAKES_EFFECT_AFTER,
            )
        detail = {"how": "clear" if order.clear else "apply" if order.apply else "offset"}
        await audit.record(connection, principal, "clock", f"device:{device.device_id}", detail, now)
        work.tell("clock", [device.device_id])
        return _health(await device_health.read(connection, device, now))


def _adjustment(
    health: device_health.DeviceHealth, order: ClockOrder, now: datetime
) -> tuple[Adjustment, str, int]:
    """By how much, why, and what speaks for it."""
    if order.offset_ms is not None:
        return Adjustment(timedelta(milliseconds=order.offset_ms), now), "given", 0
    if health.proposal is None:
        raise Conflict("Nothing speaks for a wrong clock; give offset_ms to correct it all the same.")
    return health.proposal.adjustment, health.proposal.trouble.value, health.proposal.evidence


@router.get("/rejected/{rejected_id}")
async def open_rejected(
    rejected_id: Annotated[int, Path(ge=1, le=2**63 - 1)], api: Api, principal: Staff
) -> OpenedPayload:
    """The payload as it was received, as far as it was kept; that somebody opened it is audited."""
    now = api.sources.clock()
    async with api.writing() as work:
        payload = await rejected.payload(work.connection, principal, rejected_id, api.cipher)
        await audit.record(work.connection, principal, "open", f"rejected:{rejected_id}", {}, now)
    try:
        return OpenedPayload(id=rejected_id, text=payload.decode(), base64=None)
    except UnicodeDecodeError:
        return OpenedPayload(id=rejected_id, text=None, base64=b64encode(payload).decode())


@router.post("/rejected/retry")
async def retry_rejected(which: RetryOrder, api: Api, principal: Staff) -> RetryAsked:
    """Have ingest take payloads in again, after what was wrong has been put right."""
    now = api.sources.clock()
    async with api.writing() as work:
        asked = await rejected.ask_retry(
            work.connection, principal, reason=which.reason, rejected_ids=which.ids, now=now
        )
        detail = {"reason": which.reason, "asked": len(asked)}
        await audit.record(work.connection, principal, "retry", "rejected", detail, now)
        work.tell("rejected", asked)
    return RetryAsked(asked=len(asked))


def line_of(line: device_health.DeviceLine) -> DeviceLine:
    """A device as one line of a list, as the API shows it."""
    return DeviceLine.model_validate(
        {
            "id": line.public_id,
            "depot_id": line.depot_public_id,
            "name": line.name,
            "kind": line.kind,
            "status": line.status,
            "vehicle_id": line.vehicle_public_id,
            "vehicle_label": line.vehicle_label,
            "last_received_at": line.last_received_at,
            "last_fix_at": line.last_fix_at,
            "silent": line.is_silent,
            "clock": line.clock_state,
            "gaps": line.gaps,
            "quarantined": line.quarantined,
            "rejected": line.rejected,
        }
    )


def _health(health: device_health.DeviceHealth) -> DeviceHealth:
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
    reason: Word | None = None,
    device: Word | None = None,
    after: Annotated[int | None, Query(ge=0, le=LARGEST_ID, description="`next` of the page before")] = None,
    limit: Limit = 100,
) -> Page[RejectedPayload]:
    """Payloads and items that could not be used, newest first; `GET /v1/rejected/{id}` opens one."""
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
