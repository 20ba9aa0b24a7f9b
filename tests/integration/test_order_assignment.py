from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from api_world import NOON, ApiWorld, order_body, running_api


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as world:
        yield world


async def van(world: ApiWorld, depot: str, label: str, metres_east: float | None, **more: object) -> str:
    """A van seen so far east of the origin."""
    made = await world.post("/v1/vehicles", {"depot_id": depot, "label": label, **more})
    if metres_east is not None:
        device = {"depot_id": depot, "name": f"t-{label}", "kind": "tracker"}
        tracker = (await world.post("/v1/devices", device))["id"]
        await world.moves(tracker, made["id"], 31.0, 121.0 + metres_east / 95_000)
    return str(made["id"])


async def an_order(world: ApiWorld, depot: str, vehicle: str, weight_kg: float) -> Any:
    """An order whose origin and destination a trip has shown."""
    trip = {
        "vehicle_id": vehicle,
        "label": "t",
        "active_from": (NOON - timedelta(days=9)).isoformat(),
        "active_to": (NOON - timedelta(days=8)).isoformat(),
        "stops": [
            {"name": "上海", "kind": "origin", "lat": 31.0, "lon": 121.0},
            {"name": "苏州", "kind": "destination", "lat": 31.1, "lon": 121.0},
        ],
    }
    await world.post("/v1/trips", trip)
    packages = [{"code": f"P-{weight_kg}", "weight_kg": weight_kg}]
    return await world.post("/v1/orders", order_body(depot, packages=packages, channel="TM"))


async def test_the_nearest_comes_first_and_those_that_cannot_say_why(world: ApiWorld) -> None:
    depot = await world.depot()
    far = await van(world, depot, "far", 20_000, capacity_kg=1000)
    near = await van(world, depot, "near", 1_000, capacity_kg=1000)
    unseen = await van(world, depot, "unseen", None)
    await van(world, depot, "garage", 10, status="maintenance")
    await van(world, depot, "small", 10, capacity_kg=50)
    await van(world, depot, "bare", 10, capacity_m3=0)
    order = await an_order(world, depot, far, 80)
    found = await world.get(f"/v1/orders/{order['id']}/candidates")
    assert [one["vehicle_id"] for one in found["items"]] == [near, far, unseen]
    assert found["items"][0]["remaining_kg"] == 920
    assert found["items"][0]["to_origin_s"] < found["items"][1]["to_origin_s"]
    assert {one["vehicle_label"]: one["reason"] for one in found["left_out"]} == {
        "garage": "the vehicle is under maintenance",
        "small": "30 kg too heavy",
        "bare": "the vehicle is said to carry nothing",
    }


async def test_an_order_is_given_to_a_vehicle_to_another_and_to_none(world: ApiWorld) -> None:
    depot = await world.depot()
    first = await van(world, depot, "first", 100, capacity_kg=100)
    second = await van(world, depot, "second", 100, capacity_kg=100)
    order = await an_order(world, depot, first, 80)
    path = f"/v1/orders/{order['id']}"
    await world.post(f"{path}/assignment", {"vehicle_id": first})
    world.clock.advance(minutes=5)
    history = await world.post(f"{path}/assignment", {"vehicle_id": second})
    assert [(one["vehicle_label"], one["ended_at"] is None) for one in history["items"]] == [
        ("first", False),
        ("second", True),
    ]
    assigned = _assigned(await world.get(path))
    assert (assigned["actual_at"], assigned["colour"]) == ("2026-11-21T12:00:00Z", "green")
    assert (await world.client.delete(f"{path}/assignment")).status_code == 200
    assert _assigned(await world.get(path))["actual_at"] is None
    assert (await world.client.delete(f"{path}/assignment")).status_code == 409


async def test_a_vehicle_that_is_full_or_in_the_garage_gets_no_order(world: ApiWorld) -> None:
    depot = await world.depot()
    small = await van(world, depot, "small", 100, capacity_kg=100)
    garage = await van(world, depot, "garage", 100, status="maintenance")
    order = await an_order(world, depot, small, 80)
    another = await world.post("/v1/orders", order_body(depot, packages=[{"code": "P", "weight_kg": 30}]))
    await world.post(f"/v1/orders/{order['id']}/assignment", {"vehicle_id": small})
    problem = await world.post(f"/v1/orders/{another['id']}/assignment", {"vehicle_id": small}, expect=409)
    assert "10 kg too heavy" in problem["detail"]
    problem = await world.post(f"/v1/orders/{another['id']}/assignment", {"vehicle_id": garage}, expect=409)
    assert "under maintenance" in problem["detail"]


def _assigned(order: Any) -> Any:
    return next(one for one in order["milestones"] if one["stage"] == "vehicle_assigned")
