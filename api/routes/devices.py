"""Devices and what they are assigned to."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter

from api.auth import Staff
from api.schemas.base import Page
from api.schemas.fleet import Assignment, Device, DeviceWithToken, NewAssignment, NewDevice
from api.services import After, Api, Limit
from store import audit, devices, vehicles
from store.share_links import token_hash

router = APIRouter(prefix="/v1/devices", tags=["fleet"])


@router.post("", status_code=HTTPStatus.CREATED)
async def create_device(new: NewDevice, api: Api, principal: Staff) -> DeviceWithToken:
    """Add a device; the answer holds its token, which is shown only this once."""
    public_id, token = api.sources.new_id(), api.sources.new_token()
    async with api.writing() as work:
        device_id = await devices.create(
            work.connection,
            principal,
            public_id=public_id,
            depot=new.depot_id,
            name=new.name,
            kind=new.kind,
            datum=new.datum,
            expected_interval_s=new.expected_interval_s,
            token_hash=token_hash(token),
        )
        now = api.sources.clock()
        await audit.record(work.connection, principal, "add", f"device:{device_id}", {}, now)
        work.tell("device", [device_id])
        device = await devices.get(work.connection, principal, public_id, api.sources.clock())
    return DeviceWithToken(**device_of(device).model_dump(), token=token)


@router.get("")
async def list_devices(api: Api, principal: Staff, after: After = None, limit: Limit = 100) -> Page[Device]:
    """Devices with their assignments now, in the order they were added."""
    now = api.sources.clock()
    async with api.reading() as connection:
        found = await devices.list_page(connection, principal, now=now, after=after, limit=limit)
    following = str(found[-1].public_id) if len(found) == limit else None
    return Page(items=[device_of(device) for device in found], next=following)


@router.get("/{device_id}")
async def get_device(device_id: UUID, api: Api, principal: Staff) -> Device:
    """One device with its assignment now."""
    async with api.reading() as connection:
        return device_of(await devices.get(connection, principal, device_id, api.sources.clock()))


@router.post("/{device_id}/assignments", status_code=HTTPStatus.CREATED)
async def assign_device(device_id: UUID, new: NewAssignment, api: Api, principal: Staff) -> Assignment:
    """Assign a device to a vehicle or an operator; an open assignment before this one ends."""
    from_at = new.from_ or api.sources.clock()
    async with api.writing() as work:
        vehicle_id = None
        if new.vehicle_id is not None:
            vehicle_id = await vehicles.internal_id(work.connection, principal, new.vehicle_id)
        internal_id = await devices.assign(
            work.connection,
            principal,
            device_id,
            vehicle_id=vehicle_id,
            operator=new.operator,
            from_at=from_at,
            until_at=new.to,
        )
        now = api.sources.clock()
        await audit.record(work.connection, principal, "assign", f"device:{internal_id}", {}, now)
        work.tell("assignment", [internal_id])
    return Assignment(vehicle_id=new.vehicle_id, operator=new.operator, from_=from_at, to=new.to)


@router.get("/{device_id}/assignments")
async def list_assignments(device_id: UUID, api: Api, principal: Staff) -> Page[Assignment]:
    """Everything a device was ever assigned to, oldest first."""
    async with api.reading() as connection:
        await devices.get(connection, principal, device_id, api.sources.clock())
        found = await devices.assignments(connection, principal, device_id)
    return Page(items=[_assignment(assignment) for assignment in found])


def device_of(device: devices.Device) -> Device:
    """A device, as the API shows it."""
    return Device(
        id=device.public_id,
        depot_id=device.depot_public_id,
        name=device.name,
        kind=device.kind,
        datum=device.datum,
        expected_interval_s=device.expected_interval_s,
        status=device.status,
        created_at=device.created_at,
        assignment=None if device.assignment is None else _assignment(device.assignment),
    )


def _assignment(assignment: devices.Assignment) -> Assignment:
    return Assignment(
        vehicle_id=assignment.vehicle_public_id,
        operator=assignment.operator,
        from_=assignment.from_at,
        to=assignment.until_at,
    )
