"""Open alerts, and who has seen them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from api.auth import Staff
from api.schemas.alerts import (
    Alert,
    AlertDriver,
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
from domain.alerts import AlertKind
from domain.triage import savable
from store import alerts, audit, triage
from store.pool import Connection
from store.triage import OrderAtStake, Ride
from store.unit_of_work import UnitOfWork

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])

ONE_DISPATCHERS = 30
"""As many as one person can keep an eye on."""

MOST_RANKED = 500
"""Ranked by what can be saved, the most severe of so many count."""


@router.get("")
async def list_alerts(
    api: Api,
    principal: Staff,
    set_aside: Annotated[bool, Query(description="also those snoozed or resolved")] = False,
    kind: Annotated[list[AlertKind] | None, Query(description="only these; default: all")] = None,
    rank: Annotated[
        Literal["severity", "savable"],
        Query(description="savable: first where most can still be saved (docs/orders.md)"),
    ] = "severity",
    limit: Limit = ONE_DISPATCHERS,
) -> Page[Alert]:
    """The open alerts: the most severe, then those of most orders, then the oldest first."""
    now = api.sources.clock()
    ranked = rank == "savable"
    async with api.reading() as connection:
        found = await alerts.list_open(
            connection,
            principal,
            now,
            set_aside=set_aside,
            kinds=kind or (),
            limit=MOST_RANKED if ranked else limit,
        )
        shown = await _shown(connection, api, principal, found, now)
    if ranked:
        shown = sorted(shown, key=lambda alert: -alert.savable)[:limit]
    return Page(items=shown)


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
    return (await _shown(work.connection, api, principal, [alert], now))[0]


async def _shown(
    connection: Connection,
    api: Services,
    principal: Principal,
    found: Sequence[alerts.Alert],
    now: datetime,
) -> list[Alert]:
    """Alerts with how their orders stand and, for the office, who drives."""
    orders = {order.public_id for alert in found for order in alert.orders}
    stakes = await triage.at_stake(connection, principal, orders, now) if orders else {}
    vehicles = {alert.vehicle_public_id for alert in found if alert.vehicle_public_id is not None}
    rides = await triage.rides(connection, principal, api.cipher, vehicles, now) if vehicles else {}
    return [_alert(api, principal, alert, stakes, rides, now) for alert in found]


def _alert(
    api: Services,
    principal: Principal,
    alert: alerts.Alert,
    stakes: Mapping[UUID, OrderAtStake],
    rides: Mapping[UUID, Ride],
    now: datetime,
) -> Alert:
    own = [stakes[order.public_id] for order in alert.orders]
    ride = rides.get(alert.vehicle_public_id) if alert.vehicle_public_id is not None else None
    return Alert(
        id=alert.public_id,
        kind=alert.kind.value,
        severity=alert.severity.value,
        vehicle_id=alert.vehicle_public_id,
        vehicle_label=alert.vehicle_label,
        trip_id=None if ride is None else ride.trip_public_id,
        driver=AlertDriver(
            id=ride.driver.public_id, login=ride.driver.login, name=ride.driver.name, phone=ride.driver.phone
        )
        if ride is not None and ride.driver is not None and principal.reads_contacts
        else None,
        savable=round(savable((one.outlook, one.priority) for one in own if one.outlook is not None), 3),
        orders=[_order(one, now) for one in own],
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


def _order(one: OrderAtStake, now: datetime) -> AlertedOrder:
    known = one.outlook
    return AlertedOrder(
        id=one.public_id,
        number=one.number,
        promised_at=one.promised_at,
        priority=one.priority,
        customer_level=one.customer_level,
        p50_at=None if one.eta is None else one.eta.p50_at,
        p90_at=None if one.eta is None else one.eta.p90_at,
        probability_late=None if known is None else round(known.probability, 3),
        late_min=None if known is None else round(known.late_min, 1),
        left_min=round((one.promised_at - now).total_seconds() / 60, 1),
    )
