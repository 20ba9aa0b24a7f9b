"""One field to find everything by."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Staff
from api.schemas.search import Found, Hit, OrderHit, TripHit, VehicleHit
from api.services import Api, Services
from domain.access import Principal
from store import contacts, search
from store.pool import Connection
from store.search import FoundOrder

router = APIRouter(prefix="/v1/search", tags=["search"])

Typed = Annotated[str, Query(min_length=2, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


@router.get("")
async def search_everything(
    q: Typed,
    api: Api,
    principal: Staff,
    limit: Annotated[int, Query(ge=1, le=50, description="most hits of a kind")] = 10,
) -> Found:
    """Orders by number, reference, waybill, package code or phone (or its last four digits), vehicles, trips.

    A number is found by its beginning or its end. By phone number only those find who may read it.
    """
    text = q.strip()
    async with api.reading() as connection:
        orders = await search.orders(connection, principal, api.cipher, text, limit=limit)
        hits: list[Hit] = [await _order(connection, api, principal, order) for order in orders]
        for vehicle in await search.vehicles(connection, principal, text, limit=limit):
            hits.append(
                VehicleHit(
                    id=vehicle.public_id, label=vehicle.label, kind=vehicle.kind, status=vehicle.status
                )
            )
        for trip in await search.trips(connection, principal, text, api.sources.clock(), limit=limit):
            hits.append(
                TripHit(
                    id=trip.public_id,
                    label=trip.label,
                    vehicle_id=trip.vehicle_public_id,
                    vehicle_label=trip.vehicle_label,
                    active_from=trip.active_from,
                    active_to=trip.active_to,
                )
            )
    return Found(items=hits)


async def _order(connection: Connection, api: Services, principal: Principal, order: FoundOrder) -> OrderHit:
    contact = None
    if order.contact_id is not None and principal.reads_contacts:
        contact = await contacts.get(connection, principal, api.cipher, order.contact_id)
    return OrderHit.model_validate(
        {
            "id": order.public_id,
            "label": order.number,
            "matched": order.matched,
            "state": order.state,
            "promised_at": order.promised_at,
            "customer": None if contact is None else contact.name,
        }
    )
