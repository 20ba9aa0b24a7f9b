"""Beside one order: its estimates over time, and its timeline. Beside one vehicle: trip, driver, devices."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.access_rules import OFFICE
from api.auth import Staff
from api.routes.device_health import line_of
from api.routes.trips import read_trip
from api.routes.vehicles import vehicle_of
from api.schemas.alerts import AlertDriver
from api.schemas.drawers import (
    AlertEntry,
    AuditTrailEntry,
    EtaHistory,
    EvidenceEntry,
    MilestoneEntry,
    NoticeEntry,
    PublishedEta,
    Timeline,
    TimelineEntry,
    VehicleDetail,
)
from api.services import Api
from store import audit, device_health, drawers, fleet_map, notices, order_views, triage, trips, vehicles

router = APIRouter(prefix="/v1", tags=["orders"])

MOST_NOTICES = 200


@router.get("/orders/{order_id}/etas")
async def list_order_etas(
    order_id: UUID,
    api: Api,
    principal: Staff,
    limit: Annotated[int, Query(ge=1, le=5000, description="the newest so many")] = 1000,
) -> EtaHistory:
    """The estimates published for an order's stops, with their 10 to 90 % band, and the truth once known."""
    async with api.reading() as connection:
        order = await order_views.get(connection, principal, order_id)
        found = await drawers.etas(connection, order.order_id, limit=limit)
    return EtaHistory(
        promised_at=order.promised_at,
        items=[PublishedEta.model_validate(one) for one in reversed(found)],
        truncated=len(found) == limit,
    )


@router.get("/orders/{order_id}/timeline")
async def read_timeline(order_id: UUID, api: Api, principal: Staff) -> Timeline:
    """Milestones, evidence, notices and alerts of an order by time; for the office also the audit trail."""
    async with api.reading() as connection:
        order = await order_views.get(connection, principal, order_id)
        entries: list[TimelineEntry] = [
            MilestoneEntry(
                at=one.actual_at, stage=one.stage, stop_seq=one.stop_seq, recorded_at=one.recorded_at
            )
            for one in await order_views.milestones_of(connection, principal, order.order_id)
            if one.actual_at is not None
        ]
        said = await drawers.evidence(connection, principal, api.cipher, order.order_id)
        entries += [EvidenceEntry.model_validate(one) for one in said]
        for told in await notices.list_page(connection, principal, order_id=order_id, limit=MOST_NOTICES):
            entries.append(
                NoticeEntry.model_validate({**told, "at": told["event_at"], "id": told["public_id"]})
            )
        for alert in await drawers.alerts(connection, order.order_id):
            entries.append(
                AlertEntry(
                    at=alert.opened_at,
                    id=alert.public_id,
                    kind=alert.kind,
                    severity=alert.severity,
                    cleared_at=alert.cleared_at,
                    clear_reason=alert.clear_reason,
                    acknowledged_by=alert.acknowledged_by,
                )
            )
        if principal.role in OFFICE:
            changes = await audit.of_subject(connection, api.cipher, f"order:{order.order_id}")
            entries += [AuditTrailEntry.model_validate(change) for change in changes]
    return Timeline(items=sorted(entries, key=lambda entry: entry.at))


@router.get("/vehicles/{vehicle_id}/detail", tags=["fleet"])
async def get_vehicle_detail(vehicle_id: UUID, api: Api, principal: Staff) -> VehicleDetail:
    """A vehicle with its trip, stops, progress and estimates, its driver, and how its devices do."""
    now = api.sources.clock()
    async with api.reading() as connection:
        vehicle = await vehicles.get(connection, principal, vehicle_id)
        seen = await fleet_map.vehicles(connection, principal, now, vehicle_ids=[vehicle.vehicle_id])
        ride = (await triage.rides(connection, principal, api.cipher, [vehicle_id], now)).get(vehicle_id)
        trip_id = ride.trip_public_id if ride is not None else None
        if trip_id is None:
            trip_id = await trips.next_of(connection, principal, vehicle.vehicle_id, now)
        trip = None if trip_id is None else await read_trip(connection, principal, trip_id)
        devices = await device_health.list_page(
            connection, principal, now, vehicle_id=vehicle.vehicle_id, limit=50
        )
    driver = ride.driver if ride is not None and principal.reads_contacts else None
    return VehicleDetail(
        vehicle=vehicle_of(vehicle, now),
        status=seen[0].status(now) if seen else None,
        trip=trip,
        driver=None
        if driver is None
        else AlertDriver(id=driver.public_id, login=driver.login, name=driver.name, phone=driver.phone),
        devices=[line_of(device) for device in devices],
    )
