"""A package taken off at a hub and loaded again rides on from there, on the same truck or another."""

from datetime import UTC, datetime, timedelta

from domain.facts import Action
from domain.legs import OrderScan, TripPlan, bind_legs
from domain.orders import Order, OrderStop, StopKind

BEGAN = datetime(2026, 11, 21, 8, tzinfo=UTC)
ORIGIN, FIRST_HUB, SECOND_HUB, CUSTOMER = 10, 11, 12, 13
PACKAGE = 5


def order(*hubs: int) -> Order:
    kinds = [StopKind.ORIGIN, *[StopKind.HUB] * len(hubs), StopKind.DESTINATION]
    fences = [ORIGIN, *hubs, CUSTOMER]
    stops = (
        OrderStop(seq, kind, fence, None) for seq, (kind, fence) in enumerate(zip(kinds, fences, strict=True))
    )
    return Order(1, BEGAN, BEGAN + timedelta(days=1), tuple(stops), (PACKAGE,))


def trip(trip_id: int, vehicle_id: int, *fences: int) -> TripPlan:
    return TripPlan(trip_id, vehicle_id, BEGAN, BEGAN + timedelta(days=1), frozenset(fences))


def scans(*done: tuple[Action, int]) -> list[OrderScan]:
    return [
        OrderScan(BEGAN + timedelta(minutes=minute), minute, 1, "P", action, PACKAGE, vehicle_id, "op-1")
        for minute, (action, vehicle_id) in enumerate(done)
    ]


def rides(order: Order, done: list[OrderScan], *trips: TripPlan) -> list[tuple[int, int, int, bool]]:
    legs = bind_legs(order, done, trips)
    return [(leg.trip_id, leg.from_seq, leg.to_seq, leg.unbound_at is None) for leg in legs]


def test_it_rides_on_with_the_same_truck() -> None:
    done = scans((Action.LOAD, 1), (Action.HUB_IN, 1), (Action.UNLOAD, 1), (Action.LOAD, 1))

    assert rides(order(FIRST_HUB), done, trip(7, 1, ORIGIN, FIRST_HUB, CUSTOMER)) == [
        (7, 0, 2, False),
        (7, 1, 2, True),
    ]


def test_it_rides_on_with_another_truck_than_the_one_that_goes_all_the_way() -> None:
    done = scans((Action.LOAD, 1), (Action.UNLOAD, 1), (Action.LOAD, 2))
    trips = trip(7, 1, ORIGIN, FIRST_HUB, CUSTOMER), trip(8, 2, FIRST_HUB, CUSTOMER)

    assert rides(order(FIRST_HUB), done, *trips) == [(7, 0, 2, False), (8, 1, 2, True)]


def test_it_is_taken_off_where_its_trip_calls() -> None:
    done = scans((Action.LOAD, 1), (Action.UNLOAD, 1), (Action.LOAD, 2))
    trips = trip(7, 1, ORIGIN, SECOND_HUB), trip(8, 2, SECOND_HUB, CUSTOMER)

    assert rides(order(FIRST_HUB, SECOND_HUB), done, *trips) == [(7, 0, 2, False), (8, 2, 3, True)]


def test_after_its_delivery_nothing_is_left_to_ride() -> None:
    done = scans((Action.LOAD, 1), (Action.DELIVER, 1), (Action.LOAD, 1))

    assert rides(order(FIRST_HUB), done, trip(7, 1, ORIGIN, FIRST_HUB, CUSTOMER)) == [(7, 0, 2, False)]
