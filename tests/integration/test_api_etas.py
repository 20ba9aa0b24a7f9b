from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from api_world import NOON, ApiWorld, running_api

from store.pool import open_connection


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as world:
        yield world


async def arrived(database_url: str, *, late_s: float) -> None:
    """One estimate of a trip from Yard to Shop, told ten minutes before NOON for NOON, and its truth."""
    connection = await open_connection(database_url)
    await connection.execute(
        "with v as (insert into vehicle (public_id, depot_id, label)"
        " select gen_random_uuid(), depot_id, 'truck' from depot returning vehicle_id, depot_id),"
        " t as (insert into trip (public_id, depot_id, vehicle_id, label, active, route_lats, route_lons)"
        " select gen_random_uuid(), depot_id, vehicle_id, 'trip', tstzrange(null, null), '{31,32}', '{120,1}'"
        " from v returning trip_id),"
        " s as (insert into stop (trip_id, seq, name, kind, lat, lon, distance_m)"
        " select trip_id, 0, 'Yard', 'origin', 31, 120, 0 from t union all"
        " select trip_id, 1, 'Shop', 'destination', 32, 121, 140000 from t returning trip_id, stop_id, seq)"
        " insert into eta (trip_id, stop_id, computed_at, p50_at, p90_at, arrived_at)"
        " select trip_id, stop_id, $1, $2, $3, $4 from s where seq = 1",
        NOON - timedelta(minutes=10),
        NOON,
        NOON + timedelta(minutes=2),
        NOON + timedelta(seconds=late_s),
    )
    await connection.close()


async def test_nothing_is_scored_before_anything_arrived(world: ApiWorld) -> None:
    answer = await world.get("/v1/etas/score")
    assert (answer["overall"], answer["lanes"]) == (None, {})


async def test_estimates_are_scored_overall_and_by_lane(world: ApiWorld) -> None:
    await world.depot()
    await arrived(world.database_url, late_s=90.0)
    world.clock.advance(hours=1)
    answer = await world.get("/v1/etas/score", days=1)
    assert answer["overall"]["overall"]["mae_s"] == 90.0
    assert answer["overall"]["by_horizon"]["10-15"]["coverage_p90"] == 1.0
    assert answer["lanes"]["Yard - Shop"]["overall"]["coverage_p50"] == 0.0


async def test_only_the_asked_for_days_count(world: ApiWorld) -> None:
    await world.depot()
    await arrived(world.database_url, late_s=90.0)
    world.clock.advance(days=3)
    assert (await world.get("/v1/etas/score", days=2))["overall"] is None
    assert (await world.get("/v1/etas/score", days=4))["overall"] is not None
    await world.get("/v1/etas/score", days=100, expect=422)
