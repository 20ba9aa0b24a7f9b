"""A driver's stops of the day, in order."""

from __future__ import annotations

import dataclasses

from fastapi import APIRouter

from api.auth import Staff
from api.order_view import contact_of
from api.schemas.orders import Contact
from api.schemas.tasks import MyStop, MyStops, MyTrip, StopOrder
from api.services import Api, Services
from domain.access import Principal
from store import contacts, etas, my_stops
from store.etas import StopEta
from store.my_stops import OrderThere, OwnStop, OwnTrip
from store.pool import Connection

router = APIRouter(prefix="/v1/my", tags=["tasks"])

PAST_M = 500.0
"""So far beyond a stop a vehicle has left it."""


@router.get("/stops")
async def list_my_stops(api: Api, principal: Staff) -> MyStops:
    """My trips of the day with their stops in order, when I get there, and what I hand over.

    Deliveries, failed attempts and the rest are said with `POST /v1/orders/{order_id}/evidence`.
    """
    now = api.sources.clock()
    driver_id = principal.own.driver_id if principal.own is not None else None
    if driver_id is None:
        return MyStops(at=now, trips=[])
    async with api.reading() as connection:
        trips = await my_stops.trips_of_day(connection, driver_id, now)
        # Its own trips are a driver's to see, in whatever depot they are.
        seer = dataclasses.replace(principal, depot_ids=tuple({trip.depot_id for trip in trips}))
        trip_ids = [trip.trip_id for trip in trips]
        stops = await my_stops.stops_of(connection, api.cipher, trip_ids)
        published = await etas.latest_for_trips(connection, seer, trip_ids)
        arrivals = {eta.stop_id: eta for eta in published}
        shown = [
            MyTrip(
                id=trip.public_id,
                label=trip.label,
                vehicle_label=trip.vehicle_label,
                active_from=trip.active_from,
                active_to=trip.active_to,
                stops=[
                    await _stop(connection, api, seer, trip, stop, arrivals.get(stop.stop_id))
                    for stop in stops[trip.trip_id]
                ],
            )
            for trip in trips
        ]
    return MyStops(at=now, trips=shown)


async def _stop(
    connection: Connection,
    api: Services,
    principal: Principal,
    trip: OwnTrip,
    stop: OwnStop,
    arrival: StopEta | None,
) -> MyStop:
    is_past = trip.distance_m is not None and trip.distance_m > stop.distance_m + PAST_M
    return MyStop(
        seq=stop.seq,
        name=stop.name,
        kind=stop.kind,
        lat=stop.lat,
        lon=stop.lon,
        planned_arrival_at=stop.planned_arrival_at,
        p50_at=None if arrival is None else arrival.p50_at,
        p90_at=None if arrival is None else arrival.p90_at,
        done=all(order.done for order in stop.orders) if stop.orders else is_past,
        orders=[
            StopOrder(
                id=order.public_id,
                number=order.number,
                does=order.does,
                packages=order.packages,
                done=order.done,
                failed_reason=order.failed,
                contact=await _contact(connection, api, principal, order),
            )
            for order in stop.orders
        ],
    )


async def _contact(
    connection: Connection, api: Services, principal: Principal, order: OrderThere
) -> Contact | None:
    """Whom a parcel is handed to, until it is."""
    if order.does != "deliver" or order.done or order.contact_id is None:
        return None
    found = await contacts.get(connection, principal, api.cipher, order.contact_id)
    return None if found is None else contact_of(found)
