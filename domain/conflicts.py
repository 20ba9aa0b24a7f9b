"""What contradicts itself about an order: recorded for somebody to settle, it changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import combinations

from domain.facts import Action
from domain.legs import OrderScan
from domain.milestones import Evidence, Kind, Stage
from domain.orders import Leg, Order


class ConflictKind(StrEnum):
    """What contradicts what."""

    TWO_VEHICLES = "two_vehicles"
    TWO_PLANS = "two_plans"
    CLOSED = "closed"
    MAINTENANCE = "maintenance"
    OVERLOAD = "overload"


LASTING = frozenset({ConflictKind.MAINTENANCE, ConflictKind.OVERLOAD})
"""Judged by what was known of the vehicle when it was found: later knowledge does not end them."""

_TAKEN_OFF = frozenset({Action.UNLOAD, Action.HUB_IN, Action.DELIVER, Action.RETURN})
_SET_DOWN: frozenset[Kind] = frozenset({Stage.AT_HUB, Stage.ARRIVED, Stage.DELIVERED})
# What is scanned of a closed order without contradicting it: the same again, or taking something back.
_HARMLESS_WHEN_CLOSED = frozenset({Action.DELIVER, Action.VOID, Action.UNLOAD})


@dataclass(frozen=True, slots=True)
class Conflict:
    """A contradiction; `key` tells several of one kind apart, `at` is when the later side of it was said."""

    kind: ConflictKind
    key: str
    at: datetime
    package_id: int | None = None
    vehicle_ids: tuple[int, ...] = ()
    detail: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Carrier:
    """A vehicle that packages were scanned onto: what it may carry (None: not known), what it carries now."""

    vehicle_id: int
    status: str
    capacity_kg: float | None
    capacity_m3: float | None
    loaded_kg: float
    loaded_m3: float


def find(
    order: Order,
    scans: Sequence[OrderScan],
    evidence: Iterable[Evidence],
    plans: Iterable[Leg],
    closed_at: datetime | None,
    carriers: Mapping[int, Carrier],
) -> list[Conflict]:
    """Everything that contradicts itself; `scans` must be standing scans, by time."""
    return [
        *_two_vehicles(order, scans, evidence),
        *_two_plans(scans, plans),
        *_after_the_end(scans, closed_at),
        *_unfit(scans, carriers),
    ]


def _two_vehicles(
    order: Order, scans: Sequence[OrderScan], evidence: Iterable[Evidence]
) -> Iterable[Conflict]:
    """A package loaded on one vehicle while it still rode on another: nothing says that it had come off."""
    set_down = [said for said in evidence if said.kind in _SET_DOWN]
    for package_id in order.package_ids or (None,):
        on: OrderScan | None = None
        for scan in scans:
            if scan.package_id not in (None, package_id):
                continue
            if scan.action in _TAKEN_OFF:
                on = None
            elif scan.action is Action.LOAD and scan.vehicle_id is not None:
                if on is not None and _still_on(on, scan, package_id, set_down):
                    yield Conflict(
                        ConflictKind.TWO_VEHICLES,
                        f"{scan.source_key}/{package_id}",
                        scan.at,
                        package_id,
                        (on.vehicle_id or 0, scan.vehicle_id),
                    )
                on = scan


def _still_on(on: OrderScan, scan: OrderScan, package_id: int | None, set_down: Iterable[Evidence]) -> bool:
    return on.vehicle_id != scan.vehicle_id and not any(
        on.at < said.at <= scan.at and said.package_id in (None, package_id) for said in set_down
    )


def _two_plans(scans: Sequence[OrderScan], plans: Iterable[Leg]) -> Iterable[Conflict]:
    """The whole order planned on two vehicles over the same part of its way at the same time."""
    if any(scan.action is Action.LOAD for scan in scans):
        return
    for first, second in combinations(sorted(plans, key=lambda leg: (leg.bound_at, leg.trip_id)), 2):
        same_way = first.from_seq < second.to_seq and second.from_seq < first.to_seq
        same_time = first.unbound_at is None or second.bound_at < first.unbound_at
        if same_way and same_time and first.vehicle_id != second.vehicle_id:
            yield Conflict(
                ConflictKind.TWO_PLANS,
                f"{first.trip_id}/{second.trip_id}/{second.from_seq}",
                second.bound_at,
                vehicle_ids=(first.vehicle_id, second.vehicle_id),
            )


def _after_the_end(scans: Iterable[OrderScan], closed_at: datetime | None) -> Iterable[Conflict]:
    """Scans of an order that was closed before them."""
    if closed_at is None:
        return
    for scan in scans:
        if scan.at > closed_at and scan.action not in _HARMLESS_WHEN_CLOSED:
            yield Conflict(
                ConflictKind.CLOSED,
                scan.source_key,
                scan.at,
                scan.package_id,
                () if scan.vehicle_id is None else (scan.vehicle_id,),
                {"action": scan.action.value},
            )


def _unfit(scans: Iterable[OrderScan], carriers: Mapping[int, Carrier]) -> Iterable[Conflict]:
    """Packages loaded on a vehicle in the garage, or on one that carries more than it can."""
    for scan in scans:
        carrier = carriers.get(scan.vehicle_id or 0)
        if scan.action is not Action.LOAD or carrier is None:
            continue
        if carrier.status != "active":
            yield Conflict(
                ConflictKind.MAINTENANCE,
                scan.source_key,
                scan.at,
                scan.package_id,
                (carrier.vehicle_id,),
                {"status": carrier.status},
            )
        too_much = _too_much(carrier)
        if too_much:
            key = f"{carrier.vehicle_id}/{scan.source_key}"
            yield Conflict(
                ConflictKind.OVERLOAD, key, scan.at, scan.package_id, (carrier.vehicle_id,), too_much
            )


def _too_much(carrier: Carrier) -> dict[str, float]:
    """By how much a vehicle is overloaded, in kilograms and cubic metres."""
    over = {
        "over_kg": carrier.loaded_kg - (carrier.capacity_kg or carrier.loaded_kg),
        "over_m3": carrier.loaded_m3 - (carrier.capacity_m3 or carrier.loaded_m3),
    }
    return {name: round(value, 3) for name, value in over.items() if value > 0}
