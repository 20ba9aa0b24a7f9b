"""Which packages ride on which trip, and what the vehicle's crossings therefore say about an order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.crossings import Crossing, CrossingKind
from domain.facts import Action
from domain.happenings import Happening
from domain.milestones import NO_STOP, Evidence, Kind, Stage
from domain.orders import Leg, Order, OrderStop, StopKind

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far a scanner's clock and a tracker's may disagree about the same moment."""

LONGEST_RIDE = timedelta(days=30)
"""How long packages nobody took off are believed to ride."""

# Who delivers, or tries to, has arrived: that counts where no crossing said so before.
_SAID_BY_ACTION: dict[Action, tuple[Kind, ...]] = {
    Action.PICK: (Stage.PICKED,),
    Action.PACK: (Stage.PACKED,),
    Action.LOAD: (Stage.LOADED,),
    Action.OUT_FOR_DELIVERY: (Stage.OUT_FOR_DELIVERY,),
    Action.DELIVER: (Stage.ARRIVED, Stage.DELIVERED),
    Action.ATTEMPT_FAILED: (Stage.ARRIVED, Happening.ATTEMPT_FAILED),
    Action.REFUSED: (Stage.ARRIVED, Happening.REFUSED),
    Action.RETURN: (Happening.RETURNED,),
    Action.EXCEPTION: (Happening.EXCEPTION,),
}
_AT_A_HUB = frozenset({Action.UNLOAD, Action.HUB_IN})
_TAKES_OFF = _AT_A_HUB | {Action.DELIVER, Action.RETURN}


@dataclass(frozen=True, slots=True)
class OrderScan:
    """A scan as it concerns an order; package_id None: the order's own code was scanned."""

    at: datetime
    content_hash: int
    device_id: int
    code: str
    action: Action
    package_id: int | None
    vehicle_id: int | None
    operator: str | None

    @property
    def rank(self) -> tuple[datetime, int, int]:
        """Sort key: by time, ties by content, never by arrival."""
        return (self.at, self.content_hash, self.device_id)

    @property
    def source_key(self) -> str:
        """The identity of the scan as a fact."""
        return f"{self.device_id}/{self.at.isoformat()}/{self.content_hash}"


@dataclass(frozen=True, slots=True)
class TripPlan:
    """A trip as orders see it: its vehicle, when, and the fences of its stops."""

    trip_id: int
    vehicle_id: int
    from_at: datetime
    until_at: datetime
    geofence_ids: frozenset[int]

    def covers(self, at: datetime) -> bool:
        """Whether a scan at this time can mean this trip."""
        return self.from_at - CLOCK_TOLERANCE <= at < self.until_at


def standing_scans(scans: Iterable[OrderScan]) -> list[OrderScan]:
    """Scans by time, less voids and what they cancel: the device's latest earlier scan of the code."""
    standing: list[OrderScan] = []
    for scan in sorted(set(scans), key=lambda s: s.rank):
        if scan.action is not Action.VOID:
            standing.append(scan)
            continue
        cancelled = next(
            (s for s in reversed(standing) if (s.device_id, s.code) == (scan.device_id, scan.code)), None
        )
        if cancelled is not None:
            standing.remove(cancelled)
    return standing


def bind_legs(order: Order, scans: Sequence[OrderScan], trips: Sequence[TripPlan]) -> list[Leg]:
    """The legs that load scans make; `scans` must be standing scans, by time.

    A package rides from its load scan until it is taken off or loaded elsewhere, on its vehicle's trip.
    """
    packages: Sequence[int | None] = order.package_ids or (None,)
    return [leg for package in packages for leg in _legs_of_package(order, package, scans, trips)]


