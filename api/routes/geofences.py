"""Geofences: GeoJSON in and out, versioned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter

from api.auth import Staff
from api.problems import unusable
from api.schemas.base import Page
from api.schemas.geofences import (
    FenceCrossing,
    Geofence,
    GeofenceReplacement,
    Hours,
    NewGeofence,
    Purpose,
)
from api.services import After, Api, Limit
from domain.access import Principal
from domain.fence_hours import window_of
from geo.approach import approach_zone
from geo.fences import FenceError, parse_fence, to_geojson
from store import audit, crossings, geofences
from store.geofences import Version
from store.unit_of_work import UnitOfWork

router = APIRouter(prefix="/v1/geofences", tags=["geofences"])


@router.post("", status_code=HTTPStatus.CREATED)
async def create_geofence(new: NewGeofence, api: Api, principal: Staff) -> Geofence:
    """Add a geofence; what had to be repaired in its geometry is listed in the answer."""
    public_id = api.sources.new_id()
    version = _checked(new, new.schedule, new.approach_m, api.sources.clock())
    async with api.writing() as work:
        geofence_id = await geofences.create(
            work.connection,
            principal,
            public_id=public_id,
            depot=new.depot_id,
            name=new.name,
            purpose=new.purpose,
            version=version,
        )
        await _note(work, api, principal, "add", geofence_id)
        return _geofence(await geofences.get(work.connection, principal, public_id))


@router.get("")
async def list_geofences(
    api: Api,
    principal: Staff,
    depot_id: UUID | None = None,
    purpose: Purpose | None = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[Geofence]:
    """Geofences at their newest versions, in the order they were added."""
    async with api.reading() as connection:
        found = await geofences.list_page(
            connection, principal, depot=depot_id, purpose=purpose, after=after, limit=limit
        )
    following = str(found[-1].public_id) if len(found) == limit else None
    return Page(items=[_geofence(geofence) for geofence in found], next=following)


@router.get("/{geofence_id}")
async def get_geofence(geofence_id: UUID, api: Api, principal: Staff) -> Geofence:
    """One geofence at its newest version."""
    async with api.reading() as connection:
        return _geofence(await geofences.get(connection, principal, geofence_id))


@router.get("/{geofence_id}/crossings")
async def list_crossings(
    geofence_id: UUID, api: Api, principal: Staff, limit: Limit = 100
) -> Page[FenceCrossing]:
    """Who came into a geofence, left it or came near, newest first; what turned out wrong is left out."""
    async with api.reading() as connection:
        fence = await geofences.get(connection, principal, geofence_id)
        found = await crossings.newest_of_fence(connection, principal, fence.geofence_id, limit)
    items = [
        FenceCrossing(
            vehicle_id=each.vehicle_public_id,
            vehicle_label=each.vehicle_label,
            kind=each.kind.value,
            at=each.at,
            plus_minus_s=each.plus_minus_s,
        )
        for each in found
    ]
    return Page(items=items, next=None)


@router.put("/{geofence_id}")
async def replace_geofence(
    geofence_id: UUID, new: GeofenceReplacement, api: Api, principal: Staff
) -> Geofence:
    """Give a geofence a new version; fixes from before it keep the one of their time."""
    async with api.writing() as work:
        before = _geofence(await geofences.get(work.connection, principal, geofence_id))
        given = new.model_fields_set
        schedule = new.schedule if "schedule" in given else before.schedule
        approach_m = new.approach_m if "approach_m" in given else before.approach_m
        internal_id = await geofences.replace(
            work.connection,
            principal,
            geofence_id,
            name=new.name,
            purpose=new.purpose,
            version=_checked(new, schedule, approach_m, api.sources.clock()),
        )
        await _note(work, api, principal, "change", internal_id)
        return _geofence(await geofences.get(work.connection, principal, geofence_id))


@router.delete("/{geofence_id}")
async def end_geofence(geofence_id: UUID, api: Api, principal: Staff) -> Geofence:
    """End a geofence's validity now; crossings found before stay."""
    async with api.writing() as work:
        internal_id = await geofences.end(work.connection, principal, geofence_id, api.sources.clock())
        await _note(work, api, principal, "end", internal_id)
        return _geofence(await geofences.get(work.connection, principal, geofence_id))


def _checked(
    new: NewGeofence | GeofenceReplacement,
    schedule: Sequence[Hours] | None,
    approach_m: float | None,
    now: datetime,
) -> Version:
    try:
        geometry = parse_fence(new.geometry)
    except FenceError as exc:
        raise unusable(str(exc), "/geometry") from exc
    try:
        if approach_m is not None:
            approach_zone(geometry, approach_m)
    except FenceError as exc:
        raise unusable(str(exc), "/approach_m") from exc
    try:
        for hours in schedule or ():
            for day in hours.days:
                window_of(day, hours.opens, hours.closes)
    except ValueError as exc:
        raise unusable(str(exc), "/schedule") from exc
    valid_from = new.valid_from or now
    if new.valid_to is not None and new.valid_to <= valid_from:
        raise unusable("valid_to must be after valid_from", "/valid_to")
    rows = None if schedule is None else [hours.model_dump(by_alias=True) for hours in schedule]
    return Version(to_geojson(geometry), geometry.repairs, valid_from, new.valid_to, rows, approach_m)


def _geofence(geofence: geofences.Geofence) -> Geofence:
    return Geofence(
        id=geofence.public_id,
        depot_id=geofence.depot_public_id,
        name=geofence.name,
        purpose=geofence.purpose,
        version=geofence.version,
        valid_from=geofence.valid_from,
        valid_to=geofence.valid_to,
        geometry=geofence.geometry,
        repairs=geofence.repairs,
        schedule=None if geofence.schedule is None else [Hours(**hours) for hours in geofence.schedule],
        approach_m=geofence.approach_m,
        created_at=geofence.created_at,
    )


async def _note(work: UnitOfWork, api: Api, principal: Principal, action: str, geofence_id: int) -> None:
    """Write down who did it, and tell the others."""
    now = api.sources.clock()
    await audit.record(work.connection, principal, action, f"geofence:{geofence_id}", {}, now)
    work.tell("geofence", [geofence_id])
