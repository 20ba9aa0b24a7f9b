"""Open alerts, and who has seen them."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from api.auth import Staff
from api.schemas.alerts import (
    Alert,
    AlertedOrder,
    AlertNote,
    Assignee,
    NewNote,
    Precision,
    Resolution,
    Snooze,
)
from api.schemas.base import Page
from api.services import Api, Limit, Services
from domain.access import Principal
from store import alerts, audit
from store.unit_of_work import UnitOfWork

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])

ONE_DISPATCHERS = 30
"""As many as one person can keep an eye on."""


@router.get("")
async def list_alerts(
    api: Api,
    principal: Staff,
    set_aside: Annotated[bool, Query(description="also those snoozed or resolved")] = False,
    limit: Limit = ONE_DISPATCHERS,
) -> Page[Alert]:
    """The open alerts: the most severe, then those of most orders, then the oldest first."""
    async with api.reading() as connection:
        found = await alerts.list_open(
            connection, principal, api.sources.clock(), set_aside=set_aside, limit=limit
        )
    return Page(items=[_alert(api, alert) for alert in found])


@router.get("/precision")
async def alert_precision(
    api: Api, principal: Staff, days: Annotated[float, Query(gt=0, le=400)] = 30
) -> Page[Precision]:
    """How many of the alerts that people resolved were worth raising, by kind."""
    since = api.sources.clock() - timedelta(days=days)
    async with api.reading() as connection:
        found = await alerts.precision(connection, principal, since)
    return Page(items=[Precision.model_validate(one) for one in found])


@router.post("/{alert_id}/acknowledge")
async def acknowledge_alert(alert_id: UUID, api: Api, principal: Staff) -> Alert:
    """Note that somebody has seen an alert; the first one to do so stays noted."""
    now = api.sources.clock()
    async with api.writing() as work:
        alert = await alerts.acknowledge(work.connection, principal, alert_id, principal.name, now)
        return await _done(api, work, principal, "acknowledge", alert, now)


@router.post("/{alert_id}/assign")
async def assign_alert(alert_id: UUID, given: Assignee, api: Api, principal: Staff) -> Alert:
    """Say who takes care of an alert."""
    async with api.writing() as work:
        alert = await alerts.assign(work.connection, principal, alert_id, given.to)
        return await _done(api, work, principal, "assign", alert, api.sources.clock())


@router.post("/{alert_id}/snooze")
async def snooze_alert(alert_id: UUID, given: Snooze, api: Api, principal: Staff) -> Alert:
    """Leave an alert out of the list for a while."""
    detail = {"until": given.until.isoformat()}
    async with api.writing() as work:
        alert = await alerts.snooze(work.connection, principal, alert_id, given.until)
        return await _done(api, work, principal, "snooze", alert, api.sources.clock(), detail)


@router.post("/{alert_id}/resolve")
async def resolve_alert(alert_id: UUID, given: Resolution, api: Api, principal: Staff) -> Alert:
    """Say that an alert needs no more attention, and why."""
    now = api.sources.clock()
    async with api.writing() as work:
        alert = await alerts.resolve(work.connection, principal, alert_id, given.cause, principal.name, now)
        return await _done(api, work, principal, "resolve", alert, now, {"cause": given.cause})


@router.post("/{alert_id}/notes", status_code=HTTPStatus.CREATED)
async def add_note(alert_id: UUID, given: NewNote, api: Api, principal: Staff) -> Alert:
    """Write something beside an alert."""
    now = api.sources.clock()
    async with api.writing() as work:
        alert = await alerts.add_note(
            work.connection,
            principal,
            alert_id,
            alerts.seal_note(api.cipher, given.text),
            principal.name,
            now,
        )
        return await _done(api, work, principal, "note", alert, now)


async def _done(
    api: Services,
    work: UnitOfWork,
    principal: Principal,
    action: str,
    alert: alerts.Alert,
    now: datetime,
    detail: dict[str, Any] | None = None,
) -> Alert:
    """What somebody did with an alert, in the audit trail and announced."""
    await audit.record(work.connection, principal, action, f"alert:{alert.public_id}", detail or {}, now)
    work.tell("alert", [alert.alert_id])
    return _alert(api, alert)


def _alert(api: Services, alert: alerts.Alert) -> Alert:
    return Alert(
        id=alert.public_id,
        kind=alert.kind.value,
        severity=alert.severity.value,
        vehicle_id=alert.vehicle_public_id,
        vehicle_label=alert.vehicle_label,
        orders=[AlertedOrder(id=order.public_id, number=order.number) for order in alert.orders],
        opened_at=alert.opened_at,
        updated_at=alert.updated_at,
        cleared_at=alert.cleared_at,
        clear_reason=alert.clear_reason,
        acknowledged_at=alert.acknowledged_at,
        acknowledged_by=alert.acknowledged_by,
        detail=dict(alert.detail),
        assigned_to=alert.assigned_to,
        snoozed_until=alert.snoozed_until,
        resolved_at=alert.resolved_at,
        resolved_by=alert.resolved_by,
        cause=alert.cause,
        found_at=alert.found_at,
        found_late=alert.found_late,
        reopened=alert.reopened,
        notes=[
            AlertNote(at=note.at, by=note.by, text=alerts.open_note(api.cipher, note)) for note in alert.notes
        ],
    )
