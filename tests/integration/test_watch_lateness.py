from collections.abc import AsyncIterator

import pytest
from watch_world import WATCH, Stop, World, at

from domain.access import Principal
from domain.crossings import CrossingKind
from store import alerts
from store.errors import NotFound
from store.pool import open_connection


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    connection = await open_connection(database_url)
    yield await World(connection).begin()
    await connection.close()


async def hour_long_trip(world: World) -> tuple[list[Stop], int, int]:
    """60 km in an hour, from minute 0 on."""
    stops = [
        Stop("origin", "origin", 0, await world.fence(), None, 0),
        Stop("customer", "destination", 60_000, await world.fence(), 60),
    ]
    vehicle_id = await world.vehicle()
    return stops, vehicle_id, await world.trip(vehicle_id, stops)


async def test_a_delay_raises_one_risk_per_vehicle_listing_its_orders(world: World) -> None:
    stops, vehicle_id, trip_id = await hour_long_trip(world)
    orders = [await world.order(stops, promised_min=promised) for promised in (70, 75, 600)]
    for order_id in orders:
        await world.bind(order_id, trip_id)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(10)
    await world.look_for_late_risk(10)
    assert await world.alerts() == []
    await world.drive(trip_id, vehicle_id, 40, 10_000)
    await world.estimate(40)
    await world.look_for_late_risk(40)
    assert await world.alerts() == [(f"vehicle:{vehicle_id}", orders[:2], None)]


async def test_a_risk_is_held_until_it_is_well_below_and_then_cleared(world: World) -> None:
    stops, vehicle_id, trip_id = await hour_long_trip(world)
    order_id = await world.order(stops, promised_min=70)
    await world.bind(order_id, trip_id)
    found = []
    for minute, distance_m in ((20, 5_000), (30, 21_000), (45, 45_000)):
        await world.drive(trip_id, vehicle_id, minute, distance_m)
        await world.estimate(minute)
        await world.look_for_late_risk(minute)
        found.append([reason for _, _, reason in await world.alerts()])
    assert found == [[None], [None], ["in_time_again"]]


async def test_a_risk_seen_again_and_again_stays_one_alert(world: World) -> None:
    stops, vehicle_id, trip_id = await hour_long_trip(world)
    await world.bind(await world.order(stops, promised_min=50), trip_id)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(10)
    for minute in range(10, 20):
        await world.look_for_late_risk(minute)
    assert len(await world.alerts()) == 1
    assert world.measures.alerts_raised.labels("late_risk")._value.get() == 1


async def test_a_risk_becomes_late_when_the_promise_passes(world: World) -> None:
    stops, vehicle_id, trip_id = await hour_long_trip(world)
    order_id = await world.order(stops, promised_min=50)
    await world.bind(order_id, trip_id)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(10)
    await world.look_for_late_risk(10)
    await world.look_for_late_risk(51)
    await world.look_for_late(51)
    subject = f"vehicle:{vehicle_id}"
    assert await world.alerts() == [(subject, [order_id], "promise_passed"), (subject, [order_id], None)]


async def test_an_arrived_order_is_no_risk(world: World) -> None:
    stops, vehicle_id, trip_id = await hour_long_trip(world)
    order_id = await world.order(stops, promised_min=50)
    await world.bind(order_id, trip_id)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(10)
    await world.look_for_late_risk(10)
    destination = stops[1].geofence_id
    assert destination is not None
    await world.cross(vehicle_id, destination, CrossingKind.ENTER, 45)
    await world.look_for_late_risk(46)
    assert await world.alerts() == [(f"vehicle:{vehicle_id}", [order_id], "not_under_way")]


async def test_late_clears_on_delivery(world: World) -> None:
    stops, vehicle_id, trip_id = await hour_long_trip(world)
    first, second = [await world.order(stops, promised_min=50) for _ in range(2)]
    for order_id in (first, second):
        await world.bind(order_id, trip_id)
    await world.look_for_late(49)
    assert await world.alerts() == []
    await world.look_for_late(51)
    subject = f"vehicle:{vehicle_id}"
    assert await world.alerts() == [(subject, [first, second], None)]
    await world.scan(first, "load", -10, vehicle_id)
    await world.scan(first, "deliver", 55)
    await world.look_for_late(56)
    assert await world.alerts() == [(subject, [second], None)]
    await world.scan(second, "load", -10, vehicle_id)
    await world.scan(second, "deliver", 57)
    await world.look_for_late(58)
    assert await world.alerts() == [(subject, [second], "delivered")]


async def test_an_order_on_no_vehicle_is_late_by_itself_and_moves_to_the_one_it_gets(world: World) -> None:
    stops, vehicle_id, trip_id = await hour_long_trip(world)
    order_id = await world.order(stops, promised_min=20)
    await world.look_for_late(21)
    await world.bind(order_id, trip_id)
    await world.look_for_late(22)
    assert await world.alerts() == [
        (f"order:{order_id}", [order_id], "moved"),
        (f"vehicle:{vehicle_id}", [order_id], None),
    ]


