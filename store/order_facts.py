"""Everything known about a set of orders, read for the fold: plans, scans, legs, crossings, evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from domain.crossings import Crossing, CrossingKind
from domain.facts import Action
from domain.legs import CLOCK_TOLERANCE, LONGEST_RIDE, OrderScan, TripPlan
from domain.milestones import NO_STOP, Evidence, kind_of
from domain.orders import Leg, Order, OrderStop, StopKind
from store.pool import Connection
from store.queries import load

_queries = load("evidence")
_TRAITS = (
    "tagged_urgent", "custom", "production_at", "customer_level", "return_without_fault", "surge",
)  # fmt: skip
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_FAR_AHEAD = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(slots=True)
class OrderFacts:
    """What is known about one order; stored rows are kept with their ids."""

    order: Order
    depot_id: int
    contact_id: int | None
    zone: ZoneInfo
    scans: list[OrderScan] = field(default_factory=list)
    trips: list[TripPlan] = field(default_factory=list)
    scanned_legs: dict[int, Leg] = field(default_factory=dict)
    evidence: dict[int, Evidence] = field(default_factory=dict)


async def lock_and_read(connection: Connection, order_ids: Collection[int]) -> dict[int, OrderFacts]:
    """Lock these orders, in id order, and read what is known about each."""
    wanted = sorted(set(order_ids))
    orders = [row async for row in _queries.lock_orders(connection, order_ids=wanted)]
    stops = await _stops(connection, wanted)
    packages = await _packages(connection, wanted)
    known = {
        row["order_id"]: OrderFacts(
            Order(
                order_id=row["order_id"],
                received_at=row["received_at"],
                promised_at=row["promised_at"],
                stops=tuple(stops[row["order_id"]]),
                package_ids=tuple(packages[row["order_id"]]),
                channel=row["channel"],
                cancelled_at=row["cancelled_at"],
                traits={name: row[name] for name in _TRAITS},
            ),
            depot_id=row["depot_id"],
            contact_id=row["contact_id"],
            zone=ZoneInfo(row["time_zone"]),
        )
        for row in orders
    }
    await _add_scans(connection, known)
    await _add_trips(connection, known)
    await _add_scanned_legs(connection, known)
    await _add_evidence(connection, known)
    return known


async def legs_that_count(connection: Connection, order_ids: Collection[int]) -> dict[int, list[Leg]]:
    """The legs that speak for each order, once those made by scans are written; ended ones are among them."""
    legs: dict[int, list[Leg]] = defaultdict(list)
    async for row in _queries.legs_that_count(connection, order_ids=sorted(order_ids)):
        legs[row["order_id"]].append(Leg(**row))
    return legs


async def crossings_for(
    connection: Connection, legs: Collection[Leg], orders: Iterable[Order]
) -> dict[int, list[Crossing]]:
    """The current crossings, by vehicle, of the vehicles of these legs at any of the orders' stops."""
    found: dict[int, list[Crossing]] = defaultdict(list)
    if not legs:
        return found
    geofence_ids = {
        stop.geofence_id for order in orders for stop in order.stops if stop.geofence_id is not None
    }
    rows = _queries.crossings_at(
        connection,
        vehicle_ids=sorted({leg.vehicle_id for leg in legs}),
        geofence_ids=sorted(geofence_ids),
        since=min(leg.bound_at for leg in legs) - CLOCK_TOLERANCE,
        until=max(leg.unbound_at or leg.bound_at + LONGEST_RIDE for leg in legs) + CLOCK_TOLERANCE,
    )
    async for row in rows:
        found[row["vehicle_id"]].append(Crossing(**{**row, "kind": CrossingKind(row["kind"])}))
    return found


async def _stops(connection: Connection, order_ids: list[int]) -> dict[int, list[OrderStop]]:
    stops: dict[int, list[OrderStop]] = defaultdict(list)
    async for row in _queries.stops(connection, order_ids=order_ids):
        stops[row["order_id"]].append(
            OrderStop(row["seq"], StopKind(row["kind"]), row["geofence_id"], row["planned_at"])
        )
    return stops


async def _packages(connection: Connection, order_ids: list[int]) -> dict[int, list[int]]:
    packages: dict[int, list[int]] = defaultdict(list)
    async for row in _queries.packages(connection, order_ids=order_ids):
        packages[row["order_id"]].append(row["package_id"])
    return packages


async def _add_scans(connection: Connection, known: dict[int, OrderFacts]) -> None:
    async for row in _queries.scans(connection, order_ids=list(known)):
        fields = dict(row)
        order_id = fields.pop("order_id")
        known[order_id].scans.append(OrderScan(**{**fields, "action": Action(fields["action"])}))


async def _add_trips(connection: Connection, known: dict[int, OrderFacts]) -> None:
    """The trips that load scans may mean: of the scans' vehicles, around the scans' times."""
    loads = [scan for facts in known.values() for scan in facts.scans if scan.action is Action.LOAD]
    vehicle_ids = {scan.vehicle_id for scan in loads if scan.vehicle_id is not None}
    if not vehicle_ids:
        return
    rows = _queries.trips_of_vehicles(
        connection,
        vehicle_ids=sorted(vehicle_ids),
        earliest=min(scan.at for scan in loads) - CLOCK_TOLERANCE,
        latest=max(scan.at for scan in loads) + CLOCK_TOLERANCE,
    )
    trips = [
        TripPlan(
            trip_id=row["trip_id"],
            vehicle_id=row["vehicle_id"],
            from_at=row["from_at"] or _LONG_AGO,
            until_at=row["until_at"] or _FAR_AHEAD,
            geofence_ids=frozenset(row["geofence_ids"]),
        )
        async for row in rows
    ]
    for facts in known.values():
        own = {scan.vehicle_id for scan in facts.scans}
        facts.trips = [trip for trip in trips if trip.vehicle_id in own]


async def _add_scanned_legs(connection: Connection, known: dict[int, OrderFacts]) -> None:
    async for row in _queries.scanned_legs(connection, order_ids=list(known)):
        fields = dict(row)
        leg_id = fields.pop("leg_id")
        known[fields["order_id"]].scanned_legs[leg_id] = Leg(**fields)


async def _add_evidence(connection: Connection, known: dict[int, OrderFacts]) -> None:
    async for row in _queries.current_evidence(connection, order_ids=list(known)):
        known[row["order_id"]].evidence[row["evidence_id"]] = Evidence(
            kind=kind_of(row["kind"]),
            at=row["at"],
            source=row["source"],
            source_key=row["source_key"],
            package_id=row["package_id"],
            stop_seq=NO_STOP if row["stop_seq"] is None else row["stop_seq"],
            plus_minus_s=row["plus_minus_s"],
        )
