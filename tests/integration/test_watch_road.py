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
    await world.connection.execute(
        "insert into reading (device_id, device_time, content_hash, kind, received_at, body)"
        " select device_id, $1, 2, 'telemetry', $1, $2 from device_assignment where vehicle_id = $3",
        at(20),
        {"readings": {"cargo_temperature_c": 5.0}},
        vehicle_id,
    )
    await look(world, 21)
    assert await kinds(world) == [("temperature", [order_id], "over")]


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
    await look(world, 140)
    assert await kinds(world) == [("scan_mismatch", [order_id], "over")]


async def test_a_parcel_handed_over_far_from_the_vehicle_its_scanner_rides_on_is_an_alert(
    world: World,
) -> None:
    order_id, vehicle_id, _ = await carried(world)
    await fix(world, vehicle_id, 10, 31.0)
    await world.connection.execute(
        "with scanner as (insert into device (public_id, depot_id, name, kind)"
        " select gen_random_uuid(), depot_id, 'scn', 'scanner' from depot returning device_id)"
        " insert into device_assignment (device_id, vehicle_id, period)"
        " select device_id, $1, tstzrange($2, null) from scanner",
        vehicle_id,
        at(-600),
    )
    await world.connection.execute(
        "insert into scan"
        " (device_id, device_time, content_hash, received_at, scan_id, code, action, lat, lon)"
        " select device_id, $1, 1, $1, 's', $2, 'deliver', 31.1, 120.0 from device where name = 'scn'",
        at(11),
        f"P{order_id}",
    )
    await world.derive([order_id], at(11))
    assert await world.connection.fetchval("select state from orders") == "delivered"
    await look(world, 12)
    assert await kinds(world) == [("scan_mismatch", [order_id], None)]


async def fix(world: World, vehicle_id: int, minute: float, lat: float) -> None:
    """A fix as ingest stores it."""
    await world.connection.execute(
        "insert into position (device_id, device_time, content_hash, received_at, lat, lon, datum)"
        " select device_id, $1, $2, $1, $3, 120.0, 'wgs84' from device_assignment where vehicle_id = $4",
        at(minute),
        next(world.numbers),
        lat,
        vehicle_id,
    )
    await world.seen(vehicle_id, minute)
    await world.connection.execute(
        "update latest_position set lat = $1 where vehicle_id = $2", lat, vehicle_id
    )


async def test_standing_for_long_off_the_stops_is_an_alert_until_it_moves(world: World) -> None:
    order_id, vehicle_id, _ = await carried(world)
    await fix(world, vehicle_id, 0, 31.10)
    for minute in range(5, 40, 5):
        # Within 200 m of where it stands.
        await fix(world, vehicle_id, minute, 31.1501 if minute % 10 else 31.15)
        await look(world, minute)
        assert await kinds(world) == ([] if minute < 35 else [("long_stop", [order_id], None)])
    opened_at = await world.connection.fetchval("select opened_at from alert")
    assert opened_at == at(35)
    await fix(world, vehicle_id, 40, 31.2)
    await look(world, 41)
    assert await kinds(world) == [("long_stop", [order_id], "over")]


async def test_standing_at_a_stop_of_the_trip_is_no_alert(world: World) -> None:
    _order_id, vehicle_id, _ = await carried(world)
    for minute in range(0, 60, 10):
        await fix(world, vehicle_id, minute, 31.001)
        await look(world, minute)
    assert await kinds(world) == []


async def place_scan(world: World, order_id: int, minute: float, lat: float, heard: float) -> None:
    """A scan of the order's package by the one scanner, at a place."""
    await world.connection.execute(
        "insert into scan (device_id, device_time, content_hash, received_at, scan_id, code, action, lat,"
        " lon) select min(device_id), $1, $2, $3, 's', $4, 'hub_in', $5, 120.0 from device",
        at(minute),
        next(world.numbers),
        at(heard),
        f"P{order_id}",
        lat,
    )


async def test_a_scan_after_an_impossible_move_is_an_alert_of_its_order(world: World) -> None:
    order_id, _, _ = await carried(world)
    await place_scan(world, order_id, 0, 31.0, heard=0)
    await place_scan(world, order_id, 30, 31.4, heard=30)
    await look(world, 31)
    assert await kinds(world) == []
    # 100 km in 20 minutes.
    await place_scan(world, order_id, 50, 32.3, heard=51)
    await look(world, 52)
    assert await kinds(world) == [("scan_mismatch", [order_id], None)]
    assert await world.connection.fetchval("select detail from alert") == {
        "why": "impossible_move",
        "km": 100,
    }
    await look(world, 180)
    assert await kinds(world) == [("scan_mismatch", [order_id], "over")]


async def test_what_is_heard_of_hours_late_is_recorded_and_is_no_news(world: World) -> None:
    order_id, vehicle_id, _ = await carried(world)
    fence = await world.fence()
    await world.connection.execute("update geofence set purpose = 'restricted' where geofence_id = $1", fence)
    await world.cross(vehicle_id, fence, CrossingKind.ENTER, 10)
    await world.cross(vehicle_id, fence, CrossingKind.EXIT, 20)
    await world.connection.execute("update crossing set recorded_at = $1", at(300))
    await place_scan(world, order_id, 0, 31.0, heard=300)
    await place_scan(world, order_id, 5, 32.0, heard=300)
    await look(world, 301)
    await look(world, 302)
    rows = await world.connection.fetch(
        "select kind, opened_at, cleared_at, found_at, found_late from alert order by kind"
    )
    assert [tuple(row) for row in rows] == [
        ("restricted_area", at(10), at(20), at(301), True),
        ("scan_mismatch", at(5), None, at(301), True),
    ]
    assert await world.connection.fetchval("select count(*) from notice where suppressed is null") == 0


async def test_what_comes_back_within_the_cooldown_is_the_same_alert(world: World) -> None:
    order_id, vehicle_id, _ = await carried(world)
    fence = await world.fence()
    await world.connection.execute("update geofence set purpose = 'restricted' where geofence_id = $1", fence)
    for minute in (10, 14, 40):
        await world.cross(vehicle_id, fence, CrossingKind.ENTER, minute)
        await look(world, minute + 1)
        await world.cross(vehicle_id, fence, CrossingKind.EXIT, minute + 2)
        await look(world, minute + 3)
    rows = await world.connection.fetch("select opened_at, reopened, cleared_at from alert order by alert_id")
    assert [tuple(row) for row in rows] == [(at(10), 1, at(17)), (at(40), 0, at(43))]
    assert await kinds(world) == [("restricted_area", [order_id], "over")] * 2


async def test_what_somebody_resolved_is_raised_anew_when_it_comes_back(world: World) -> None:
    _order_id, vehicle_id, _ = await carried(world)
    fence = await world.fence()
    await world.connection.execute("update geofence set purpose = 'restricted' where geofence_id = $1", fence)
    await world.cross(vehicle_id, fence, CrossingKind.ENTER, 10)
    await look(world, 11)
    await world.connection.execute(
        "update alert set resolved_at = $1, resolved_by = 'x', cause = 'handled'", at(11)
    )
    await world.cross(vehicle_id, fence, CrossingKind.EXIT, 12)
    await look(world, 13)
    await world.cross(vehicle_id, fence, CrossingKind.ENTER, 14)
    await look(world, 15)
    assert await world.connection.fetchval("select count(*) from alert") == 2
