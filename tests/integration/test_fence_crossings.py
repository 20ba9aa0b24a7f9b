"""Who came into a geofence and left it, as the API tells people."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from access_world import people_of, token_of
from api_world import NOON, ApiWorld, running_api

from domain.access import Role
from domain.crossings import Crossing, CrossingKind
from store import crossings


async def test_crossings_come_newest_first_without_those_that_turned_out_wrong(database_url: str) -> None:
    async with running_api(database_url) as world:
        depot = await world.depot()
        fence = await world.fence(depot, "昆山", 120.98, 31.38)
        vehicle = await world.vehicle(depot, "沪A12345")
        for minutes, kind in ((0, CrossingKind.ENTER), (5, CrossingKind.EXIT), (6, CrossingKind.ENTER)):
            await _crosses(world, fence, vehicle, kind, NOON + timedelta(minutes=minutes))
        async with world.work() as work:
            wrong = "select array_agg(crossing_id) from crossing where at = $1"
            ids = await work.connection.fetchval(wrong, NOON + timedelta(minutes=6))
            await crossings.supersede(work.connection, ids, NOON)

        told = (await world.get(f"/v1/geofences/{fence}/crossings"))["items"]
        newest = (await world.get(f"/v1/geofences/{fence}/crossings", limit=1))["items"]

    assert [(each["kind"], each["vehicle_label"]) for each in told] == [
        ("exit", "沪A12345"),
        ("enter", "沪A12345"),
    ]
    assert (told[1]["vehicle_id"], told[1]["plus_minus_s"]) == (vehicle, 4.0)
    assert datetime.fromisoformat(told[1]["at"]) == NOON
    assert newest == told[:1]


async def test_vehicles_of_another_depot_are_not_told_to_those_who_may_not_see_it(database_url: str) -> None:
    async with running_api(database_url) as world:
        people = await people_of(world)
        fence = await world.fence(people.depot, "昆山", 120.98, 31.38)
        for depot, label in ((people.depot, "own"), (people.foreign_depot, "foreign")):
            await _crosses(world, fence, await world.vehicle(depot, label), CrossingKind.ENTER, NOON)
        headers = {"Authorization": f"Bearer {await token_of(world, people, Role.DISPATCHER)}"}

        seen = await world.client.get(f"/v1/geofences/{fence}/crossings", headers=headers)

    assert [each["vehicle_label"] for each in seen.json()["items"]] == ["own"]


async def _crosses(world: ApiWorld, fence: str, vehicle: str, kind: CrossingKind, at: datetime) -> None:
    """What ingest writes for one crossing."""
    async with world.work() as work:
        fetch = work.connection.fetchval
        vehicle_id = await fetch("select vehicle_id from vehicle where public_id = $1", UUID(vehicle))
        geofence_id = await fetch("select geofence_id from geofence where public_id = $1", UUID(fence))
        crossing = Crossing(at, at, vehicle_id, geofence_id, kind, 4.0, 31.38, 120.98)
        await crossings.record(work.connection, [crossing])
