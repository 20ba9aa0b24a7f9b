from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from watch_world import T0, WATCH, Stop, World, at

from domain.crossings import CrossingKind
from domain.estimates import DriftRule
from store.pool import open_connection
from watch import eta_scores, learning
from watch.learned import Learned

ROUTE_KM = 147.0


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    connection = await open_connection(database_url)
    yield await World(connection).begin()
    await connection.close()


async def fixes(
    world: World,
    vehicle_id: int,
    minutes: Sequence[float],
    shares: Sequence[float],
    *,
    committed_min: float = 0,
) -> None:
    """Fixes at shares of the straight road from 31 N 120 E to 32 N 121 E."""
    for minute, share in zip(minutes, shares, strict=True):
        await world.connection.execute(
            "insert into position (device_id, device_time, content_hash, received_at, committed_at, lat, lon,"
            " datum, accuracy_m) select device_id, $2, $3, $2, $6, $4, $5, 'wgs84', 5"
            " from device_assignment where vehicle_id = $1",
            vehicle_id,
            at(minute),
            next(world.numbers),
            31.0 + share,
            120.0 + share,
            at(max(minute, committed_min)),
        )


async def learn(world: World, minute: float) -> None:
    await learning.run(world.connection, WATCH, at(minute), Learned(), world.measures)


async def cells(world: World) -> list[tuple[Any, ...]]:
    rows = await world.connection.fetch("select cell, slot, seconds, weight from pace_cell order by 1, 2")
    return [tuple(row.values()) for row in rows]


async def trip_to(world: World, *, fence: bool) -> tuple[int, int, int | None]:
    fence_id = await world.fence() if fence else None
    vehicle_id = await world.vehicle()
    stops = [Stop("yard", "origin", 0, None, None, 0), Stop("shop", "destination", 70_000, fence_id)]
    return vehicle_id, await world.trip(vehicle_id, stops), fence_id


MINUTES = [float(minute) for minute in range(0, 101, 2)]
SHARES = [minute / 100 * 0.95 for minute in MINUTES]


async def test_a_slow_road_makes_the_next_estimate_later(world: World) -> None:
    vehicle_id, trip_id, _ = await trip_to(world, fence=False)
    for _ in range(2):
        next_vehicle, next_trip, _ = await trip_to(world, fence=False)
    await fixes(world, vehicle_id, MINUTES, [share / 4 for share in SHARES])
    await world.drive(next_trip, next_vehicle, 100, 1_000)
    await world.estimate(101)
    await learn(world, 102)
    world.learned = type(world.learned)()
    await world.drive(next_trip, next_vehicle, 110, 1_000)
    await world.estimate(111)
    unlearned, learned = await world.publications(next_trip)
    assert learned[0]["p50_at"] - at(110) > unlearned[0]["p50_at"] - at(100) + timedelta(minutes=15)
    assert trip_id != next_trip


async def test_late_facts_are_learned_as_if_they_had_come_in_time(world: World) -> None:
    vehicle_id, _, _ = await trip_to(world, fence=False)
    await fixes(world, vehicle_id, MINUTES[:20], SHARES[:20])
    await fixes(world, vehicle_id, MINUTES[25:], SHARES[25:])
    await learn(world, 120)
    await fixes(world, vehicle_id, MINUTES[20:25], [SHARES[19]] * 5, committed_min=122)
    await learn(world, 125)
    relearned = await cells(world)
    await world.connection.execute("delete from pace_lesson")
    await world.connection.execute("delete from pace_cell")
    await learn(world, 130)
    once = {row[:2]: row[2:] for row in await cells(world)}
    again = {row[:2]: row[2:] for row in relearned}
    for key in once.keys() | again.keys():
        np.testing.assert_allclose(again.get(key, (0, 0)), once.get(key, (0, 0)), rtol=1e-9, atol=1e-9)


async def test_nothing_new_is_not_learned_twice(world: World) -> None:
    vehicle_id, _, _ = await trip_to(world, fence=False)
    await fixes(world, vehicle_id, MINUTES, SHARES)
    await learn(world, 120)
    before = await cells(world)
    await learn(world, 125)
    assert await cells(world) == before
    assert world.measures.trips_learned._value.get() == 1