async def test_a_new_promise_or_a_cancellation_ends_late(world: World) -> None:
    stops, _, _ = await hour_long_trip(world)
    postponed, cancelled = [await world.order(stops, promised_min=20) for _ in range(2)]
    await world.look_for_late(21)
    await world.connection.execute(
        "update orders set promised_at = $2 where order_id = $1", postponed, at(900)
    )
    await world.connection.execute(
        "update orders set cancelled_at = $2 where order_id = $1", cancelled, at(22)
    )
    await world.look_for_late(23)
    assert [reason for _, _, reason in await world.alerts()] == ["not_due", "not_due"]


async def test_lateness_found_hours_after_is_dated_back_to_the_promise(world: World) -> None:
    stops, _, _ = await hour_long_trip(world)
    await world.order(stops, promised_min=20)
    await world.look_for_late(500)
    (alert,) = await alerts.list_open(world.connection, WATCH, at(0))
    assert (alert.opened_at, alert.updated_at) == (at(20), at(500))


async def test_a_delivery_that_became_known_late_raises_nothing(world: World) -> None:
    stops, vehicle_id, _ = await hour_long_trip(world)
    order_id = await world.order(stops, promised_min=20)
    await world.scan(order_id, "load", -10, vehicle_id)
    await world.scan(order_id, "deliver", 25)
    await world.look_for_late(500)
    assert await world.alerts() == []


async def test_the_database_refuses_a_second_open_alert_of_a_subject(world: World) -> None:
    stops, _, _ = await hour_long_trip(world)
    await world.order(stops, promised_min=20)
    await world.look_for_late(21)
    assert len(await world.alerts()) == 1
    copied = await world.connection.fetch(
        "insert into alert (public_id, depot_id, kind, subject, severity, opened_at, updated_at)"
        " select gen_random_uuid(), depot_id, kind, subject, severity, opened_at, updated_at from alert"
        " on conflict (kind, subject) where cleared_at is null do nothing returning alert_id"
    )
    assert copied == []


async def test_people_see_and_acknowledge_only_their_depots_alerts(world: World) -> None:
    stops, _, trip_id = await hour_long_trip(world)
    other_depot = await world.depot()
    own = await world.order(stops, promised_min=20)
    foreign = await world.order(stops, promised_min=20, depot_id=other_depot)
    for order_id in (own, foreign):
        await world.bind(order_id, trip_id)
    await world.look_for_late(21)
    here, elsewhere = (
        Principal("somebody", "dispatcher", (depot_id,)) for depot_id in (world.depot_id, other_depot)
    )
    (seen,) = await alerts.list_open(world.connection, here, at(0))
    assert [order.number for order in seen.orders] == [await world.number_of(own)]
    assert await alerts.list_open(world.connection, elsewhere, at(0)) == []
    with pytest.raises(NotFound):
        await alerts.acknowledge(world.connection, elsewhere, seen.public_id, "somebody", at(22))
    first = await alerts.acknowledge(world.connection, here, seen.public_id, "first", at(22))
    second = await alerts.acknowledge(world.connection, here, seen.public_id, "second", at(23))
    assert first.acknowledged_by == second.acknowledged_by == "first"
    assert second.acknowledged_at == at(22)


async def test_each_customer_hears_of_its_own_promise_and_again_of_a_new_one(world: World) -> None:
    stops, vehicle_id, trip_id = await hour_long_trip(world)
    orders = [await world.order(stops, promised_min=promised) for promised in (50, 200)]
    await world.connection.execute(
        "with added as (insert into contact (public_id, depot_id, key_id)"
        " select gen_random_uuid(), depot_id, 1 from depot returning contact_id)"
        " update orders set contact_id = added.contact_id from added"
    )
    for order_id in orders:
        await world.bind(order_id, trip_id)
    for minute in (51, 201, 202):
        await world.look_for_late(minute)
    await world.connection.execute(
        "update orders set promised_at = $1 where order_id = $2", at(300), orders[0]
    )
    await world.look_for_late(301)
    told = await world.connection.fetch(
        "select order_id, event_at, suppressed from notice where event = 'new_window' order by notice_id"
    )
    assert [tuple(row) for row in told] == [
        (orders[0], at(50), None),
        (orders[1], at(200), None),
        (orders[0], at(300), None),
    ]
    assert len(await world.alerts()) == 1
    assert vehicle_id


async def test_what_somebody_resolved_is_raised_anew_when_it_comes_to_more_orders(world: World) -> None:
    stops, vehicle_id, trip_id = await hour_long_trip(world)
    orders = [await world.order(stops, promised_min=promised) for promised in (50, 200)]
    for order_id in orders:
        await world.bind(order_id, trip_id)
    await world.look_for_late(51)
    await world.connection.execute(
        "update alert set resolved_at = $1, resolved_by = 'x', cause = 'accepted'", at(52)
    )
    for minute in (60, 201, 202):
        await world.look_for_late(minute)
    subject = f"vehicle:{vehicle_id}"
    assert await world.alerts() == [(subject, orders[:1], "worse"), (subject, orders, None)]
    assert await world.connection.fetchval("select count(*) from alert where resolved_at is null") == 1
