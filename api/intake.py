"""Taking orders in: what is missing, how they rank, what was promised; one order or a whole file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from api import placing, products
from api.problems import FieldProblem, Refused, unusable
from api.schemas.orders import Contact, NewLeg, NewOrder, NewOrderStop, OrderChange
from api.services import Services
from domain.access import Principal
from domain.addresses import Placed, Placing
from domain.assignment import why_not
from domain.happenings import Happening
from domain.milestones import Evidence
from domain.rules import Channel, Rules, is_surge, priority_of
from store import (
    assignments,
    audit,
    contacts,
    depots,
    evidence,
    geofences,
    intake,
    orders,
    rules,
    trips,
)
from store.depots import Depot
from store.errors import Conflict
from store.intake import Description
from store.orders import OrderToAdd, PackageToAdd, StopToAdd
from store.pool import Connection
from store.unit_of_work import UnitOfWork

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far a partner's clock may be ahead of ours."""
_STAFFS_FIELDS = frozenset(
    {"legs", "received_at", "customer_level", "amount_class", "profit_class", "hold_reason"}
)
CLOSED_TAKES = frozenset({"confirmed", "surveyed", "customer_told"})


async def used_before(connection: Connection, principal: Principal, new: NewOrder) -> UUID | None:
    """The order that was made with this client key and body, if any."""
    if new.client_key is None:
        return None
    use = await orders.claim_client_key(connection, principal, new.client_key)
    if use is None:
        return None
    if use.client_hash != _body_hash(new):
        raise Conflict(
            f"The client key {new.client_key} was used for an order with other content. "
            "Use a new key for a new order."
        )
    return use.public_id


async def take_in(work: UnitOfWork, api: Services, principal: Principal, new: NewOrder) -> UUID:
    """Add an order, whole or lacking something; returns its public id."""
    now, public_id = api.sources.clock(), api.sources.new_id()
    _refuse_staffs_fields(principal, new)
    depot = await depots.get(work.connection, principal, new.depot_id)
    in_force = await rules.in_force(work.connection)
    received_at = new.received_at or now
    if received_at > now + CLOCK_TOLERANCE:
        raise unusable("an order cannot have been received in the future", "/received_at")
    promised_at = new.promised_at or received_at + timedelta(hours=in_force.promise_h)
    if promised_at <= received_at:
        raise unusable("the promise must be later than the receipt of the order", "/promised_at")
    stops = await _stops(work.connection, principal, new.stops or _straight_to_customer(depot))
    order = OrderToAdd(
        public_id=public_id,
        depot_id=depot.depot_id,
        number=new.number
        or await orders.next_number(work.connection, _number_prefix(new, depot, received_at)),
        channel=new.channel,
        channel_reference=new.channel_reference,
        client_key=new.client_key,
        client_hash=None if new.client_key is None else _body_hash(new),
        contact_id=await _add_contact(work.connection, api, principal, depot.depot_id, new.contact),
        priority=new.priority or "regular",
        received_at=received_at,
        promised_at=promised_at,
        shipper_id=principal.shipper_id,
    )
    packages = [PackageToAdd(**package.model_dump()) for package in new.packages]
    order_id = await orders.create(work.connection, principal, api.cipher, order, stops, packages)
    channel = in_force.channel(new.channel)
    given = [intake.Item(**item.model_dump()) for item in new.items]
    items, unknown = await products.complete(work.connection, channel, given)
    description = _description(new, channel, items, unknown)
    await intake.describe(work.connection, order_id, description, items)
    await _rank_new(work.connection, principal, in_force, depot, order_id, order, description, new)
    placed = await placing.at_intake(work.connection, api, order_id, order.contact_id, new.contact, now)
    for kind in _opening_events(description, placed):
        said = Evidence(kind, received_at, "api", "intake", actor=principal.name)
        await evidence.add(work.connection, api.cipher, order_id, said)
    await bind(work, principal, order_id, len(stops) - 1, new.legs, now)
    if principal.user_id is not None:
        # What systems send is no change by hand, and would have every order wait for the audit's one chain.
        await audit.record(work.connection, principal, "add", f"order:{order_id}", {}, now)
    await derive(work, order_id, now)
    return public_id


