from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from api_world import NOON, ApiWorld, order_body, running_api

from store import evidence

_hashes = count(1)


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as world:
        yield world


async def trip(world: ApiWorld, depot: str, label: str, **vehicle: object) -> str:
    made = await world.post("/v1/vehicles", {"depot_id": depot, "label": label, **vehicle})
    body = {
        "vehicle_id": made["id"],
        "label": label,
        "active_from": (NOON - timedelta(hours=1)).isoformat(),
        "active_to": (NOON + timedelta(days=1)).isoformat(),
        "stops": [
            {"name": "上海", "kind": "origin", "lat": 31.0, "lon": 121.0},
            {"name": "苏州", "kind": "destination", "lat": 31.3, "lon": 120.6},
        ],
    }
    return str((await world.post("/v1/trips", body))["id"])


async def scan(world: ApiWorld, order: Any, code: str, action: str, vehicle: str | None = None) -> Any:
    """A scan as ingest stores it; what the order is then."""
    world.clock.advance(minutes=1)
    await store_scan(world, code, action, vehicle)
    async with world.work() as work:
        order_id = await work.connection.fetchval(
            "select order_id from orders where public_id = $1", UUID(order["id"])
        )
        await evidence.record_evidence(work, [order_id], world.clock())
    return await world.get(f"/v1/orders/{order['id']}")


async def store_scan(world: ApiWorld, code: str, action: str, vehicle: str | None = None) -> None:
    async with world.work() as work:
        await work.connection.execute(
            "insert into device (public_id, depot_id, name, kind)"
            " select gen_random_uuid(), depot_id, 's', 'scanner' from depot on conflict do nothing"
        )
        await work.connection.execute(
            "insert into scan"
            " (device_id, device_time, content_hash, received_at, scan_id, code, action, vehicle)"
            " select device_id, $1, $2, $1, 's', $3, $4, $5 from device",
            world.clock(),
            next(_hashes),
            code,
            action,
            vehicle,
        )


def kinds(order: Any) -> list[str]:
    return [one["kind"] for one in order["conflicts"] if one["ended_at"] is None]


async def test_two_vehicles_that_claim_a_package_are_recorded_listed_and_settled(world: ApiWorld) -> None:
    depot = await world.depot()
    await trip(world, depot, "A")
    await trip(world, depot, "B")
    order = await world.order(depot, packages=[{"code": "P-1"}])
    await scan(world, order, "P-1", "load", "A")
    claimed = await scan(world, order, "P-1", "load", "B")
    assert kinds(claimed) == ["two_vehicles"]
    assert claimed["conflicts"][0]["vehicle_labels"] == ["A", "B"]
    # Neither is overwritten: both rides are there, the first until the second began.
    assert [leg["unbound_at"] is None for leg in claimed["legs"]] == [False, True]
    (listed,) = (await world.get("/v1/conflicts"))["items"]
    assert (listed["package_code"], listed["order_number"]) == ("P-1", order["number"])
    path = f"/v1/conflicts/{listed['id']}/settlement"
    (settled,) = (await world.post(path, {"reason": "wrong truck scanned"}, expect=200))["items"]
    assert settled["reason"] == "wrong truck scanned"
    assert (await world.get("/v1/conflicts"))["items"] == []
    await world.post(f"/v1/conflicts/{UUID(int=1)}/settlement", {"reason": "x"}, expect=404)


async def test_a_scan_that_comes_later_ends_the_conflict_it_explains(world: ApiWorld) -> None:
    depot = await world.depot()
    await trip(world, depot, "A")
    await trip(world, depot, "B")
    order = await world.order(depot, packages=[{"code": "P-1"}])
    await scan(world, order, "P-1", "load", "A")
    world.clock.advance(minutes=10)
    assert kinds(await scan(world, order, "P-1", "load", "B")) == ["two_vehicles"]
    world.clock.advance(minutes=-5)
    explained = await scan(world, order, "P-1", "unload")
    assert kinds(explained) == []
    assert explained["conflicts"][0]["ended_at"] is not None


