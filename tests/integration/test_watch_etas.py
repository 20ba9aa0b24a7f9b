import math
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from watch_world import T0, Stop, World, at

from domain.crossings import CrossingKind
from geo.distance import cumulative_m
from store import rules
from store.pool import open_connection


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    connection = await open_connection(database_url)
    yield await World(connection).begin()
    await connection.close()


async def run_to_hub_and_customer(world: World) -> tuple[list[Stop], int, int]:
    """A trip of 60 km to a hub and 60 more to a customer, planned at a kilometre a minute."""
    stops = [
        Stop("origin", "origin", 0, await world.fence(), None, 0),
        Stop("hub", "hub", 60_000, await world.fence(), 60, 90, 1800),
        Stop("customer", "destination", 120_000, await world.fence(), 150),
    ]
    vehicle_id = await world.vehicle()
    return stops, vehicle_id, await world.trip(vehicle_id, stops)


async def test_a_trip_under_way_is_estimated_for_every_stop_ahead(world: World) -> None:
    _, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    told = await world.estimate(11)
    (publication,) = await world.publications(trip_id)
    assert [row["name"] for row in publication] == ["hub", "customer"]
    assert [row["p50_at"] for row in publication] == [at(60), at(150)]
    assert all(row["p90_at"] > row["p50_at"] for row in publication)
    assert told["eta"] == {trip_id}


async def test_a_drivers_break_is_expected_where_the_rules_name_a_limit(world: World) -> None:
    _, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    limit = "[driving]\ndrive_h = 0.75\nbreak_min = 20.0"
    nothing = "channels = []\npriorities = []\nclocks = []\nnotices = []\n"
    await rules.put_in_force(world.connection, nothing + limit, by="test", now=T0)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(11)
    (publication,) = await world.publications(trip_id)
    # A break on the way to the hub; the half hour there is one too, and then it is an hour again.
    assert [row["p50_at"] for row in publication] == [at(80), at(190)]


async def test_without_a_plan_and_a_known_road_the_routing_engines_time_counts(world: World) -> None:
    stops = [Stop("origin", "origin", 0), Stop("customer", "destination", 120_000)]
    vehicle_id = await world.vehicle()
    trip_id = await world.trip(vehicle_id, stops)
    route_m = cumulative_m([31.0, 32.0], [120.0, 121.0])[-1]
    await world.connection.execute("update trip set free_flow_s = $1", route_m / 20.0)
    await world.drive(trip_id, vehicle_id, 10, 0)
    await world.estimate(10)
    (publication,) = await world.publications(trip_id)
    to_go_s = (publication[0]["p50_at"] - at(10)).total_seconds()
    assert to_go_s == pytest.approx(120_000 / 20.0, abs=1.0)


async def test_the_orders_on_board_get_the_estimates(world: World) -> None:
    stops, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    order_id = await world.order(stops, promised_min=200)
    await world.bind(order_id, trip_id, 0, 2)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    told = await world.estimate(11)
    assert await world.milestone_estimate(order_id, "at_hub") == at(60)
    assert await world.milestone_estimate(order_id, "arrived") == at(150)
    assert told["order"] == {order_id}


async def test_an_order_put_on_a_trip_later_gets_what_was_told_already(world: World) -> None:
    stops, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(11)
    order_id = await world.order(stops, promised_min=200)
    await world.bind(order_id, trip_id, 0, 2)
    told = await world.estimate(11.1, {"order": frozenset({order_id})})
    assert told == {"order": {order_id}}
    assert await world.milestone_estimate(order_id, "arrived") == at(150)
    assert await world.estimate(11.2, {"order": frozenset({order_id})}) == {}


async def test_an_order_heard_of_when_it_is_time_for_everything_gets_its_estimate_then(world: World) -> None:
    stops, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(11)
    order_id = await world.order(stops, promised_min=200)
    await world.bind(order_id, trip_id, 0, 2)
    told = await world.estimate(11.1, {"order": frozenset({order_id})}, everything=True)
    assert told == {"order": {order_id}}
    assert await world.milestone_estimate(order_id, "arrived") == at(150)


async def test_an_order_put_on_a_trip_while_nobody_watched_gets_its_estimate_at_first(world: World) -> None:
    stops, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(11)
    order_id = await world.order(stops, promised_min=200)
    await world.bind(order_id, trip_id, 0, 2)
    assert await world.estimate(11.1, is_first=True) == {"order": {order_id}}
    assert await world.milestone_estimate(order_id, "arrived") == at(150)