async def change(
    work: UnitOfWork, api: Services, principal: Principal, order_id: int, wanted: OrderChange
) -> None:
    """Complete or change an order the caller has locked; complete at last, it counts as resubmitted."""
    now = api.sources.clock()
    _refuse_staffs_fields(principal, wanted)
    before = await intake.current(work.connection, order_id)
    if before.closed_at is not None:
        raise Conflict(f"The order is closed ({before.state}): it cannot be changed any more.")
    contact = await _change_contact(work.connection, api, principal, order_id, before, wanted.contact, now)
    in_force = await rules.in_force(work.connection)
    channel = in_force.channel(before.channel)
    given = [intake.Item(**item.model_dump()) for item in wanted.items or ()] or await intake.items_of(
        work.connection, principal, order_id
    )
    items, unknown = await products.complete(work.connection, channel, given)
    if wanted.promised_at is not None:
        if wanted.promised_at <= now:
            raise unusable("a new promise must lie in the future", "/promised_at")
        await intake.set_promise(work.connection, order_id, wanted.promised_at)
    after = _changed(before.description, wanted)
    facts = {"contact": contact, "ordered_at": after.ordered_at, "items": items}
    after.missing[:] = [*_missing(channel, facts), *unknown]
    await intake.describe(work.connection, order_id, after, items)
    asked = wanted.priority or await intake.asked_priority(work.connection, order_id)
    await _rank(
        work.connection,
        in_force,
        order_id,
        after,
        surge=before.surge,
        by=principal.name,
        now=now,
        asked=asked,
    )
    if before.description.missing and not after.missing:
        said = Evidence(Happening.RESUBMITTED, now, "api", now.isoformat(), actor=principal.name)
        await evidence.add(work.connection, api.cipher, order_id, said)
    fields = sorted(wanted.model_fields_set - {"reason"})
    audit_id = await audit.record(
        work.connection, principal, "change", f"order:{order_id}", {"fields": fields}, now
    )
    if wanted.reason:
        await audit.give_reason(work.connection, api.cipher, audit_id, wanted.reason)
    await derive(work, order_id, now)


def _refuse_staffs_fields(principal: Principal, given: NewOrder | OrderChange) -> None:
    """What the company alone judges: no shipper plans trips, vouches for a customer or lifts a hold."""
    if principal.own is None:
        return
    theirs = sorted(_STAFFS_FIELDS & given.model_fields_set)
    if theirs:
        raise Refused(
            HTTPStatus.FORBIDDEN,
            f"Only the company's staff says {', '.join(theirs)} of an order. Leave it out.",
            errors=[FieldProblem(detail="only staff says this", pointer=f"/{name}") for name in theirs],
        )


async def bind(
    work: UnitOfWork,
    principal: Principal,
    order_id: int,
    last_seq: int,
    legs: Sequence[NewLeg],
    now: datetime,
) -> None:
    """Plan an order onto trips."""
    trip_ids = await trips.resolve(work.connection, principal, [leg.trip_id for leg in legs])
    for leg in legs:
        to_seq = last_seq if leg.to_seq is None else leg.to_seq
        if not leg.from_seq < to_seq <= last_seq:
            raise unusable(
                f"a leg goes from a stop to a later one; the order's stops are 0 to {last_seq}", "/to_seq"
            )
        await _refuse_unfit(work.connection, order_id, trip_ids[leg.trip_id], now)
        await orders.add_leg(work.connection, order_id, trip_ids[leg.trip_id], leg.from_seq, to_seq, now)


async def refuse_if_closed(connection: Connection, order_id: int) -> None:
    """Raise Conflict where an order the caller has locked is delivered, returned or cancelled."""
    known = await intake.current(connection, order_id)
    if known.closed_at is not None:
        raise Conflict(f"The order is closed ({known.state}).")


