"""Devices that spoke and wait to be let in."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import Staff
from api.routes.devices import device_of
from api.schemas.base import Page
from api.schemas.fleet import DEVICE_NAME, ApprovedDevice, DeviceApproval, WaitingDevice
from api.services import Api, Limit
from store import devices, enrolments
from store.share_links import token_hash

router = APIRouter(prefix="/v1/devices/pending", tags=["fleet"])


@router.get("")
async def list_waiting_devices(
    api: Api,
    principal: Staff,
    after: Annotated[str | None, Query(max_length=64, description="`next` of the page before")] = None,
    limit: Limit = 100,
) -> Page[WaitingDevice]:
    """Devices nobody registered that wait for approval, by name; they belong to no depot yet."""
    async with api.reading() as connection:
        found = await enrolments.waiting(connection, limit, after)
    following = found[-1].name if len(found) == limit else None
    return Page(items=[WaitingDevice.model_validate(one) for one in found], next=following)


@router.post("/{name}/approval", status_code=HTTPStatus.CREATED)
async def approve_device(
    name: Annotated[str, Path(pattern=DEVICE_NAME)], approval: DeviceApproval, api: Api, principal: Staff
) -> ApprovedDevice:
    """Register a waiting device in a depot and have what it sent so far worked in, within seconds."""
    public_id, token, now = api.sources.new_id(), api.sources.new_token(), api.sources.clock()
    async with api.writing() as work:
        approved = await enrolments.approve(
            work,
            principal,
            enrolments.Approval(
                name, approval.depot_id, approval.kind, approval.datum, approval.expected_interval_s
            ),
            public_id=public_id,
            token_hash=token_hash(token),
            now=now,
        )
        device = await devices.get(work.connection, principal, public_id, now)
    return ApprovedDevice(**device_of(device).model_dump(), token=token, payloads=approved.payloads)