async def test_an_order_taken_off_its_trip_loses_its_estimate(world: World) -> None:
    stops, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    order_id = await world.order(stops, promised_min=200)
    await world.bind(order_id, trip_id, 0, 2)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(11)
    await world.connection.execute("update leg set unbound_at = $1", at(12))
    await world.estimate(12, {"order": frozenset({order_id})})
    assert await world.milestone_estimate(order_id, "arrived") is None


async def test_an_estimate_that_holds_is_not_told_again(world: World) -> None:
    _, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(10)
    await world.drive(trip_id, vehicle_id, 12, 12_000)
    assert await world.estimate(12) == {}
    assert len(await world.publications(trip_id)) == 1


async def test_a_delay_is_told_and_counts_as_wobble(world: World) -> None:
    _, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(10)
    await world.drive(trip_id, vehicle_id, 20, 10_000)
    await world.estimate(20)
    first, second = await world.publications(trip_id)
    assert second[0]["p50_at"] - first[0]["p50_at"] == timedelta(minutes=10)
    assert world.measures.eta_revision_s._value.get() == 600
    assert world.measures.eta_standing_min._value.get() == 10


async def test_a_vehicle_on_a_detour_gets_nearer_though_its_progress_stays(world: World) -> None:
    _, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(10)
    # The route runs from 31, 120 to 32, 121; ten minutes on, 10 km further, and some metres aside.
    share = 20_000 / float(cumulative_m([31.0, 32.0], [120.0, 121.0])[-1])
    lat, lon = 31 + share, 120 + share
    await world.leave_route(trip_id, vehicle_id, 20, 10_000, lat, lon + 0.005)
    await world.estimate(20)
    first, second = await world.publications(trip_id)
    assert abs(second[0]["p50_at"] - first[0]["p50_at"]) <= timedelta(minutes=1)


async def test_a_silent_vehicles_estimate_widens_and_is_never_in_the_past(world: World) -> None:
    _, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    for minute in (10, 40, 70, 100):
        await world.estimate(minute)
    publications = await world.publications(trip_id)
    to_hub = [rows[0] for rows in publications]
    spreads = [row["p90_at"] - row["p50_at"] for row in to_hub]
    assert len(publications) == 4
    assert spreads == sorted(spreads)
    assert spreads[-1] >= timedelta(minutes=40)
    assert all(row["p50_at"] >= row["computed_at"] for row in to_hub)
    assert {row["fix_at"] for row in to_hub} == {at(10)}


async def test_only_vehicles_heard_of_are_looked_at(world: World) -> None:
    _, first_vehicle, first_trip = await run_to_hub_and_customer(world)
    _, second_vehicle, second_trip = await run_to_hub_and_customer(world)
    await world.drive(first_trip, first_vehicle, 10, 10_000)
    await world.drive(second_trip, second_vehicle, 10, 10_000)
    told = await world.estimate(11, {"position": frozenset({second_vehicle})})
    assert told["eta"] == {second_trip}
    assert await world.publications(first_trip) == []


async def test_a_trip_heard_of_by_itself_is_looked_at(world: World) -> None:
    _, _, trip_id = await run_to_hub_and_customer(world)
    assert (await world.estimate(11, {"trip": frozenset({trip_id})}))["eta"] == {trip_id}


async def test_nothing_is_told_before_the_planned_start_unless_it_moves(world: World) -> None:
    _, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    await world.seen(vehicle_id, -20)
    assert await world.estimate(-19) == {}
    await world.drive(trip_id, vehicle_id, -10, 1_000)
    assert (await world.estimate(-9))["eta"] == {trip_id}


async def test_a_vehicle_heard_but_not_on_its_way_leaves_now(world: World) -> None:
    _, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    await world.seen(vehicle_id, 29)
    await world.estimate(30)
    (publication,) = await world.publications(trip_id)
    assert publication[0]["p50_at"] == at(90)


async def test_a_vehicle_never_heard_is_taken_to_follow_the_plan(world: World) -> None:
    stops = [Stop("origin", "origin", 0, None, None, 0), Stop("customer", "destination", 60_000, None, 60)]
    trip_id = await world.trip(await world.vehicle(tracker_interval_s=None), stops)
    await world.estimate(30)
    (publication,) = await world.publications(trip_id)
    assert publication[0]["p50_at"] == at(60)
    assert publication[0]["p90_at"] >= at(75)