async def test_two_plans_over_one_way_are_recorded_until_one_is_ended(world: ApiWorld) -> None:
    depot = await world.depot()
    first, second = await trip(world, depot, "A"), await trip(world, depot, "B")
    order = await world.order(depot, legs=[{"trip_id": first}])
    twice = await world.post(f"/v1/orders/{order['id']}/legs", {"trip_id": second})
    assert kinds(twice) == ["two_plans"]
    answer = await world.client.delete(f"/v1/orders/{order['id']}/legs/{first}")
    assert kinds(answer.json()) == []


async def test_scans_of_a_closed_order_are_recorded_and_change_nothing(world: ApiWorld) -> None:
    order = await world.order(await world.depot(), packages=[{"code": "P-1"}])
    delivered = await scan(world, order, "P-1", "deliver")
    assert kinds(await scan(world, order, "P-1", "deliver")) == []
    after = await scan(world, order, "P-1", "hub_in")
    assert kinds(after) == ["closed"]
    assert (after["state"], after["closed_at"]) == ("delivered", delivered["closed_at"])


async def test_a_vehicle_in_the_garage_and_too_much_on_one_are_recorded(world: ApiWorld) -> None:
    depot = await world.depot()
    await trip(world, depot, "garage", status="maintenance")
    await trip(world, depot, "small", capacity_kg=100)
    packages = [{"code": "P-1", "weight_kg": 70}, {"code": "P-2", "weight_kg": 60}]
    order = await world.order(depot, packages=packages)
    assert kinds(await scan(world, order, "P-1", "load", "small")) == []
    both = await scan(world, order, "P-2", "load", "small")
    # One of the two is too much; which one is for people to say.
    assert kinds(both) == ["overload", "overload"]
    assert both["conflicts"][0]["detail"] == {"over_kg": 30.0}
    await trip(world, depot, "bare", capacity_kg=0)
    unweighed = await world.order(depot, packages=[{"code": "P-4"}])
    assert kinds(await scan(world, unweighed, "P-4", "load", "bare")) == ["overload"]
    other = await world.order(depot, packages=[{"code": "P-3"}])
    assert kinds(await scan(world, other, "P-3", "load", "garage")) == ["maintenance"]


async def test_a_plan_onto_a_vehicle_that_cannot_take_it_is_refused(world: ApiWorld) -> None:
    depot = await world.depot()
    garage = await trip(world, depot, "garage", status="maintenance")
    small = await trip(world, depot, "small", capacity_kg=50)
    body = order_body(depot, packages=[{"code": "P-1", "weight_kg": 80}])
    order = await world.post("/v1/orders", body)
    refused = await world.post(f"/v1/orders/{order['id']}/legs", {"trip_id": garage}, expect=409)
    assert "garage cannot take the order: the vehicle is under maintenance" in refused["detail"]
    refused = await world.post(f"/v1/orders/{order['id']}/legs", {"trip_id": small}, expect=409)
    assert "30 kg too heavy" in refused["detail"]


async def test_what_people_do_by_hand_is_in_the_audit_trail(world: ApiWorld) -> None:
    depot = await world.depot()
    order = await world.post("/v1/orders", {"depot_id": depot, "channel": "TM", "contact": {"name": "张伟"}})
    path = f"/v1/orders/{order['id']}"
    await world.client.patch(path, json={"contact": {"phone": "13800000000"}, "reason": "called"})
    await world.happens(order["id"], "packed", manual=True, actor="李娜", reason="forgotten")
    await world.post(f"{path}/clocks/pending_info/reason", {"reason": "no answer"}, expect=200)
    await world.post(f"{path}/cancellation", expect=200)
    trail = (await world.get(f"{path}/audit"))["items"]
    assert [entry["action"] for entry in trail] == ["change", "evidence", "reason", "cancel"]
    assert (trail[0]["detail"], trail[0]["reason"]) == ({"fields": ["contact"]}, "called")
    assert "13800000000" not in str(trail)


async def test_a_scan_of_a_code_nobody_knew_counts_once_its_order_arrives(world: ApiWorld) -> None:
    depot = await world.depot()
    world.clock.advance(minutes=5)
    await store_scan(world, "P-9", "pick")
    order = await world.order(depot, packages=[{"code": "P-9"}])
    picked = next(one for one in order["milestones"] if one["stage"] == "picked")
    assert (picked["actual_at"], picked["done_packages"]) == ("2026-11-21T12:05:00Z", 1)
