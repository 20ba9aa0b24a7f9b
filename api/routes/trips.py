"""Planned trips."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any
from uuid import UUID

import shapely
from fastapi import APIRouter, Response
from shapely.geometry import shape

from api.auth import Staff
from api.problems import unusable
from api.route_plan import stop_distances_m
from api.schemas.access import TripDriver
from api.schemas.base import LineString, Page, Time
from api.schemas.trips import Eta, NewTrip, NewTripStop, Progress, Trip, TripStop, TripSummary
from api.services import After, Api, Limit
from domain.access import Principal
from geo.distance import cumulative_m
from geo.routers import Router
from store import audit, etas, geofences, trips, users
from store.geofences import Place
from store.pool import Connection
from store.trips import StopToAdd

SHORTEST_ROUTE_M = 1.0

router = APIRouter(prefix="/v1/trips", tags=["trips"])


@router.post("", status_code=HTTPStatus.CREATED)
async def create_trip(new: NewTrip, api: Api, principal: Staff) -> Trip:
    """Plan a trip; without a route the routing engine finds one, or it goes straight from stop to stop."""
    public_id = api.sources.new_id()
    fences = [stop.geofence_id for stop in new.stops if stop.geofence_id is not None]
    async with api.reading() as connection:
        places = await geofences.resolve(connection, principal, fences)
    points = [_point(stop, places) for stop in new.stops]
    lats, lons, free_flow_s = await asyncio.to_thread(_route, new, points, api.router)
    async with api.writing() as work:
        trip_id = await trips.create(
            work.connection,
            principal,
            api.cipher,
            public_id=public_id,
            vehicle=new.vehicle_id,
            label=new.label,
            active_from=new.active_from,
            active_to=new.active_to,
            route_lats=lats,
            route_lons=lons,
            stops=_stops(new, places, points, lats, lons),
            free_flow_s=free_flow_s,
        )
        now = api.sources.clock()
        await audit.record(work.connection, principal, "add", f"trip:{trip_id}", {}, now)
        work.tell("trip", [trip_id])
        return await read_trip(work.connection, principal, public_id)


@router.get("")
async def list_trips(
    api: Api,
    principal: Staff,
    vehicle_id: UUID | None = None,
    active_at: Time | None = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[TripSummary]:
    """Trips in the order they were added; those active at a time leave out cancelled ones."""
    async with api.reading() as connection:
        found = await trips.list_page(
            connection, principal, vehicle=vehicle_id, active_at=active_at, after=after, limit=limit
        )
    following = str(found[-1].public_id) if len(found) == limit else None
    return Page(items=[TripSummary(**_head(trip)) for trip in found], next=following)


@router.get("/{trip_id}")
async def get_trip(trip_id: UUID, api: Api, principal: Staff) -> Trip:
    """One trip with its stops, their estimates, its route and progress."""
    async with api.reading() as connection:
        return await read_trip(connection, principal, trip_id)


@router.post("/{trip_id}/cancel")
async def cancel_trip(trip_id: UUID, api: Api, principal: Staff) -> Trip:
    """Cancel a trip, so that its vehicle is free for another; cancelling again changes nothing."""
    async with api.writing() as work:
        now = api.sources.clock()
        internal_id = await trips.cancel(work.connection, principal, trip_id, now)
        await audit.record(work.connection, principal, "cancel", f"trip:{internal_id}", {}, now)
        work.tell("trip", [internal_id])
        return await read_trip(work.connection, principal, trip_id)


@router.put("/{trip_id}/driver", status_code=HTTPStatus.NO_CONTENT)
async def set_trip_driver(trip_id: UUID, given: TripDriver, api: Api, principal: Staff) -> Response:
    """Say who drives a trip: that driver then sees its orders."""
    now = api.sources.clock()
    async with api.writing() as work:
        internal_id = await users.set_trip_driver(work.connection, principal, trip_id, given.driver_id)
        await audit.record(work.connection, principal, "driver", f"trip:{internal_id}", {}, now)
        work.tell("trip", [internal_id])
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _point(stop: NewTripStop, places: dict[UUID, Place]) -> tuple[float, float]:
    """Latitude and longitude of a stop: as given, or a point inside its geofence."""
    if stop.lat is not None and stop.lon is not None:
        return stop.lat, stop.lon
    assert stop.geofence_id is not None  # a NewTripStop has either
    inside = shapely.point_on_surface(shape(places[stop.geofence_id].geometry))
    return inside.y, inside.x


def _route(
    new: NewTrip, points: list[tuple[float, float]], router: Router
) -> tuple[list[float], list[float], float | None]:
    """Latitudes and longitudes of the route, as given; or as the router finds it, then also its free-flow
    seconds.
    """
    free_flow_s = None
    if new.route is None:
        way = router.way(points)
        lats, lons, free_flow_s = list(way.lats), list(way.lons), way.free_flow_s
    else:
        positions = new.route.coordinates if isinstance(new.route, LineString) else new.route
        lats, lons = [lat for _, lat in positions], [lon for lon, _ in positions]
    if cumulative_m(lats, lons)[-1] < SHORTEST_ROUTE_M:
        raise unusable("the route has no length: give stops, or a route, at different places", "/route")
    return lats, lons, free_flow_s


def _stops(
    new: NewTrip,
    places: dict[UUID, Place],
    points: list[tuple[float, float]],
    route_lats: list[float],
    route_lons: list[float],
) -> list[StopToAdd]:
    distances = stop_distances_m(
        route_lats, route_lons, [lat for lat, _ in points], [lon for _, lon in points]
    )
    return [
        StopToAdd(
            seq=seq,
            name=stop.name,
            kind=stop.kind,
            geofence_id=None if stop.geofence_id is None else places[stop.geofence_id].geofence_id,
            lat=lat,
            lon=lon,
            distance_m=distance_m,
            planned_arrival_at=stop.planned_arrival_at,
            planned_departure_at=stop.planned_departure_at,
            service_s=stop.service_s,
        )
        for seq, (stop, (lat, lon), distance_m) in enumerate(zip(new.stops, points, distances, strict=True))
    ]


async def read_trip(connection: Connection, principal: Principal, public_id: UUID) -> Trip:
    """One trip with stops, route and estimates; NotFound when the principal may not see it."""
    trip = await trips.get(connection, principal, public_id)
    route = await trips.route_of(connection, principal, trip.trip_id)
    stops = await trips.stops_of(connection, principal, trip.trip_id)
    published = await etas.latest_for_trips(connection, principal, [trip.trip_id])
    by_stop = {eta.stop_id: Eta.model_validate(eta) for eta in published}
    return Trip(
        **_head(trip),
        stops=[_stop(stop, by_stop.get(stop.stop_id)) for stop in stops],
        route=LineString(type="LineString", coordinates=list(zip(route.lons, route.lats, strict=True))),
        length_m=float(cumulative_m(route.lats, route.lons)[-1]),
        progress=None if route.progress is None else Progress.model_validate(route.progress),
    )


def _head(trip: trips.Trip) -> dict[str, Any]:
    return {
        "id": trip.public_id,
        "depot_id": trip.depot_public_id,
        "vehicle_id": trip.vehicle_public_id,
        "label": trip.label,
        "active_from": trip.active_from,
        "active_to": trip.active_to,
        "cancelled_at": trip.cancelled_at,
        "created_at": trip.created_at,
    }


def _stop(stop: trips.Stop, eta: Eta | None) -> TripStop:
    return TripStop(
        seq=stop.seq,
        name=stop.name,
        kind=stop.kind,
        geofence_id=stop.geofence_public_id,
        lat=stop.lat,
        lon=stop.lon,
        distance_m=stop.distance_m,
        planned_arrival_at=stop.planned_arrival_at,
        planned_departure_at=stop.planned_departure_at,
        service_s=stop.service_s,
        eta=eta,
        approached_at=stop.approached_at,
        due_soon_at=stop.due_soon_at,
    )
