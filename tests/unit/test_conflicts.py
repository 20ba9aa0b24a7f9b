from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from domain.conflicts import Carrier, Conflict, ConflictKind, Meant, find
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
    meant: Sequence[Meant] = (),
) -> list[Conflict]:
    return find(ORDER, list(scans), evidence, plans, closed_at, carriers or {}, meant)


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
    garage = Carrier(7, "maintenance", None, None, 50.0, 0.1, 1)
    assert [one.kind for one in found(scans, carriers={7: garage})] == [ConflictKind.MAINTENANCE]
    full = Carrier(7, "active", 1000.0, None, 1080.5, 2.0, 1)
    (overload,) = found(scans, carriers={7: full})
    assert (overload.kind, overload.detail) == (ConflictKind.OVERLOAD, {"over_kg": 80.5})
    assert found(scans, carriers={7: Carrier(7, "active", 1080.5, 2.0, 1080.5, 2.0, 1)}) == []


def test_a_vehicle_said_to_carry_nothing_is_overloaded_by_anything() -> None:
    scans = [scan(5, Action.LOAD, 11, 7)]
    (overload,) = found(scans, carriers={7: Carrier(7, "active", 0.0, None, 80.5, 2.0, 1)})
    assert (overload.kind, overload.detail) == (ConflictKind.OVERLOAD, {"over_kg": 80.5})
    (overload,) = found(scans, carriers={7: Carrier(7, "active", None, 0.0, 0.0, 0.0, 1)})
    assert overload.detail == {"over_m3": 0.0}
    assert found(scans, carriers={7: Carrier(7, "active", 0.0, 0.0, 0.0, 0.0, 0)}) == []


def test_loading_another_vehicle_than_the_order_is_given_to_is_a_conflict_on_the_first_ride() -> None:
    given = [Meant(7, at(-60), at(20), is_plan=False), Meant(8, at(20), None, is_plan=False)]
    assert found([scan(10, Action.LOAD, 11, 7)], meant=given) == []
    (wrong,) = found([scan(10, Action.LOAD, 11, 9)], meant=given)
    assert (wrong.kind, wrong.vehicle_ids) == (ConflictKind.WRONG_VEHICLE, (7, 9))
    # Either, while scanners' clocks may be off; then the new one alone.
    assert found([scan(22, Action.LOAD, 11, 7)], meant=given) == []
    assert [one.vehicle_ids for one in found([scan(40, Action.LOAD, 11, 7)], meant=given)] == [(8, 7)]
    # From the hub on, another may take it.
    transfer = [scan(10, Action.LOAD, 11, 7), scan(60, Action.UNLOAD, 11), scan(90, Action.LOAD, 11, 9)]
    assert found(transfer, meant=given) == []


def test_loading_another_vehicle_than_the_order_is_planned_on_is_a_conflict_on_every_ride() -> None:
    planned = [Meant(7, at(0), at(60), is_plan=True), Meant(8, at(60), at(200), is_plan=True)]
    rides = [scan(10, Action.LOAD, 11, 7), scan(50, Action.UNLOAD, 11), scan(90, Action.LOAD, 11, 8)]
    assert found(rides, meant=planned) == []
    (wrong,) = found([*rides[:2], scan(90, Action.LOAD, 11, 9)], meant=planned)
    assert (wrong.at, wrong.vehicle_ids) == (at(90), (8, 9))
    # Nothing is known of the vehicle of a scan that names none, nor of a time without plan.
    assert found([scan(90, Action.LOAD, 11)], meant=planned) == []
    assert found([scan(300, Action.LOAD, 11, 9)], meant=planned) == []


def test_handling_a_package_on_another_vehicle_than_it_rides_on_is_a_conflict() -> None:
    loaded = scan(10, Action.LOAD, 11, 7)
    for action in (Action.UNLOAD, Action.OUT_FOR_DELIVERY, Action.DELIVER, Action.REFUSED):
        assert found([loaded, scan(20, action, 11, 7)]) == []
        (wrong,) = found([loaded, scan(20, action, 11, 8)])
        assert (wrong.kind, wrong.detail) == (ConflictKind.WRONG_VEHICLE, {"action": action.value})
    assert found([scan(20, Action.DELIVER, 11, 8)]) == []
