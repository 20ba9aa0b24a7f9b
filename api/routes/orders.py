"""Orders: created by people and partner systems, read with all that is known about them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api import placing
from api.auth import Staff
from api.intake import CLOSED_TAKES, bind, change, derive, refuse_if_closed, take_in, used_before
from api.order_view import read_order, read_page
from api.problems import FieldProblem, Refused, unusable
from api.schemas.base import Name, Page, Time
from api.schemas.orders import (
    AddressChoice,
    AuditEntry,
    ClockReason,
    NewEvidence,
    NewLeg,
    NewOrder,
    Order,
    OrderChange,
    OrderSummary,
)
from api.services import Api, Limit
from domain.access import Principal, Role
from domain.happenings import Happening
from domain.milestones import NO_STOP, Evidence, Kind, Stage, kind_of
from store import audit, evidence, intake, order_views, orders, trips
from store.errors import Conflict
from store.order_views import Filter
from store.pool import Connection

router = APIRouter(prefix="/v1/orders", tags=["orders"])


@router.post("", status_code=HTTPStatus.CREATED)
async def create_order(new: NewOrder, api: Api, principal: Staff) -> Order:
    """Add an order; sent again with the same `client_key` and body, the answer is that same order."""
    async with api.writing() as work:
        earlier = await used_before(work.connection, principal, new)
        if earlier is not None:
            return await read_order(work.connection, api, principal, earlier)
        public_id = await take_in(work, api, principal, new)
        return await read_order(work.connection, api, principal, public_id)


@router.get("")
async def list_orders(
    api: Api,
    principal: Staff,
    depot_id: UUID | None = None,
    number: Name | None = None,
    channel_reference: Name | None = None,
    trip_id: UUID | None = None,
    open_: Annotated[bool, Query(alias="open", description="only undelivered, uncancelled ones")] = False,
    late: Annotated[bool, Query(description="only those not delivered by their promised time")] = False,
    after: Annotated[UUID | None, Query(description="`next` of the page before")] = None,
    limit: Limit = 100,
) -> Page[OrderSummary]:
    """Orders, the newest first."""
    wanted = Filter(
        depot=depot_id,
        number=number,
        channel_reference=channel_reference,
        trip=trip_id,
        is_open=open_,
        is_late=late,
    )
    async with api.reading() as connection:
        return await read_page(connection, api, principal, wanted, before=after, limit=limit)


@router.get("/{order_id}")
async def get_order(order_id: UUID, api: Api, principal: Staff) -> Order:
    """One order with its stops, packages, legs, milestones and estimates."""
    async with api.reading() as connection:
        return await read_order(connection, api, principal, order_id)


@router.patch("/{order_id}")
async def change_order(order_id: UUID, wanted: OrderChange, api: Api, principal: Staff) -> Order:
    """Complete or change an order; deadlines and priority are worked out again."""
    async with api.writing() as work:
        internal_id, _ = await orders.lock(work.connection, principal, order_id)
        await change(work, api, principal, internal_id, wanted)
        return await read_order(work.connection, api, principal, order_id)


@router.post("/{order_id}/cancellation")
async def cancel_order(order_id: UUID, api: Api, principal: Staff) -> Order:
    """Cancel an order: it is closed, its clocks end."""
    now = api.sources.clock()
    async with api.writing() as work:
        internal_id, _ = await orders.lock(work.connection, principal, order_id)
        known = await intake.current(work.connection, internal_id)
        if known.state in ("delivered", "returned"):
            raise Conflict(f"The order is {known.state}: it cannot be cancelled any more.")
        await intake.cancel(work.connection, internal_id, now)
        await audit.record(work.connection, principal, "cancel", f"order:{internal_id}", {}, now)
        await derive(work, internal_id, now)
        return await read_order(work.connection, api, principal, order_id)


@router.post("/{order_id}/clocks/{clock}/reason")
async def give_reason(order_id: UUID, clock: str, given: ClockReason, api: Api, principal: Staff) -> Order:
    """Say why a clock passed its limit."""
    now = api.sources.clock()
    async with api.writing() as work:
        internal_id, _ = await orders.lock(work.connection, principal, order_id)
        await intake.give_reason(
            work.connection, api.cipher, internal_id, clock, reason=given.reason, by=principal.name, now=now
        )
        detail = {"clock": clock}
        await audit.record(work.connection, principal, "reason", f"order:{internal_id}", detail, now)
        work.tell("order", [internal_id])
        return await read_order(work.connection, api, principal, order_id)


@router.post("/{order_id}/address")
async def choose_address(order_id: UUID, choice: AddressChoice, api: Api, principal: Staff) -> Order:
    """Say where an order goes whose address fits several places, or lies elsewhere than we think."""
    now = api.sources.clock()
    async with api.writing() as work:
        internal_id, _ = await orders.lock(work.connection, principal, order_id)
        await placing.choose(work.connection, api, principal, internal_id, choice, now)
        how = "point" if choice.candidate is None else "candidate"
        await audit.record(work.connection, principal, "address", f"order:{internal_id}", {"given": how}, now)
        await derive(work, internal_id, now)
        return await read_order(work.connection, api, principal, order_id)


@router.get("/{order_id}/audit")
async def read_audit(order_id: UUID, api: Api, principal: Staff) -> Page[AuditEntry]:
    """What people changed of an order by hand, the first change first."""
    async with api.reading() as connection:
        order = await order_views.get(connection, principal, order_id)
        found = await audit.of_subject(connection, api.cipher, f"order:{order.order_id}")
    return Page(items=[AuditEntry(**entry) for entry in found])


@router.post("/{order_id}/legs", status_code=HTTPStatus.CREATED)
async def add_leg(order_id: UUID, new: NewLeg, api: Api, principal: Staff) -> Order:
    """Plan an order onto a trip."""
    now = api.sources.clock()
    async with api.writing() as work:
        internal_id, last_seq = await orders.lock(work.connection, principal, order_id)
        await bind(work, principal, internal_id, last_seq, [new], now)
        detail = {"trip": str(new.trip_id)}
        await audit.record(work.connection, principal, "plan", f"order:{internal_id}", detail, now)
        await derive(work, internal_id, now)
        return await read_order(work.connection, api, principal, order_id)


@router.delete("/{order_id}/legs/{trip_id}")
async def end_leg(
    order_id: UUID,
    trip_id: UUID,
    api: Api,
    principal: Staff,
    at: Annotated[
        Time | None,
        Query(description="since when it holds no more; left out: now"),
    ] = None,
) -> Order:
    """Take an order off a trip it is planned on; what load scans bind stays until it is scanned off."""
    now = api.sources.clock()
    if at is not None and at > now:
        raise Refused(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "A plan can be ended now or in the past.",
            errors=[FieldProblem(detail="must not be in the future", parameter="at")],
        )
    async with api.writing() as work:
        internal_id, _ = await orders.lock(work.connection, principal, order_id)
        await refuse_if_closed(work.connection, internal_id)
        trip_ids = await trips.resolve(work.connection, principal, [trip_id])
        await orders.end_plan(work.connection, internal_id, trip_ids[trip_id], at or now)
        detail = {"trip": str(trip_id), "at": (at or now).isoformat()}
        await audit.record(work.connection, principal, "end_plan", f"order:{internal_id}", detail, now)
        await derive(work, internal_id, now)
        return await read_order(work.connection, api, principal, order_id)


@router.post("/{order_id}/evidence", status_code=HTTPStatus.CREATED)
async def add_evidence(order_id: UUID, new: NewEvidence, api: Api, principal: Staff) -> Order:
    """Say that a stage of an order happened; saying it again with the same `source_key` changes nothing."""
    now = api.sources.clock()
    async with api.writing() as work:
        internal_id, last_seq = await orders.lock(work.connection, principal, order_id)
        package_id = None
        if new.package_code is not None:
            package_id = await orders.package_id(work.connection, internal_id, new.package_code)
        await _refuse_if_closed(work.connection, internal_id, new)
        _refuse_unexplained(principal, new)
        if new.manual:
            _refuse_owner(principal)
        if new.manual or principal.user_id is not None:
            detail = {"kind": new.stage}
            await audit.record(work.connection, principal, "evidence", f"order:{internal_id}", detail, now)
        said = Evidence(
            kind=_kind(new),
            at=new.at,
            source="manual" if new.manual else "api",
            source_key=new.source_key,
            package_id=package_id,
            stop_seq=_stop_seq(new, last_seq),
            actor=principal.name if principal.own else new.actor or principal.name,
            reason=new.reason,
        )
        point = None if new.lat is None or new.lon is None else (new.lat, new.lon)
        handover = evidence.Handover(new.signed_by, new.proof, new.note, point)
        is_new = await evidence.add(work.connection, api.cipher, internal_id, said, handover)
        if is_new and new.waybill is not None:
            await intake.set_waybill(work.connection, internal_id, new.waybill)
        await derive(work, internal_id, now)
        return await read_order(work.connection, api, principal, order_id)


async def _refuse_if_closed(connection: Connection, order_id: int, new: NewEvidence) -> None:
    """A closed order takes what follows a delivery, and corrections that give a reason."""
    known = await intake.current(connection, order_id)
    if known.closed_at is not None and new.stage not in CLOSED_TAKES and not new.manual:
        raise Conflict(
            f"The order is closed ({known.state}). To correct it, send manual evidence with actor and reason."
        )


def _refuse_unexplained(principal: Principal, new: NewEvidence) -> None:
    """A driver who comes back with a parcel says why: the next attempt depends on it."""
    in_vain = new.stage in (Happening.ATTEMPT_FAILED, Happening.REFUSED)
    if principal.role == Role.DRIVER and in_vain and not new.reason:
        raise unusable("say why the parcel could not be handed over", "/reason")


def _refuse_owner(principal: Principal) -> None:
    if principal.own is not None:
        raise Refused(HTTPStatus.FORBIDDEN, "Corrections by hand are made by the company's staff.")


def _kind(new: NewEvidence) -> Kind:
    try:
        return kind_of(new.stage)
    except ValueError as exc:
        raise unusable(str(exc), "/stage") from exc


def _stop_seq(new: NewEvidence, last_seq: int) -> int:
    """Only a hub's stage belongs to a stop, one between the first and the last."""
    if new.stage != Stage.AT_HUB:
        return NO_STOP
    if new.stop_seq is None or not 0 < new.stop_seq < last_seq:
        raise unusable("at_hub needs the stop_seq of one of the order's hubs", "/stop_seq")
    return new.stop_seq
