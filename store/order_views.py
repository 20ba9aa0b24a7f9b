"""Orders as people read them: one with all its parts, or pages of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.access import Own, Principal
from domain.milestones import Stage
from store.cipher import Cipher
from store.errors import NotFound
from store.place_names import opened_name
from store.pool import Connection
from store.queries import load

_queries = load("orders")
_STAGES = [stage.value for stage in Stage]


@dataclass(frozen=True, slots=True)
class Order:
    """The head of an order."""

    order_id: int
    public_id: UUID
    depot_public_id: UUID
    number: str
    channel: str
    channel_reference: str | None
    client_key: str | None
    contact_id: int | None
    priority: str
    received_at: datetime
    promised_at: datetime
    cancelled_at: datetime | None
    created_at: datetime
    state: str
    closed_at: datetime | None
    missing: list[str]
    waybill: str | None
    ordered_at: datetime | None
    promise_given: bool
    tagged_urgent: bool
    custom: bool
    production_at: datetime | None
    customer_level: str | None
    surge: bool
    amount_class: str | None
    profit_class: str | None
    hold_reason: str | None


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order as one line of a list; `stage` is the furthest one done."""

    order_id: int
    public_id: UUID
    depot_public_id: UUID
    number: str
    channel: str
    channel_reference: str | None
    priority: str
    received_at: datetime
    promised_at: datetime
    cancelled_at: datetime | None
    created_at: datetime
    stage: str | None
    late: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop of an order."""

    seq: int
    kind: str
    name: str
    geofence_public_id: UUID | None
    planned_at: datetime | None
    approached_at: datetime | None
    due_soon_at: datetime | None


@dataclass(frozen=True, slots=True)
class Package:
    """A package of an order."""

    code: str
    weight_kg: float | None
    volume_m3: float | None


@dataclass(frozen=True, slots=True)
class Leg:
    """What of an order rides on which trip; `package_code` None means all of it."""

    trip_public_id: UUID
    vehicle_public_id: UUID
    vehicle_label: str
    package_code: str | None
    from_seq: int
    to_seq: int
    bound_by: str
    bound_at: datetime
    unbound_at: datetime | None


@dataclass(frozen=True, slots=True)
class Milestone:
    """A stage of an order; `stop_seq` is None for stages that do not belong to a stop."""

    stage: str
    stop_seq: int | None
    planned_at: datetime | None
    estimated_at: datetime | None
    actual_at: datetime | None
    plus_minus_s: float | None
    deadline_at: datetime | None
    owner_role: str | None
    superior_role: str | None
    done_packages: int
    of_packages: int
    recorded_at: datetime
    in_trouble: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """Which orders to list; None and False leave a filter out."""

    depot: UUID | None = None
    number: str | None = None
    channel_reference: str | None = None
    trip: UUID | None = None
    is_open: bool = False
    is_late: bool = False


async def get(connection: Connection, principal: Principal, public_id: UUID) -> Order:
    """The head of an order; NotFound when there is none or the principal may not see it."""
    row = await _queries.by_public_id(connection, public_id=public_id, depots=principal.depots)
    if row is None:
        raise NotFound(f"There is no order {public_id}.")
    return Order(**row)


async def list_page(
    connection: Connection,
    principal: Principal,
    wanted: Filter,
    *,
    now: datetime,
    before: UUID | None = None,
    limit: int,
) -> list[OrderLine]:
    """Orders added before `before`, the newest first."""
    own = principal.own or Own()
    rows = _queries.list_page(
        connection,
        # What is somebody's own lies in depots that are none of theirs.
        depots=principal.depots if principal.own is None else None,
        shipper_id=own.shipper_id,
        driver_id=own.driver_id,
        phone_index=own.phone_index,
        stages=_STAGES,
        depot=wanted.depot,
        number=wanted.number,
        channel_reference=wanted.channel_reference,
        trip=wanted.trip,
        is_open=wanted.is_open,
        is_late=wanted.is_late,
        now=now,
        before=before,
        limit_rows=limit,
    )
    return [OrderLine(**row) async for row in rows]


async def stops_of(connection: Connection, principal: Principal, cipher: Cipher, order_id: int) -> list[Stop]:
    """An order's stops along its way."""
    rows = _queries.stops(connection, order_id=order_id, depots=principal.depots)
    return [_stop(cipher, row) async for row in rows]


def _stop(cipher: Cipher, row: Any) -> Stop:
    values = dict(row)
    name = opened_name(cipher, values.pop("name_cipher"), values.pop("name"))
    return Stop(**values, name=name)


async def packages_of(connection: Connection, principal: Principal, order_id: int) -> list[Package]:
    """An order's packages as they were given."""
    rows = _queries.packages(connection, order_id=order_id, depots=principal.depots)
    return [Package(**row) async for row in rows]


async def legs_of(connection: Connection, principal: Principal, order_id: int) -> list[Leg]:
    """An order's legs, those that ended too, along its way."""
    rows = _queries.legs(connection, order_id=order_id, depots=principal.depots)
    return [Leg(**row) async for row in rows]


async def milestones_of(connection: Connection, principal: Principal, order_id: int) -> list[Milestone]:
    """An order's milestones in the order of their stages."""
    rows = _queries.milestones(connection, order_id=order_id, depots=principal.depots, stages=_STAGES)
    return [Milestone(**row) async for row in rows]
