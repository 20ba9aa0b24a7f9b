"""Which vehicle takes an order."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter

from api.auth import Staff
from api.intake import derive, refuse_if_closed
from api.schemas.assignments import Assignment, Candidate, Candidates, LeftOut, NewAssignment
from api.schemas.base import Page
from api.services import Api
from domain.access import Principal
from domain.assignment import rank, why_not
from domain.milestones import Evidence, Stage
from geo.distance import haversine_m
from store import assignments, audit, evidence, order_views, orders
from store.errors import Conflict, NotFound
from store.pool import Connection

router = APIRouter(prefix="/v1/orders", tags=["orders"])


@router.get("/{order_id}/candidates")
async def list_candidates(order_id: UUID, api: Api, principal: Staff) -> Candidates:
    """The depot's vehicles that could take the order, the best first, and why the others cannot."""
    async with api.reading() as connection:
        order = await order_views.get(connection, principal, order_id)
        origin = await assignments.place_of(connection, order.order_id, "origin")
        destination = await assignments.place_of(connection, order.order_id, "destination")
        load = await assignments.load_of(connection, order.order_id)
        fleet = await assignments.fleet(connection, principal, order.order_id, origin)
    journey_m = None
    if origin is not None and destination is not None:
        journey_m = haversine_m(*origin, *destination).item()
    able, left_out = rank(
        fleet.values(), load, journey_m=journey_m, promised_at=order.promised_at, now=api.sources.clock()
    )
    ids = {vehicle.vehicle_id: public_id for public_id, vehicle in fleet.items()}
    return Candidates(
        items=[
            Candidate(
                vehicle_id=ids[one.vehicle.vehicle_id],
                vehicle_label=one.vehicle.label,
                to_origin_s=one.to_origin_s,
                slack_s=one.slack_s,
                remaining_kg=one.remaining_kg,
                remaining_m3=one.remaining_m3,
            )
            for one in able
        ],
        left_out=[
            LeftOut(vehicle_id=ids[vehicle.vehicle_id], vehicle_label=vehicle.label, reason=reason)
            for vehicle, reason in left_out
        ],
    )


@router.post("/{order_id}/assignment", status_code=HTTPStatus.CREATED)
async def assign_order(order_id: UUID, new: NewAssignment, api: Api, principal: Staff) -> Page[Assignment]:
    """Give the order to a vehicle that can take it; whoever had it has it no more."""
    now = api.sources.clock()
    async with api.writing() as work:
        internal_id, _ = await orders.lock(work.connection, principal, order_id)
        await refuse_if_closed(work.connection, internal_id)
        fleet = await assignments.fleet(work.connection, principal, internal_id, None, only=new.vehicle_id)
        vehicle = fleet.get(new.vehicle_id)
        if vehicle is None:
            raise NotFound(f"There is no vehicle {new.vehicle_id} in the order's depot.")
        reason = why_not(vehicle, await assignments.load_of(work.connection, internal_id))
        if reason is not None:
            raise Conflict(f"{vehicle.label} cannot take the order: {reason}. Choose another vehicle.")
        await assignments.assign(work.connection, internal_id, vehicle.vehicle_id, by=principal.name, now=now)
        key = f"assignment/{vehicle.vehicle_id}/{now.isoformat()}"
        said = Evidence(Stage.VEHICLE_ASSIGNED, now, "api", key, actor=principal.name)
        await evidence.add(work.connection, api.cipher, internal_id, said)
        detail = {"vehicle": vehicle.vehicle_id}
        await audit.record(work.connection, principal, "assign", f"order:{internal_id}", detail, now)
        await derive(work, internal_id, now)
        return await _history(work.connection, principal, internal_id)


@router.delete("/{order_id}/assignment")
async def unassign_order(order_id: UUID, api: Api, principal: Staff) -> Page[Assignment]:
    """Take the order from its vehicle: it waits for one again."""
    now = api.sources.clock()
    async with api.writing() as work:
        internal_id, _ = await orders.lock(work.connection, principal, order_id)
        await refuse_if_closed(work.connection, internal_id)
        if not await assignments.unassign(work.connection, internal_id, by=principal.name, now=now):
            raise Conflict("The order is given to no vehicle.")
        await audit.record(work.connection, principal, "unassign", f"order:{internal_id}", {}, now)
        await derive(work, internal_id, now)
        return await _history(work.connection, principal, internal_id)


@router.get("/{order_id}/assignments")
async def list_assignments(order_id: UUID, api: Api, principal: Staff) -> Page[Assignment]:
    """The vehicles the order was given to, the first one first."""
    async with api.reading() as connection:
        order = await order_views.get(connection, principal, order_id)
        return await _history(connection, principal, order.order_id)


async def _history(connection: Connection, principal: Principal, order_id: int) -> Page[Assignment]:
    found = await assignments.history(connection, principal, order_id)
    return Page(
        items=[
            Assignment(
                vehicle_id=one.vehicle_public_id,
                vehicle_label=one.vehicle_label,
                assigned_at=one.assigned_at,
                assigned_by=one.assigned_by,
                ended_at=one.ended_at,
                ended_by=one.ended_by,
            )
            for one in found
        ]
    )