async def _refuse_unfit(connection: Connection, order_id: int, trip_id: int, now: datetime) -> None:
    """A trip still to be driven, by a vehicle that is in the garage or cannot take the order at all."""
    vehicle = await assignments.vehicle_of_trip(connection, trip_id, now)
    reason = None if vehicle is None else why_not(vehicle, await assignments.load_of(connection, order_id))
    if vehicle is not None and reason is not None:
        raise Conflict(f"{vehicle.label} cannot take the order: {reason}. Plan it onto another trip.")


async def derive(work: UnitOfWork, order_id: int, now: datetime) -> None:
    """Derive what follows of the order again and announce it, whether or not anything changed.

    Facts that ingest is committing at this moment cannot be seen here, nor can ingest see the order: `plan`
    has ingest derive it once more when both are committed.
    """
    await evidence.record_evidence(work, [order_id], now)
    work.tell("order", [order_id])
    work.tell("plan", [order_id])


async def _stops(
    connection: Connection, principal: Principal, given: Sequence[NewOrderStop]
) -> list[StopToAdd]:
    fences = [stop.geofence_id for stop in given if stop.geofence_id is not None]
    places = await geofences.resolve(connection, principal, fences)
    return [
        StopToAdd(
            seq=seq,
            kind=stop.kind,
            name=stop.name,
            geofence_id=None if stop.geofence_id is None else places[stop.geofence_id].geofence_id,
            planned_at=stop.planned_at,
        )
        for seq, stop in enumerate(given)
    ]


def _straight_to_customer(depot: Depot) -> list[NewOrderStop]:
    return [NewOrderStop(kind="origin", name=depot.name), NewOrderStop(kind="destination", name="客户")]


async def _add_contact(
    connection: Connection, api: Services, principal: Principal, depot_id: int, contact: Contact | None
) -> int | None:
    if contact is None:
        return None
    point = None
    if contact.lat is not None and contact.lon is not None:
        point = (contact.lat, contact.lon)
    stored = contacts.Contact(
        name=contact.name,
        phone=contact.phone,
        address=contact.address,
        point=point,
        email=contact.email,
        language=contact.language,
    )
    return await contacts.add(
        connection, principal, api.cipher, public_id=api.sources.new_id(), depot_id=depot_id, contact=stored
    )


async def _change_contact(
    connection: Connection,
    api: Services,
    principal: Principal,
    order_id: int,
    before: intake.Current,
    wanted: Contact | None,
    now: datetime,
) -> Contact:
    """The contact with what is wanted of it filled in; changed, it is stored anew and its address placed."""
    known = await _known_contact(connection, api, principal, before)
    if wanted is None:
        return known
    merged = known.model_copy(update=wanted.model_dump(exclude_unset=True))
    if merged.address != known.address and wanted.lat is None:
        merged = merged.model_copy(update={"lat": None, "lon": None})
    contact_id = await _add_contact(connection, api, principal, before.depot_id, merged)
    if contact_id is not None:
        await placing.after_change(connection, api, principal, order_id, contact_id, known, merged, now)
        await intake.set_contact(connection, order_id, contact_id, now)
    return merged


async def _known_contact(
    connection: Connection, api: Services, principal: Principal, before: intake.Current
) -> Contact:
    stored = None
    if before.contact_id is not None:
        stored = await contacts.get(connection, principal, api.cipher, before.contact_id)
    if stored is None:
        return Contact()
    lat, lon = stored.point or (None, None)
    return Contact(
        name=stored.name,
        phone=stored.phone,
        address=stored.address,
        lat=lat,
        lon=lon,
        email=stored.email,
        language="en" if stored.language == "en" else "zh-CN",
    )