async def test_a_vehicle_at_a_hub_leaves_when_it_is_served_and_not_before_the_plan(world: World) -> None:
    stops, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    hub = stops[1].geofence_id
    assert hub is not None
    await world.cross(vehicle_id, hub, CrossingKind.ENTER, 50)
    await world.drive(trip_id, vehicle_id, 55, 59_900)
    await world.estimate(56)
    await world.connection.execute("update stop set planned_departure_at = null")
    await world.drive(trip_id, vehicle_id, 65, 59_900)
    await world.estimate(66)
    planned, served = await world.publications(trip_id)
    assert [row["name"] for row in planned] == ["customer"]
    assert abs(planned[0]["p50_at"] - at(150)) < timedelta(seconds=10)
    assert served[0]["p50_at"] < planned[0]["p50_at"]


@pytest.mark.parametrize(("distance_m", "is_delayed"), [(30_000, True), (60_100, False)])
async def test_standing_on_the_road_is_a_delay_and_standing_at_a_stop_is_not(
    world: World, distance_m: float, is_delayed: bool
) -> None:
    _, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    await world.drive(trip_id, vehicle_id, 78, distance_m)
    await world.estimate(78)
    await world.drive(trip_id, vehicle_id, 80, distance_m, pace=math.inf)
    await world.estimate(80.1)
    publications = await world.publications(trip_id)
    assert (len(publications) == 2) is is_delayed


@pytest.mark.parametrize(
    "ended", ["cancelled_at = '2026-11-21 08:05+00'", "active = tstzrange(null, '2026-11-21 08:05+00')"]
)
async def test_a_trip_that_is_over_is_not_estimated(world: World, ended: str) -> None:
    _, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    await world.drive(trip_id, vehicle_id, 4, 4_000)
    await world.connection.execute(f"update trip set {ended}")
    assert await world.estimate(10) == {}


async def test_a_return_to_the_start_is_not_taken_for_the_start(world: World) -> None:
    yard, shop = await world.fence(), await world.fence()
    stops = [
        Stop("yard", "origin", 0, yard, None, 0),
        Stop("shop", "destination", 30_000, shop, 30),
        Stop("yard", "destination", 60_000, yard, 60),
    ]
    vehicle_id = await world.vehicle()
    trip_id = await world.trip(vehicle_id, stops)
    await world.cross(vehicle_id, yard, CrossingKind.INSIDE, -5)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(10)
    (publication,) = await world.publications(trip_id)
    assert [row["p50_at"] for row in publication] == [T0 + timedelta(minutes=30), T0 + timedelta(minutes=60)]


async def due_soon(world: World) -> dict[str, datetime]:
    rows = await world.connection.fetch("select name, at from arriving_soon join stop using (stop_id)")
    return {row["name"]: row["at"] for row in rows}


async def notices_of(world: World, order_id: int) -> list[str]:
    rows = await world.connection.fetch("select event from notice where order_id = $1", order_id)
    return [row["event"] for row in rows]


async def test_a_stop_first_estimated_close_ahead_is_noted_once_and_its_customer_told(world: World) -> None:
    shipped = await rules.text_in_force(world.connection)
    await rules.put_in_force(world.connection, "approaching_min = 15\n" + shipped, by="test", now=T0)
    stops, vehicle_id, trip_id = await run_to_hub_and_customer(world)
    order_id = await world.order(stops, promised_min=200)
    await world.bind(order_id, trip_id, 0, 2)
    await world.connection.execute(
        "with made as (insert into contact (public_id, depot_id, key_id) values (gen_random_uuid(), $1, 1)"
        " returning contact_id) update orders set contact_id = made.contact_id from made where order_id = $2",
        world.depot_id,
        order_id,
    )
    await world.drive(trip_id, vehicle_id, 40, 40_000)
    await world.estimate(41)
    assert await due_soon(world) == {}
    await world.drive(trip_id, vehicle_id, 50, 50_000)
    await world.estimate(50)
    assert await due_soon(world) == {"hub": at(50)}
    assert "approaching" not in await notices_of(world, order_id), "a hub is nothing to a customer"

    await world.drive(trip_id, vehicle_id, 136, 106_000)
    told = await world.estimate(136)
    assert (await due_soon(world))["customer"] == at(136)
    assert order_id in told["order"]
    await world.drive(trip_id, vehicle_id, 137, 107_000)
    await world.estimate(137)
    assert (await due_soon(world))["customer"] == at(136)
    assert (await notices_of(world, order_id)).count("approaching") == 1