def _legs_of_package(
    order: Order, package_id: int | None, scans: Sequence[OrderScan], trips: Sequence[TripPlan]
) -> list[Leg]:
    legs: list[Leg] = []
    from_seq = 0
    for scan in scans:
        if scan.package_id not in (None, package_id):
            continue
        is_open = bool(legs) and legs[-1].unbound_at is None
        if is_open and (scan.action in _TAKES_OFF or scan.action is Action.LOAD):
            legs[-1] = _unbound(legs[-1], scan.at)
            from_seq = _now_at(order, legs[-1], scan.action, trips)
        trip = _trip_of(scan, trips) if scan.action is Action.LOAD else None
        to_seq = _end_of_ride(order, from_seq, trip) if trip is not None else None
        if trip is not None and to_seq is not None:
            legs.append(
                Leg(
                    order_id=order.order_id,
                    package_id=package_id,
                    trip_id=trip.trip_id,
                    vehicle_id=trip.vehicle_id,
                    from_seq=from_seq,
                    to_seq=to_seq,
                    bound_at=scan.at,
                    unbound_at=None,
                )
            )
    return legs


def _now_at(order: Order, leg: Leg, action: Action, trips: Sequence[TripPlan]) -> int:
    """The stop a package is at when a scan ends its ride: the next hub its trip calls at, or the end."""
    if action not in _TAKES_OFF:
        return leg.from_seq
    called_at = next((trip.geofence_ids for trip in trips if trip.trip_id == leg.trip_id), frozenset())
    hubs = [
        hub.seq for hub in order.hubs if leg.from_seq < hub.seq <= leg.to_seq and hub.geofence_id in called_at
    ]
    return min(hubs) if hubs and action in _AT_A_HUB else leg.to_seq


def _unbound(leg: Leg, at: datetime) -> Leg:
    return Leg(
        leg.order_id, leg.package_id, leg.trip_id, leg.vehicle_id, leg.from_seq, leg.to_seq, leg.bound_at, at
    )


def _trip_of(scan: OrderScan, trips: Sequence[TripPlan]) -> TripPlan | None:
    candidates = (trip for trip in trips if trip.vehicle_id == scan.vehicle_id and trip.covers(scan.at))
    return min(candidates, key=lambda trip: (trip.from_at, trip.trip_id), default=None)


def _end_of_ride(order: Order, from_seq: int, trip: TripPlan) -> int | None:
    """The farthest of the order's later stops that the trip calls at, else the next one."""
    later = [stop for stop in order.stops if stop.seq > from_seq]
    called_at = [stop.seq for stop in later if stop.geofence_id in trip.geofence_ids]
    if called_at:
        return max(called_at)
    return later[0].seq if later else None


def scan_evidence(order: Order, scans: Iterable[OrderScan]) -> list[Evidence]:
    """What standing scans say of an order.

    The k-th hub_in of a package is its k-th hub. Scanned out of the house before any hub, it was dispatched:
    so packages move that no tracker follows.
    """
    said: list[Evidence] = []
    hubs_entered: dict[int | None, int] = {}
    for scan in scans:
        entered = hubs_entered.get(scan.package_id, 0)
        if scan.action is Action.HUB_IN:
            hubs_entered[scan.package_id] = entered + 1
            if entered < len(order.hubs):
                said.append(_scanned(scan, Stage.AT_HUB, order.hubs[entered].seq))
        elif scan.action is Action.HUB_OUT and entered == 0:
            said.append(_scanned(scan, Stage.DISPATCHED))
        said.extend(_scanned(scan, kind) for kind in _SAID_BY_ACTION.get(scan.action, ()))
    return said


def _scanned(scan: OrderScan, kind: Kind, stop_seq: int = NO_STOP) -> Evidence:
    return Evidence(
        kind=kind,
        at=scan.at,
        source="scan",
        source_key=f"{scan.source_key}/{_named(scan.package_id)}",
        package_id=scan.package_id,
        stop_seq=stop_seq,
    )