def _description(
    new: NewOrder, channel: Channel, items: Sequence[intake.Item], unknown: Sequence[str]
) -> Description:
    facts = {"contact": new.contact, "ordered_at": new.ordered_at, "items": items}
    return Description(
        ordered_at=new.ordered_at,
        promise_given=new.promised_at is not None,
        tagged_urgent=new.tagged_urgent,
        custom=new.custom,
        production_at=new.production_at,
        customer_level=new.customer_level,
        return_without_fault=new.return_without_fault,
        amount_class=new.amount_class,
        profit_class=new.profit_class,
        hold_reason=new.hold_reason,
        waybill=new.waybill,
        missing=[*_missing(channel, facts), *unknown],
    )


def _missing(channel: Channel, facts: dict[str, Any]) -> list[str]:
    """The required fields that are not there: `contact.phone`, or `items.name` when any item lacks it."""
    return [name for name in channel.required if not _is_there(name, facts)]


def _is_there(name: str, facts: dict[str, Any]) -> bool:
    head, _, field = name.partition(".")
    value = facts.get(head)
    if not field:
        return bool(value)
    parts: Sequence[Contact | intake.Item] = value if isinstance(value, list) else [value] if value else []
    return all(getattr(part, field, None) not in (None, "") for part in parts) and (
        bool(parts) or head == "items"
    )


_TAKEN_BACK = {"production_at", "customer_level", "amount_class", "profit_class", "hold_reason", "waybill"}
"""Flags that null takes back."""


def _changed(before: Description, wanted: OrderChange) -> Description:
    values = {name: getattr(before, name) for name in Description.__slots__}
    given = wanted.model_dump(exclude_none=True)
    values.update({name: given[name] for name in values.keys() & given.keys()})
    values.update(dict.fromkeys(_TAKEN_BACK & wanted.model_fields_set - given.keys()))
    values["promise_given"] = before.promise_given or wanted.promised_at is not None
    values["missing"] = []
    return Description(**values)


def _opening_events(description: Description, placed: Placed | None) -> list[Happening]:
    kinds = []
    if placed is not None and placed.placing is Placing.REVIEW:
        kinds.append(Happening.ADDRESS_REVIEW)
    if description.missing:
        kinds.append(Happening.PENDING_INFO)
    if description.hold_reason == "stock":
        kinds.append(Happening.AWAITING_TRANSFER)
    return kinds


async def _rank_new(
    connection: Connection,
    principal: Principal,
    in_force: Rules,
    depot: Depot,
    order_id: int,
    order: OrderToAdd,
    description: Description,
    new: NewOrder,
) -> None:
    """Give a new order its priority: the one asked for, else by the rules."""
    today, before = await intake.orders_on_this_weekday(
        connection,
        depot.depot_id,
        order.channel,
        order.received_at,
        zone=depot.time_zone,
        weeks=in_force.surge.weeks,
    )
    await _rank(
        connection,
        in_force,
        order_id,
        description,
        surge=is_surge(today, before, in_force.surge),
        by=principal.name,
        now=order.received_at,
        asked=new.priority,
        is_first=True,
    )


async def _rank(
    connection: Connection,
    in_force: Rules,
    order_id: int,
    description: Description,
    *,
    surge: bool,
    by: str,
    now: datetime,
    asked: str | None = None,
    is_first: bool = False,
) -> None:
    traits = {name: getattr(description, name) for name in _RANKED_BY} | {"surge": surge}
    by_rule = priority_of(in_force.priorities, traits)
    why = ", ".join(name for name, value in traits.items() if value) or "no rule applies"
    await intake.set_priority(
        connection,
        order_id,
        asked or by_rule,
        surge=surge,
        reason=intake.ASKED_FOR if asked else why,
        by=by,
        now=now,
        is_first=is_first,
    )


_RANKED_BY = ("tagged_urgent", "custom", "customer_level", "return_without_fault")


def _number_prefix(new: NewOrder, depot: Depot, received_at: datetime) -> str:
    """The day the order was received, in its depot's zone, and its channel."""
    return f"{received_at.astimezone(ZoneInfo(depot.time_zone)):%Y%m%d}{new.channel.upper()}"


def _body_hash(new: NewOrder) -> bytes:
    return hashlib.sha256(new.model_dump_json(exclude_none=True).encode()).digest()