async def test_past_estimates_are_told_when_the_vehicle_came(world: World) -> None:
    vehicle_id, trip_id, fence_id = await trip_to(world, fence=True)
    assert fence_id is not None
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(10)
    await fixes(world, vehicle_id, MINUTES, SHARES)
    await world.cross(vehicle_id, fence_id, CrossingKind.ENTER, 50)
    await learn(world, 120)
    (publication,) = await world.publications(trip_id)
    assert publication[0]["arrived_at"] == at(50)


async def test_a_stop_without_a_fence_is_reached_where_its_place_is_passed(world: World) -> None:
    vehicle_id, trip_id, _ = await trip_to(world, fence=False)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(10)
    await fixes(world, vehicle_id, MINUTES, SHARES)
    await learn(world, 120)
    (publication,) = await world.publications(trip_id)
    reached_min = (publication[0]["arrived_at"] - T0) / timedelta(minutes=1)
    assert reached_min == pytest.approx(70 / ROUTE_KM / 0.95 * 100, abs=1)


async def test_scores_are_shown_once_arrivals_are_known(world: World) -> None:
    vehicle_id, trip_id, _ = await trip_to(world, fence=False)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(10)
    await fixes(world, vehicle_id, MINUTES, SHARES)
    await learn(world, 120)
    await eta_scores.run(world.connection, WATCH, at(121), DriftRule(least_estimates=1), world.measures)
    assert world.measures.eta_scored.labels("all")._value.get() == 1
    assert world.measures.eta_has_drifted._value.get() == 1


async def test_estimates_that_got_worse_open_one_alert_of_their_depot_until_they_are_good_again(
    world: World,
) -> None:
    vehicle_id, trip_id, _ = await trip_to(world, fence=False)
    await world.drive(trip_id, vehicle_id, 10, 10_000)
    await world.estimate(10)
    await fixes(world, vehicle_id, MINUTES, SHARES)
    await learn(world, 120)
    sensitive = DriftRule(least_estimates=1)
    for minute in (121, 131):
        await eta_scores.run(world.connection, WATCH, at(minute), sensitive, world.measures)
    alerts = "select kind, subject, order_ids, detail, cleared_at, clear_reason from alert"
    (opened,) = await world.connection.fetch(alerts)
    assert (opened["kind"], opened["order_ids"], opened["cleared_at"]) == ("eta_drift", [], None)
    assert "covers" in opened["detail"]["what"]
    await eta_scores.run(world.connection, WATCH, at(141), DriftRule(coverage=(0.0, 1.0)), world.measures)
    (cleared,) = await world.connection.fetch(alerts)
    assert (cleared["cleared_at"], cleared["clear_reason"]) == (at(141), "over")


async def test_long_stays_at_stops_of_a_kind_are_expected_again(world: World) -> None:
    stops = [
        Stop("yard", "origin", 0, None, None, 0),
        Stop("hub", "hub", 30_000, await world.fence(), service_s=300.0),
        Stop("shop", "destination", 70_000),
    ]
    hub = stops[1].geofence_id
    assert hub is not None
    for _ in range(12):
        vehicle_id = await world.vehicle()
        await world.trip(vehicle_id, stops)
        await fixes(world, vehicle_id, MINUTES[:1], SHARES[:1])
        await world.cross(vehicle_id, hub, CrossingKind.ENTER, 30)
        await world.cross(vehicle_id, hub, CrossingKind.EXIT, 70)
    next_vehicle = await world.vehicle()
    next_trip = await world.trip(next_vehicle, stops)
    await world.drive(next_trip, next_vehicle, 100, 1_000)
    await world.estimate(100)
    await learn(world, 101)
    world.learned = type(world.learned)()
    await world.estimate(106)
    unlearned, learned = await world.publications(next_trip)
    assert learned[1]["p50_at"] - unlearned[1]["p50_at"] > timedelta(minutes=15)