def crossing_evidence(order: Order, legs: Iterable[Leg], crossings: Iterable[Crossing]) -> list[Evidence]:
    """What the crossings of the vehicles an order rides on say of its stages."""
    by_time = sorted(crossings, key=lambda c: (c.at, c.geofence_id, c.kind))
    near = [crossing for crossing in by_time if crossing.kind is CrossingKind.APPROACH]
    entries = [crossing for crossing in by_time if crossing.kind in (CrossingKind.ENTER, CrossingKind.INSIDE)]
    said: list[Evidence] = []
    for leg in legs:
        own = [crossing for crossing in by_time if crossing.vehicle_id == leg.vehicle_id]
        said.extend(_departure(order, leg, own))
        said.extend(_arrivals(order, leg, entries))
        said.extend(_approaches(order, leg, near))
    return said


def _departure(order: Order, leg: Leg, crossings: Sequence[Crossing]) -> list[Evidence]:
    """Leaving the origin: the first exit after loading, or one a clock's error before it."""
    origin = next((stop for stop in order.stops if stop.seq == leg.from_seq), None)
    if origin is None or origin.kind is not StopKind.ORIGIN or origin.geofence_id is None:
        return []
    latest = leg.unbound_at or leg.bound_at + LONGEST_RIDE
    exits = [
        crossing
        for crossing in crossings
        if crossing.kind is CrossingKind.EXIT
        and crossing.geofence_id == origin.geofence_id
        and crossing.at >= leg.bound_at - CLOCK_TOLERANCE
        and crossing.at <= latest
    ]
    after_loading = [crossing for crossing in exits if crossing.at >= leg.bound_at]
    decisive = after_loading[:1] or exits[-1:]
    return [_said(leg, Stage.DISPATCHED, NO_STOP, crossing) for crossing in decisive]


def _arrivals(order: Order, leg: Leg, entries: Sequence[Crossing]) -> list[Evidence]:
    """Reaching the stops ahead: the first entry of each while the packages are on board."""
    return [
        _said(leg, Stage.AT_HUB, stop.seq, entry)
        if stop.kind is StopKind.HUB
        else _said(leg, Stage.ARRIVED, NO_STOP, entry)
        for stop, entry in _firsts(order, leg, entries)
    ]


def _approaches(order: Order, leg: Leg, near: Sequence[Crossing]) -> list[Evidence]:
    """Coming near the stops ahead: the first approach to each while the packages are on board."""
    return [_said(leg, Happening.APPROACHED, stop.seq, first) for stop, first in _firsts(order, leg, near)]


def _firsts(order: Order, leg: Leg, crossings: Sequence[Crossing]) -> list[tuple[OrderStop, Crossing]]:
    """The stops ahead with the first of these crossings, by time, that can mean each.

    Of stops that share a fence each needs a crossing of its own, later than that of the one before.
    """
    ahead = [
        stop for stop in order.stops if leg.from_seq < stop.seq <= leg.to_seq and stop.geofence_id is not None
    ]
    found: list[tuple[OrderStop, Crossing]] = []
    unused = list(crossings)
    for stop in ahead:
        first = next((crossing for crossing in unused if _is_meant(leg, stop, crossing)), None)
        if first is not None:
            unused.remove(first)
            found.append((stop, first))
    return found


def _named(package_id: int | None) -> str:
    return "*" if package_id is None else str(package_id)


def _is_meant(leg: Leg, stop: OrderStop, crossing: Crossing) -> bool:
    return (
        crossing.vehicle_id == leg.vehicle_id
        and crossing.geofence_id == stop.geofence_id
        and crossing.at >= leg.bound_at
        and crossing.at <= (leg.unbound_at or leg.bound_at + LONGEST_RIDE) + CLOCK_TOLERANCE
    )


def _said(leg: Leg, kind: Kind, stop_seq: int, crossing: Crossing) -> Evidence:
    crossed = f"{crossing.vehicle_id}/{crossing.geofence_id}/{crossing.kind}/{crossing.at.isoformat()}"
    return Evidence(
        kind=kind,
        at=crossing.at,
        source="crossing",
        source_key=f"{crossed}/{stop_seq}/{_named(leg.package_id)}",
        package_id=leg.package_id,
        stop_seq=stop_seq,
        plus_minus_s=crossing.plus_minus_s,
    )
