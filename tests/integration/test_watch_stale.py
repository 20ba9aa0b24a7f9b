from collections.abc import AsyncIterator

import pytest
from watch_world import Stop, World, at

from domain.crossings import CrossingKind
from store.pool import open_connection


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    connection = await open_connection(database_url)
    yield await World(connection).begin()
    await connection.close()


class Ride:
    """An order on a truck: 60 km to a hub, 60 more to the customer, left at minute 0."""

    def __init__(self, world: World, vehicle_id: int, fences: tuple[int, int, int]) -> None:
        self.world, self.vehicle_id = world, vehicle_id
        self.origin, self.hub, self.customer = fences
        self.stops = [
            Stop("origin", "origin", 0, self.origin, None, 0),
            Stop("hub", "hub", 60_000, self.hub, 60, 90, 1800),
            Stop("customer", "destination", 120_000, self.customer, 150),
        ]
        self.trip_id = 0
        self.order_id = 0

    async def plan(self) -> "Ride":
        self.trip_id = await self.world.trip(self.vehicle_id, self.stops)
        self.order_id = await self.add_order()
        return self

    async def add_order(self) -> int:
        order_id = await self.world.order(self.stops, promised_min=10_000)
        await self.world.bind(order_id, self.trip_id, 0, 2)
        return order_id

    async def leave(self, fence: int, minute: float, distance_m: float) -> None:
        await self.world.cross(self.vehicle_id, fence, CrossingKind.EXIT, minute)
        await self.world.drive(self.trip_id, self.vehicle_id, minute, distance_m)

    async def enter(self, fence: int, minute: float, distance_m: float) -> None:
        await self.world.cross(self.vehicle_id, fence, CrossingKind.ENTER, minute)
        await self.world.drive(self.trip_id, self.vehicle_id, minute, distance_m)

    async def is_stale(self, minute: float) -> bool:
        await self.world.look_for_silence(minute)
        return any(reason is None for _, _, reason in await self.world.alerts())


async def ride(world: World, tracker_interval_s: float | None = 30.0) -> Ride:
    fences = (await world.fence(), await world.fence(), await world.fence())
    return await Ride(world, await world.vehicle(tracker_interval_s=tracker_interval_s), fences).plan()


async def test_silence_between_stops_is_stale_after_fifteen_minutes(world: World) -> None:
    order = await ride(world)
    await order.leave(order.origin, 0, 1_000)
    assert not await order.is_stale(14.9)
    assert await order.is_stale(15.1)
    assert (await world.alerts())[0][:2] == (f"vehicle:{order.vehicle_id}", [order.order_id])


async def test_a_slow_tracker_gets_three_of_its_intervals(world: World) -> None:
    order = await ride(world, tracker_interval_s=600)
    await order.leave(order.origin, 0, 1_000)
    assert not await order.is_stale(29.9)
    assert await order.is_stale(30.1)


async def test_a_silent_vehicle_is_one_alert_listing_its_orders(world: World) -> None:
    first = await ride(world)
    second_id = await first.add_order()
    await first.leave(first.origin, 0, 1_000)
    for minute in (16, 17, 18):
        await world.look_for_silence(minute)
    assert await world.alerts() == [(f"vehicle:{first.vehicle_id}", [first.order_id, second_id], None)]


async def test_a_fix_ends_the_silence(world: World) -> None:
    order = await ride(world)
    await order.leave(order.origin, 0, 1_000)
    assert await order.is_stale(20)
    await world.drive(order.trip_id, order.vehicle_id, 21, 15_000)
    assert not await order.is_stale(22)
    assert [reason for _, _, reason in await world.alerts()] == ["fix_received"]


async def test_an_order_in_the_warehouse_is_never_stale(world: World) -> None:
    order = await ride(world)
    await world.drive(order.trip_id, order.vehicle_id, 0, 0)
    await world.scan(order.order_id, "pick", 1)
    assert not await order.is_stale(300)


async def test_a_planned_stop_is_never_stale(world: World) -> None:
    order = await ride(world)
    await order.leave(order.origin, 0, 1_000)
    await order.enter(order.hub, 60, 59_900)
    assert not await order.is_stale(300)
    await order.leave(order.hub, 301, 61_000)
    assert await order.is_stale(317)


async def test_a_planned_stop_without_a_fence_is_known_by_the_progress(world: World) -> None:
    order = await ride(world)
    await world.connection.execute("update stop set geofence_id = null where kind = 'hub'")
    await order.leave(order.origin, 0, 1_000)
    await world.drive(order.trip_id, order.vehicle_id, 60, 59_800)
    assert not await order.is_stale(300)
    await world.drive(order.trip_id, order.vehicle_id, 301, 61_000)
    assert await order.is_stale(317)


async def test_an_untracked_vehicle_is_never_stale(world: World) -> None:
    await world.vehicle()
    order = await ride(world, tracker_interval_s=None)
    await world.scan(order.order_id, "load", -5, order.vehicle_id)
    await world.cross(order.vehicle_id, order.origin, CrossingKind.EXIT, 0)
    assert not await order.is_stale(300)


async def test_a_tracker_taken_off_makes_the_vehicle_untracked(world: World) -> None:
    order = await ride(world)
    await order.leave(order.origin, 0, 1_000)
    await world.connection.execute(
        "update device_assignment set period = tstzrange(lower(period), $1)", at(5)
    )
    assert not await order.is_stale(300)


async def test_an_arrived_order_is_not_stale(world: World) -> None:
    order = await ride(world)
    await order.leave(order.origin, 0, 1_000)
    assert await order.is_stale(20)
    await order.enter(order.customer, 140, 120_000)
    await order.leave(order.customer, 150, 120_000)
    assert not await order.is_stale(300)
    assert [reason for _, _, reason in await world.alerts()] == ["not_under_way"]


async def test_an_order_unloaded_from_the_silent_vehicle_is_not_stale(world: World) -> None:
    order = await ride(world)
    await world.scan(order.order_id, "load", -5, order.vehicle_id)
    await order.leave(order.origin, 0, 1_000)
    assert await order.is_stale(20)
    await world.scan(order.order_id, "unload", 21)
    assert not await order.is_stale(23)


async def test_an_order_waiting_at_a_hub_for_its_next_truck_is_not_stale(world: World) -> None:
    first = await ride(world)
    await world.connection.execute("update leg set to_seq = 1")
    second_truck = await world.vehicle()
    second_trip = await world.trip(
        second_truck,
        [Stop("hub", "origin", 0, first.hub), Stop("customer", "destination", 60_000, first.customer)],
    )
    await world.bind(first.order_id, second_trip, 1, 2)
    await first.leave(first.origin, 0, 1_000)
    await first.enter(first.hub, 60, 60_000)
    await first.leave(first.hub, 70, 61_000)
    assert not await first.is_stale(200)
    await world.cross(second_truck, first.hub, CrossingKind.EXIT, 210)
    await world.drive(second_trip, second_truck, 211, 1_000)
    await world.look_for_silence(240)
    assert await world.alerts() == [(f"vehicle:{second_truck}", [first.order_id], None)]


async def test_a_cancelled_trip_is_not_stale(world: World) -> None:
    order = await ride(world)
    await order.leave(order.origin, 0, 1_000)
    await world.connection.execute("update trip set cancelled_at = $1", at(5))
    assert not await order.is_stale(300)
