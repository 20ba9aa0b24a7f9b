"""What staff see of orders, made from what the store knows."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from api.schemas.base import Page
from api.schemas.orders import (
    AddressCandidate,
    ClockRun,
    Conflict,
    Contact,
    Leg,
    Milestone,
    Order,
    OrderAddress,
    OrderItem,
    OrderStop,
    OrderSummary,
    Package,
    PriorityChange,
    Proof,
)
from api.schemas.trips import Eta
from api.services import Services
from domain.access import Principal
from domain.addresses import why_no_eta
from domain.milestones import colour
from store import addresses, conflicts, contacts, etas, intake, order_views, proofs
from store.order_views import Filter
from store.pool import Connection


async def read_order(connection: Connection, api: Services, principal: Principal, public_id: UUID) -> Order:
    """One order with everything known about it; NotFound when the principal may not see it."""
    order = await order_views.get(connection, principal, public_id)
    now = api.sources.clock()
    published = await etas.latest_for_orders(connection, principal, [order.order_id])
    by_stop = {eta.stop_seq: Eta.model_validate(eta) for eta in published}
    contact = None
    if order.contact_id is not None and principal.reads_contacts:
        contact = await contacts.get(connection, principal, api.cipher, order.contact_id)
    legs = await order_views.legs_of(connection, principal, order.order_id)
    stops = await order_views.stops_of(connection, principal, api.cipher, order.order_id)
    address = await addresses.of_order(connection, principal, api.cipher, order.order_id)
    return Order(
        **_head(order),
        client_key=order.client_key,
        **{name: getattr(order, name) for name in _SHOWN_AS_STORED},
        items=[
            OrderItem.model_validate(item)
            for item in await intake.items_of(connection, principal, order.order_id)
        ],
        **await _for_staff(connection, api, principal, order, now),
        contact=None if contact is None else contact_of(contact),
        address=None if address is None else _address(address, principal),
        no_eta_reason=why_no_eta(
            has_eta=stops[-1].seq in by_stop,
            is_closed=order.closed_at is not None,
            has_trip=any(leg.unbound_at is None for leg in legs),
            placing=None if address is None else address.placing,
        ),
        stops=[_stop(stop, by_stop.get(stop.seq)) for stop in stops],
        packages=[
            Package.model_validate(package)
            for package in await order_views.packages_of(connection, principal, order.order_id)
        ],
        proofs=[
            _proof(one, principal)
            for one in await proofs.of_order(connection, principal, api.cipher, order.order_id)
        ],
        legs=[_leg(leg) for leg in legs],
        milestones=[
            _milestone(milestone, now)
            for milestone in await order_views.milestones_of(connection, principal, order.order_id)
        ],
    )


async def _for_staff(
    connection: Connection, api: Services, principal: Principal, order: order_views.Order, now: datetime
) -> dict[str, Any]:
    """How the company works at an order and what its people wrote: owners read none of it."""
    if principal.own is not None:
        return _FOR_OWNERS
    return {
        **{name: getattr(order, name) for name in _JUDGED},
        "clocks": [
            _clock(line, now)
            for line in await intake.clocks_of(connection, principal, api.cipher, order.order_id)
        ],
        "priority_changes": [
            PriorityChange.model_validate(change)
            for change in await intake.priority_changes(connection, principal, order.order_id)
        ],
        "conflicts": [
            conflict_of(api, principal, one)
            for one in await conflicts.of_order(connection, principal, order.order_id)
        ],
    }


_JUDGED = ("customer_level", "amount_class", "profit_class", "hold_reason")
_FOR_OWNERS: dict[str, Any] = dict.fromkeys(_JUDGED) | {"clocks": [], "priority_changes": [], "conflicts": []}


async def read_page(
    connection: Connection,
    api: Services,
    principal: Principal,
    wanted: Filter,
    *,
    before: UUID | None,
    limit: int,
) -> Page[OrderSummary]:
    """A page of orders, the newest first, each with the estimate for its last stop."""
    found = await order_views.list_page(
        connection, principal, wanted, now=api.sources.clock(), before=before, limit=limit
    )
    published = await etas.latest_for_orders(connection, principal, [line.order_id for line in found])
    at_destination = {eta.order_id: Eta.model_validate(eta) for eta in published if eta.kind == "destination"}
    items = [
        OrderSummary(
            **_head(line),
            stage=line.stage,
            late=line.late,
            destination_eta=at_destination.get(line.order_id),
        )
        for line in found
    ]
    return Page(items=items, next=str(found[-1].public_id) if len(found) == limit else None)


_SHOWN_AS_STORED = (
    "state", "closed_at", "missing", "waybill", "ordered_at", "promise_given", "tagged_urgent", "custom",
    "production_at", "surge",
)  # fmt: skip


def _head(order: order_views.Order | order_views.OrderLine) -> dict[str, Any]:
    return {
        "id": order.public_id,
        "depot_id": order.depot_public_id,
        "number": order.number,
        "channel": order.channel,
        "channel_reference": order.channel_reference,
        "priority": order.priority,
        "received_at": order.received_at,
        "promised_at": order.promised_at,
        "cancelled_at": order.cancelled_at,
        "created_at": order.created_at,
    }


def contact_of(contact: contacts.Contact) -> Contact:
    """A contact as the API shows it."""
    lat, lon = contact.point or (None, None)
    return Contact(
        name=contact.name,
        phone=contact.phone,
        address=contact.address,
        lat=lat,
        lon=lon,
        email=contact.email,
        language="en" if contact.language == "en" else "zh-CN",
    )


def conflict_of(api: Services, principal: Principal, found: conflicts.ListedConflict) -> Conflict:
    """A conflict as the API shows it."""
    return Conflict(
        id=found.public_id,
        order_id=found.order_public_id,
        order_number=found.order_number,
        package_code=found.package_code,
        kind=found.kind,
        at=found.at,
        vehicle_labels=found.vehicle_labels,
        detail=found.detail,
        found_at=found.found_at,
        ended_at=found.ended_at,
        settled_at=found.settled_at,
        settled_by=found.settled_by,
        reason=conflicts.open_reason(api.cipher, found.reason_cipher) if principal.reads_contacts else None,
    )


def _address(address: addresses.OrderAddress, principal: Principal) -> OrderAddress:
    return OrderAddress(
        placing=address.placing,
        reason=address.reason,
        division=address.division,
        placed_at=address.placed_at,
        corrected_at=address.corrected_at,
        delivered_off_m=address.delivered_off_m,
        candidates=[
            AddressCandidate(
                label=one.label,
                lat=None if one.point is None else one.point[0],
                lon=None if one.point is None else one.point[1],
            )
            for one in address.candidates
            if principal.reads_contacts
        ],
    )


def _proof(found: proofs.Proof, principal: Principal) -> Proof:
    if not principal.reads_contacts:
        found = proofs.Proof(found.package_code, found.at, found.source, None, None, None, None)
    lat, lon = found.point or (None, None)
    return Proof(
        package_code=found.package_code,
        at=found.at,
        source=found.source,
        signed_by=found.signed_by,
        proof=found.proof,
        note=found.note,
        lat=lat,
        lon=lon,
    )


def _clock(line: intake.ClockLine, now: datetime) -> ClockRun:
    run = line.run
    return ClockRun(
        clock=line.clock,
        ends_with=line.ends_with,
        owner_role=line.owner_role,
        superior_role=line.superior_role,
        started_at=line.started_at,
        warn_at=line.warn_at,
        deadline_at=line.deadline_at,
        stopped_at=line.stopped_at,
        gross_s=run.gross(now).total_seconds(),
        net_s=run.net(now).total_seconds(),
        reason=line.reason,
        reason_by=line.reason_by,
        reason_at=line.reason_at,
    )


def _stop(stop: order_views.Stop, eta: Eta | None) -> OrderStop:
    return OrderStop(
        seq=stop.seq,
        kind=stop.kind,
        name=stop.name,
        geofence_id=stop.geofence_public_id,
        planned_at=stop.planned_at,
        eta=eta,
        approached_at=stop.approached_at,
        due_soon_at=stop.due_soon_at,
    )


def _leg(leg: order_views.Leg) -> Leg:
    return Leg(
        trip_id=leg.trip_public_id,
        vehicle_id=leg.vehicle_public_id,
        vehicle_label=leg.vehicle_label,
        package_code=leg.package_code,
        from_seq=leg.from_seq,
        to_seq=leg.to_seq,
        bound_by=leg.bound_by,
        bound_at=leg.bound_at,
        unbound_at=leg.unbound_at,
    )


def _milestone(milestone: order_views.Milestone, now: datetime) -> Milestone:
    return Milestone(
        stage=milestone.stage,
        stop_seq=milestone.stop_seq,
        planned_at=milestone.planned_at,
        estimated_at=milestone.estimated_at,
        actual_at=milestone.actual_at,
        plus_minus_s=milestone.plus_minus_s,
        deadline_at=milestone.deadline_at,
        owner_role=milestone.owner_role,
        superior_role=milestone.superior_role,
        colour=colour(milestone.actual_at, milestone.deadline_at, now, in_trouble=milestone.in_trouble).value,
        done_packages=milestone.done_packages,
        of_packages=milestone.of_packages,
        recorded_at=milestone.recorded_at,
    )
