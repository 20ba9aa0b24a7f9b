from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from domain.conflicts import Carrier, Conflict, ConflictKind, find
from domain.facts import Action
from domain.legs import OrderScan
from domain.milestones import Evidence, Stage
from domain.orders import Leg, Order

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ORDER = Order(1, START, START + timedelta(hours=48), (), (11, 12))


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def scan(minute: float, action: Action, package: int | None, vehicle: int | None = None) -> OrderScan:
    return OrderScan(at(minute), int(minute), 1, f"P{package}", action, package, vehicle, None)


def plan(trip: int, vehicle: int, since: float, until: float, way: tuple[int, int] = (0, 1)) -> Leg:
    return Leg(1, None, trip, vehicle, *way, at(since), at(until))


def found(
    scans: Iterable[OrderScan] = (),
    evidence: Iterable[Evidence] = (),
    plans: Iterable[Leg] = (),
    closed_at: datetime | None = None,
    carriers: Mapping[int, Carrier] | None = None,
) -> list[Conflict]:
    return find(ORDER, list(scans), evidence, plans, closed_at, carriers or {})


LOADED_TWICE = [scan(0, Action.LOAD, 11, 7), scan(30, Action.LOAD, 11, 8)]


def test_a_package_loaded_on_two_vehicles_is_a_conflict() -> None:
    (conflict,) = found(LOADED_TWICE)
    assert (conflict.kind, conflict.package_id) == (ConflictKind.TWO_VEHICLES, 11)
    assert (conflict.vehicle_ids, conflict.at) == ((7, 8), at(30))


def test_transfers_successive_legs_and_split_deliveries_are_none() -> None:
    first, second = LOADED_TWICE
    assert found([first, scan(20, Action.UNLOAD, 11), second]) == []
    arrived = Evidence(Stage.AT_HUB, at(20), "crossing", "k", stop_seq=1)
    assert found(LOADED_TWICE, [arrived]) == []
    assert found([first, scan(30, Action.LOAD, 12, 8)]) == []
    assert found([first, scan(30, Action.LOAD, 11, 7)]) == []


def test_two_plans_for_the_same_way_at_the_same_time_are_a_conflict() -> None:
    (conflict,) = found(plans=[plan(1, 7, 0, 100), plan(2, 8, 50, 200)])
    assert (conflict.kind, conflict.vehicle_ids) == (ConflictKind.TWO_PLANS, (7, 8))
    assert found(plans=[plan(1, 7, 0, 100), plan(2, 8, 100, 200)]) == []
    assert found(plans=[plan(1, 7, 0, 100), plan(2, 8, 50, 200, (1, 2))]) == []
    assert found(plans=[plan(1, 7, 0, 100), plan(2, 7, 50, 200)]) == []
    # What was scanned speaks for itself.
    assert found([scan(60, Action.LOAD, 11, 8)], plans=[plan(1, 7, 0, 100), plan(2, 8, 50, 200)]) == []


def test_a_scan_of_a_closed_order_is_a_conflict_unless_it_says_the_same_again() -> None:
    scans = [scan(5, Action.LOAD, 11, 7), scan(20, Action.DELIVER, 11), scan(30, Action.HUB_IN, 11)]
    (conflict,) = found(scans, closed_at=at(10))
    assert (conflict.kind, conflict.at, conflict.detail) == (
        ConflictKind.CLOSED,
        at(30),
        {"action": "hub_in"},
    )
    assert found(scans) == []


def test_loading_a_vehicle_in_the_garage_or_too_much_on_one_is_a_conflict() -> None:
    scans = [scan(5, Action.LOAD, 11, 7)]
    garage = Carrier(7, "maintenance", None, None, 50.0, 0.1)
    assert [one.kind for one in found(scans, carriers={7: garage})] == [ConflictKind.MAINTENANCE]
    full = Carrier(7, "active", 1000.0, None, 1080.5, 2.0)
    (overload,) = found(scans, carriers={7: full})
    assert (overload.kind, overload.detail) == (ConflictKind.OVERLOAD, {"over_kg": 80.5})
    assert found(scans, carriers={7: Carrier(7, "active", 1080.5, 2.0, 1080.5, 2.0)}) == []
