"""Vehicles, where they are, and where they were."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.auth import Staff
from api.boxes import NUMBER, BoxText, box_of, check_degrees
from api.problems import FieldProblem, Refused
from api.schemas.base import Page, Time
from api.schemas.fleet import LatestPosition, NewVehicle, TrackPoint, Vehicle
from api.services import After, Api, Limit
from store import audit, positions, vehicles
from store.vehicles import Circle

MOST_TRACK_POINTS = 10_000

router = APIRouter(prefix="/v1/vehicles", tags=["fleet"])


@router.post("", status_code=HTTPStatus.CREATED)
async def create_vehicle(new: NewVehicle, api: Api, principal: Staff) -> Vehicle:
    """Add a vehicle to a depot."""
    public_id = api.sources.new_id()
    async with api.writing() as work:
        vehicle_id = await vehicles.create(
            work.connection,
            principal,
            public_id=public_id,
            depot=new.depot_id,
            label=new.label,
            kind=new.kind,
            status=new.status,
            capacity_kg=new.capacity_kg,
            capacity_m3=new.capacity_m3,
        )
        now = api.sources.clock()
        await audit.record(work.connection, principal, "add", f"vehicle:{vehicle_id}", {}, now)
        work.tell("vehicle", [vehicle_id])
        vehicle = await vehicles.get(work.connection, principal, public_id)
        return vehicle_of(vehicle, api.sources.clock())


@router.get("")
async def list_vehicles(
    api: Api,
    principal: Staff,
    depot_id: UUID | None = None,
    bbox: BoxText = None,
    near: Annotated[
        str | None, Query(pattern=rf"^{NUMBER},{NUMBER}$", description="longitude,latitude in degrees")
    ] = None,
    radius_m: Annotated[float, Query(gt=0, le=20_100_000, description="with `near`")] = 5_000,
    after: After = None,
    limit: Limit = 100,
) -> Page[Vehicle]:
    """Vehicles with their latest positions: all, those in a box, or those near a point, nearest first."""
    now = api.sources.clock()
    async with api.reading() as connection:
        if near is not None:
            circle = _circle(near, radius_m)
            found = await vehicles.list_near(connection, principal, circle, depot=depot_id, limit=limit)
            return Page(items=[vehicle_of(vehicle, now) for vehicle in found])
        box = box_of(bbox)
        found = await vehicles.list_page(
            connection, principal, depot=depot_id, within=box, after=after, limit=limit
        )
    following = str(found[-1].public_id) if len(found) == limit else None
    return Page(items=[vehicle_of(vehicle, now) for vehicle in found], next=following)


@router.get("/{vehicle_id}")
async def getvehicle_of(vehicle_id: UUID, api: Api, principal: Staff) -> Vehicle:
    """One vehicle with its latest position."""
    async with api.reading() as connection:
        vehicle = await vehicles.get(connection, principal, vehicle_id)
    return vehicle_of(vehicle, api.sources.clock())


@router.get("/{vehicle_id}/track")
async def get_track(
    vehicle_id: UUID,
    api: Api,
    principal: Staff,
    from_: Annotated[Time | None, Query(alias="from", description="default: a day before `to`")] = None,
    to: Annotated[Time | None, Query(description="default: now")] = None,
    after: Annotated[Time | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_TRACK_POINTS)] = 1000,
    max_points: Annotated[
        int | None,
        Query(ge=2, le=MOST_TRACK_POINTS, description="all of it in so many fixes, evenly over the time"),
    ] = None,
) -> Page[TrackPoint]:
    """The fixes of a vehicle by device time in [`from`, `to`), oldest first: page by page, or thinned out."""
    until_at = to or api.sources.clock()
    from_at = from_ or until_at - timedelta(days=1)
    if from_at >= until_at:
        raise Refused(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "'from' must be before 'to'",
            errors=[FieldProblem(detail="must be before 'to'", parameter="from")],
        )
    async with api.reading() as connection:
        internal_id = await vehicles.internal_id(connection, principal, vehicle_id)
        if max_points is not None:
            thinned = await positions.sampled_track(
                connection, principal, internal_id, from_at, until_at, max_points=max_points
            )
            return Page(items=[TrackPoint.model_validate(point) for point in thinned])
        points = await positions.track(
            connection, principal, internal_id, from_at, until_at, after=after, limit=limit
        )
    following = points[-1].at.isoformat() if len(points) == limit else None
    return Page(items=[TrackPoint.model_validate(point) for point in points], next=following)


def vehicle_of(vehicle: vehicles.Vehicle, now: datetime) -> Vehicle:
    """A vehicle as the API shows it."""
    return Vehicle(
        id=vehicle.public_id,
        depot_id=vehicle.depot_public_id,
        label=vehicle.label,
        kind=vehicle.kind,
        status=vehicle.status,
        capacity_kg=vehicle.capacity_kg,
        capacity_m3=vehicle.capacity_m3,
        latest=None if vehicle.last_seen is None else _latest(vehicle.last_seen, now),
        distance_m=vehicle.distance_m,
    )


def _latest(seen: vehicles.LastSeen, now: datetime) -> LatestPosition:
    return LatestPosition(
        at=seen.at,
        received_at=seen.received_at,
        lat=seen.lat,
        lon=seen.lon,
        speed_mps=seen.speed_mps,
        heading_deg=seen.heading_deg,
        accuracy_m=seen.accuracy_m,
        age_s=max((now - seen.at).total_seconds(), 0.0),
    )


def _circle(near: str, radius_m: float) -> Circle:
    lon, lat = (float(number) for number in near.split(","))
    check_degrees("near", [lon], [lat])
    return Circle(lat=lat, lon=lon, radius_m=radius_m)
