from collections.abc import AsyncIterator

import pytest
from watch_world import WATCH, Stop, World, at

from domain.crossings import Crossing, CrossingKind
from store import crossings, evidence
from store.pool import open_connection
from store.service_level import Quantiles, measure
from store.unit_of_work import unit_of_work
from watch import service_level


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    connection = await open_connection(database_url)
    yield await World(connection).begin()
    await connection.close()


async def test_a_crossings_lag_is_split_into_device_network_and_ours(world: World) -> None:
    origin, customer = await world.fence(), await world.fence()
    stops = [Stop("origin", "origin", 0, origin), Stop("customer", "destination", 60_000, customer)]
    vehicle_id = await world.vehicle()
    order_id = await world.order(stops, promised_min=600)
    await world.bind(order_id, await world.trip(vehicle_id, stops))
    # Left at 0; the fix that shows it was made at 2, came in at 12, and was recorded at 12.5.
    await world.connection.execute(
        "insert into position (device_id, device_time, content_hash, received_at, lat, lon, datum)"
        " select device_id, $1, 1, $2, 31, 120, 'wgs84' from device",
        at(2),
        at(12),
    )
    exit_origin = Crossing(at(2), at(0), vehicle_id, origin, CrossingKind.EXIT, 5.0, 31.0, 120.0)
    await crossings.record(world.connection, [exit_origin])
    async with unit_of_work(world.connection) as work:
        await evidence.record_evidence(work, [order_id], at(12.5))

    level = await measure(world.connection, WATCH, at(-30), at(30))
    assert level is not None
    assert (level.milestones, level.in_time) == (1, 1)
    assert level.lag == Quantiles(750, 750)
    assert (level.device.p50_s, level.network.p50_s, level.ours.p50_s) == (120, 600, 30)


async def test_a_scan_uploaded_hours_late_is_the_networks_delay(world: World) -> None:
    await world.vehicle()
    stops = [Stop("origin", "origin", 0), Stop("customer", "destination", 60_000)]
    on_time, late = [await world.order(stops, promised_min=600) for _ in range(2)]
    await world.scan(on_time, "pick", 119)
    await world.connection.execute(
        "insert into scan (device_id, device_time, content_hash, received_at, scan_id, code, action)"
        " select device_id, $1, 77, $2, 's', $3, 'pick' from device",
        at(0),
        at(120),
        f"P{late}",
    )
    await world.derive([late], at(120))

    level = await measure(world.connection, WATCH, at(90), at(150))
    assert level is not None
    assert (level.milestones, level.in_time) == (2, 1)
    assert level.network.p99_s > 7000
    assert level.ours == Quantiles(0, 0)
    assert level.device == Quantiles(0, 0)


async def test_the_last_hour_is_shown(world: World) -> None:
    await world.vehicle()
    order_id = await world.order([Stop("a", "origin", 0), Stop("b", "destination", 1)], promised_min=600)
    await world.scan(order_id, "pick", 0)
    for minute, counted in ((30, 1), (90, 0)):
        async with unit_of_work(world.connection) as work:
            await service_level.run(work, WATCH, at(minute), world.measures)
        assert world.measures.milestones_counted._value.get() == counted
    assert world.measures.milestone_lag.labels("all", "0.99")._value.get() == 60
    assert world.measures.milestones_in_time._value.get() == 1
