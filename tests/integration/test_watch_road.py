from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from watch_world import WATCH, Stop, World, at

from domain.crossings import CrossingKind
from store import crossings, rules
from store.pool import open_connection
from store.unit_of_work import unit_of_work
from watch import road


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    connection = await open_connection(database_url)
    yield await World(connection).begin()
    await connection.close()


async def look(world: World, minute: float) -> None:
    async with unit_of_work(world.connection) as work:
        await road.run(work, WATCH, at(minute), world.measures)


async def kinds(world: World) -> list[tuple[str, list[int], str | None]]:
    rows = await world.connection.fetch("select kind, order_ids, clear_reason from alert order by alert_id")
    return [(row["kind"], row["order_ids"], row["clear_reason"]) for row in rows]


async def carried(world: World) -> tuple[int, int, int]:
    """An order riding on a vehicle: (order, vehicle, trip)."""
    stops = [
        Stop("origin", "origin", 0, await world.fence()),
        Stop("customer", "destination", 60_000, await world.fence()),
    ]
    vehicle_id = await world.vehicle()
    trip_id = await world.trip(vehicle_id, stops)
    order_id = await world.order(stops, promised_min=600)
    await world.bind(order_id, trip_id)
    return order_id, vehicle_id, trip_id


async def test_off_the_route_for_minutes_is_an_alert_until_it_is_back(world: World) -> None:
    order_id, vehicle_id, trip_id = await carried(world)
    for minute, off_m, since in ((10, 3000.0, at(9)), (15, 3000.0, at(9)), (20, 10.0, None)):
        progress = crossings.Progress(trip_id, vehicle_id, at(minute), 5000.0, off_m, since, None)
        await crossings.advance_progress(world.connection, [progress])
        await look(world, minute)
        if minute == 10:
            assert await kinds(world) == []
        if minute == 15:
            assert await kinds(world) == [("off_route", [order_id], None)]
    assert await kinds(world) == [("off_route", [order_id], "over")]


async def test_a_vehicle_in_a_restricted_area_is_an_alert_until_it_leaves(world: World) -> None:
    order_id, vehicle_id, _ = await carried(world)
    fence = await world.fence()
    await world.connection.execute("update geofence set purpose = 'restricted' where geofence_id = $1", fence)
    await world.cross(vehicle_id, fence, CrossingKind.ENTER, 10)
    await look(world, 11)
    assert await kinds(world) == [("restricted_area", [order_id], None)]
    await world.cross(vehicle_id, fence, CrossingKind.EXIT, 20)
    await look(world, 21)
    assert await kinds(world) == [("restricted_area", [order_id], "over")]


async def test_cargo_is_watched_where_the_rules_set_bounds(world: World) -> None:
    order_id, vehicle_id, _ = await carried(world)
    await world.connection.execute(
        "insert into reading (device_id, device_time, content_hash, kind, received_at, body)"
        " select device_id, $1, 1, 'telemetry', $1, $2 from device_assignment where vehicle_id = $3",
        at(10),
        {"readings": {"cargo_temperature_c": 12.4}},
        vehicle_id,
    )
    await look(world, 11)
    assert await kinds(world) == []
    shipped = await rules.text_in_force(world.connection)
    bounds = shipped.replace("[alerts]", "[alerts]\ntemperature_min_c = 2.0\ntemperature_max_c = 8.0")
    await rules.put_in_force(world.connection, bounds, by="test", now=at(11))
    await look(world, 12)
    assert await kinds(world) == [("temperature", [order_id], None)]


async def test_a_scan_far_from_the_vehicle_it_names_is_an_alert(world: World) -> None:
    order_id, vehicle_id, _ = await carried(world)
    await world.connection.execute(
        "insert into position (device_id, device_time, content_hash, received_at, lat, lon, datum)"
        " select device_id, $1, 1, $1, 31.0, 120.0, 'wgs84' from device_assignment where vehicle_id = $2",
        at(10),
        vehicle_id,
    )
    await world.scan(order_id, "load", 11, vehicle_id)
    await world.connection.execute("update scan set lat = 31.001, lon = 120.0")
    await look(world, 12)
    assert await kinds(world) == []
    await world.connection.execute("update scan set lat = 31.1")
    await look(world, 13)
    assert await kinds(world) == [("scan_mismatch", [order_id], None)]
