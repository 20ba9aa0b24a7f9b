"""What contradicts itself about an order: recorded for somebody to settle, it changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import combinations

from domain.facts import Action
from domain.legs import CLOCK_TOLERANCE, OrderScan
from domain.milestones import Evidence, Kind, Stage
from domain.orders import Leg, Order


class ConflictKind(StrEnum):
    """What contradicts what."""

    TWO_VEHICLES = "two_vehicles"
    TWO_PLANS = "two_plans"
    WRONG_VEHICLE = "wrong_vehicle"
    CLOSED = "closed"
    MAINTENANCE = "maintenance"
    OVERLOAD = "overload"


LASTING = frozenset({ConflictKind.MAINTENANCE, ConflictKind.OVERLOAD})
"""Judged by what was known of the vehicle when it was found: later knowledge does not end them."""

_TAKEN_OFF = frozenset({Action.UNLOAD, Action.HUB_IN, Action.DELIVER, Action.RETURN})
# Scans made with the package still on the vehicle they name.
_ON_BOARD = frozenset(
    {Action.UNLOAD, Action.OUT_FOR_DELIVERY, Action.DELIVER, Action.ATTEMPT_FAILED, Action.REFUSED}
)
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
class Meant:
    """A vehicle an order was given to, or planned on, from one time to another (None: it lasts)."""

    vehicle_id: int
    since: datetime
    until: datetime | None
    is_plan: bool

    def covers(self, at: datetime) -> bool:
        """Whether a scan at this time may go by it; scanners' clocks are not exact."""
        begun = self.since - CLOCK_TOLERANCE <= at
        return begun and (self.until is None or at < self.until + CLOCK_TOLERANCE)


@dataclass(frozen=True, slots=True)
class Carrier:
    """A vehicle that packages were scanned onto: what it may carry (None: not known), what it carries now.

    Packages whose weight or volume nobody knows count as nothing of it, and in `packages`.
    """

    vehicle_id: int
    status: str
    capacity_kg: float | None
    capacity_m3: float | None
    loaded_kg: float
    loaded_m3: float
    packages: int


def find(
    order: Order,
    scans: Sequence[OrderScan],
    evidence: Iterable[Evidence],
    plans: Iterable[Leg],
    closed_at: datetime | None,
    carriers: Mapping[int, Carrier],
    meant: Sequence[Meant] = (),
) -> list[Conflict]:
    """Everything that contradicts itself; `scans` must be standing scans, by time."""
    return [
        *_two_vehicles(order, scans, evidence, meant),
        *_wrong_vehicle(order, scans, meant),
        *_two_plans(scans, plans),
        *_after_the_end(scans, closed_at),
        *_unfit(scans, carriers),
    ]


def _two_vehicles(
    order: Order, scans: Sequence[OrderScan], evidence: Iterable[Evidence], meant: Sequence[Meant]
) -> Iterable[Conflict]:
    """A package loaded on one vehicle while it still rode on another: nothing says that it had come off.

    Its detail says so where the later vehicle is the one the order is meant for.
    """
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
                        {"meant": "later"} if scan.vehicle_id in _meant_at(scan.at, meant) else {},
                    )
                on = scan


def _still_on(on: OrderScan, scan: OrderScan, package_id: int | None, set_down: Iterable[Evidence]) -> bool:
    return on.vehicle_id != scan.vehicle_id and not any(
        on.at < said.at <= scan.at and said.package_id in (None, package_id) for said in set_down
    )


def _wrong_vehicle(order: Order, scans: Sequence[OrderScan], meant: Sequence[Meant]) -> Iterable[Conflict]:
    """Loaded on a vehicle it is not meant for, or handled on another vehicle than it rides on."""
    for package_id in order.package_ids or (None,):
        on: int | None = None
        has_ridden = False
        for scan in scans:
            if scan.package_id not in (None, package_id):
                continue
            right: Collection[int] = ()
            if scan.action is Action.LOAD:
                right = _meant_at(scan.at, meant, plans_only=has_ridden)
                on, has_ridden = scan.vehicle_id, True
            elif scan.action in _ON_BOARD and on is not None:
                right = (on,)
            if scan.vehicle_id is not None and right and scan.vehicle_id not in right:
                yield Conflict(
                    ConflictKind.WRONG_VEHICLE,
                    f"{scan.source_key}/{package_id}",
                    scan.at,
                    package_id,
                    (*sorted(right), scan.vehicle_id),
                    {"action": scan.action.value},
                )
            if scan.action in _TAKEN_OFF:
                on = None


def _meant_at(at: datetime, meant: Iterable[Meant], *, plans_only: bool = False) -> set[int]:
    """The vehicles a package may be loaded on; none: any. Who an order is given to need not take it twice."""
    then = [one for one in meant if one.covers(at)]
    counts = not plans_only or any(one.is_plan for one in then)
    return {one.vehicle_id for one in then} if counts else set()


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
    """By how much a vehicle is overloaded, in kilograms and cubic metres (0: nobody knows how much)."""
    limits = {
        "over_kg": (carrier.loaded_kg, carrier.capacity_kg),
        "over_m3": (carrier.loaded_m3, carrier.capacity_m3),
    }
    return {
        name: round(loaded - capacity, 3)
        for name, (loaded, capacity) in limits.items()
        if capacity is not None and (loaded > capacity or (capacity == 0 and carrier.packages))
    }
