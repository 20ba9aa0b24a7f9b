from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from access_world import PHONE, People, people_of, token_of
from api_world import NOON, ApiWorld, running_api


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as world:
        yield world


async def ordered(world: ApiWorld, depot: str, **more: object) -> Any:
    """An order on a channel of the company's own, on which its clocks run."""
    return await world.order(
        depot,
        channel="TEL",
        contact={"name": "张伟", "phone": PHONE, "address": "人民路 1 号"},
        items=[{"sku": "K", "name": "i", "specification": "s", "quantity": 1}],
        ordered_at=world.clock().isoformat(),
        promised_at=(world.clock() + timedelta(days=3)).isoformat(),
        **more,
    )


class Person:
    """Somebody who works with the API."""

    def __init__(self, world: ApiWorld, token: str) -> None:
        self._world = world
        self._headers = {"Authorization": f"Bearer {token}"}

    @classmethod
    async def of(cls, world: ApiWorld, people: People, role: str) -> Person:
        return cls(world, await token_of(world, people, role))

    async def get(self, path: str, *, expect: int = 200, **params: Any) -> Any:
        answer = await self._world.client.get(path, params=params, headers=self._headers)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def post(self, path: str, body: object, *, expect: int = 200) -> Any:
        answer = await self._world.client.post(path, json=body, headers=self._headers)
        assert answer.status_code == expect, answer.text
        return answer.json()


async def test_each_person_sees_the_tasks_of_their_duties_and_confirms_them(world: ApiWorld) -> None:
    people = await people_of(world)
    order = await ordered(world, people.depot)
    await ordered(world, people.foreign_depot)
    service, warehouse = [await Person.of(world, people, role) for role in ("customer_service", "warehouse")]

    mine = await service.get("/v1/tasks")
    assert [(task["clock"], task["confirms"]) for task in mine["items"]] == [
        ("verified", "verified"),
        ("delivered", "delivered"),
    ]
    assert (mine["running"], mine["overdue"], mine["items"][0]["colour"]) == (2, 0, "yellow")
    assert (await warehouse.get("/v1/tasks"))["items"] == []

    done = await service.post(f"/v1/tasks/{order['id']}/verified/done", {})
    assert (done["done_at"], done["colour"]) == ("2026-11-21T12:00:00Z", "green")
    verified = next(
        one
        for one in (await world.get(f"/v1/orders/{order['id']}"))["milestones"]
        if one["stage"] == "verified"
    )
    assert verified["actual_at"] == "2026-11-21T12:00:00Z"
    (locking,) = (await warehouse.get("/v1/tasks"))["items"]
    assert (locking["clock"], locking["order_id"]) == ("stock_locked", order["id"])

    again = await service.post(f"/v1/tasks/{order['id']}/verified/done", {}, expect=409)
    assert "was done" in again["detail"]
    strange = await service.post(f"/v1/tasks/{order['id']}/stock_locked/done", {}, expect=403)
    assert "stock_keeper" in strange["detail"]
    await service.post(f"/v1/tasks/{order['id']}/survey/done", {}, expect=404)


async def test_only_what_is_overdue_asks_why_and_comes_to_the_superior(world: ApiWorld) -> None:
    people = await people_of(world)
    order = await ordered(world, people.depot)
    await world.happens(order["id"], "verified")
    manager = await Person.of(world, people, "manager")
    assert (await manager.get("/v1/tasks"))["items"] == []

    world.clock.advance(minutes=75)
    warehouse, manager = [await Person.of(world, people, role) for role in ("warehouse", "manager")]
    (task,) = (await warehouse.get("/v1/tasks"))["items"]
    assert (task["colour"], task["overdue"], task["reason_required"]) == ("red", True, True)
    tasks = (await manager.get("/v1/tasks"))["items"]
    assert {(one["clock"], one["superior"]) for one in tasks} == {
        ("stock_locked", True),
        ("vehicle_assigned", True),
    }
    path = f"/v1/tasks/{order['id']}/stock_locked/done"
    asked = await warehouse.post(path, {}, expect=422)
    assert (asked["errors"][0]["pointer"], "15 min over" in asked["detail"]) == ("/reason", True)
    await warehouse.post(path, {"reason": "短缺"})
    clocks = (await world.get(f"/v1/orders/{order['id']}"))["clocks"]
    locked = next(one for one in clocks if one["clock"] == "stock_locked")
    assert (locked["reason"], locked["reason_by"]) == ("短缺", people.login("warehouse"))


async def test_an_order_that_lacks_something_is_completed_first(world: ApiWorld) -> None:
    people = await people_of(world)
    order = await world.order(people.depot, channel="TEL", contact={"name": "n", "phone": PHONE})
    service = await Person.of(world, people, "customer_service")
    refused = await service.post(f"/v1/tasks/{order['id']}/pending_info/done", {}, expect=409)
    assert "contact.address" in refused["detail"]


async def test_a_code_names_an_order_or_a_package_and_what_is_next(world: ApiWorld) -> None:
    people = await people_of(world)
    order = await ordered(world, people.depot, number="N-1", packages=[{"code": "P/1"}, {"code": "P2"}])
    service = await Person.of(world, people, "customer_service")
    package = await service.get("/v1/codes", code="P/1")
    assert (package["kind"], package["package_code"], package["order_id"]) == ("package", "P/1", order["id"])
    assert package["packages"] == ["P/1", "P2"]
    assert package["tasks"][0]["clock"] == "verified"
    assert package["pending"][0] == {
        "stage": "verified", "stop_seq": None, "done_packages": 0, "of_packages": 2
    }  # fmt: skip
    assert (await service.get("/v1/codes", code="N-1"))["kind"] == "order"
    assert "Check it" in (await service.get("/v1/codes", code="nobody's", expect=404))["detail"]


async def test_a_driver_sees_todays_stops_and_hands_over(world: ApiWorld) -> None:
    people = await people_of(world)
    vehicle = await world.vehicle(people.depot)
    stop = {"name": "上海", "kind": "origin", "lat": 31.0, "lon": 121.0}
    trip = await world.post(
        "/v1/trips",
        {
            "vehicle_id": vehicle,
            "label": "上海—苏州",
            "active_from": (NOON - timedelta(hours=1)).isoformat(),
            "active_to": (NOON + timedelta(hours=3)).isoformat(),
            "stops": [stop, {**stop, "kind": "destination", "name": "苏州", "lat": 31.3}],
        },
    )
    order = await ordered(world, people.depot, packages=[{"code": "P1"}], legs=[{"trip_id": trip["id"]}])
    driver = await Person.of(world, people, "driver")
    assert (await driver.get("/v1/my/stops"))["trips"] == []
    await world.client.put(f"/v1/trips/{trip['id']}/driver", json={"driver_id": people.id("driver")})

    (mine,) = (await driver.get("/v1/my/stops"))["trips"]
    origin, destination = mine["stops"]
    assert (origin["orders"][0]["does"], origin["orders"][0]["contact"]) == ("load", None)
    (handover,) = destination["orders"]
    assert (handover["does"], handover["packages"], handover["contact"]["name"]) == (
        "deliver",
        ["P1"],
        "张伟",
    )

    path = f"/v1/orders/{order['id']}/evidence"
    failed = {"stage": "attempt_failed", "at": NOON.isoformat(), "source_key": "a"}
    assert (await driver.post(path, failed, expect=422))["errors"][0]["pointer"] == "/reason"
    await driver.post(path, {**failed, "reason": "没人"}, expect=201)
    (trip_now,) = (await driver.get("/v1/my/stops"))["trips"]
    assert trip_now["stops"][1]["orders"][0]["failed_reason"] == "没人"

    world.clock.advance(minutes=5)
    handed = {"stage": "delivered", "at": world.clock().isoformat(), "source_key": "b"}
    await driver.post(path, {**handed, "signed_by": "张伟", "proof": "photos/1.jpg"}, expect=201)
    (trip_now,) = (await driver.get("/v1/my/stops"))["trips"]
    assert trip_now["stops"][1]["done"]
    assert trip_now["stops"][1]["orders"][0]["contact"] is None


async def test_a_driver_sees_no_trip_of_another_day(world: ApiWorld) -> None:
    people = await people_of(world)
    vehicle = await world.vehicle(people.depot)
    stop = {"name": "上海", "kind": "origin", "lat": 31.0, "lon": 121.0}
    trip = await world.post(
        "/v1/trips",
        {
            "vehicle_id": vehicle,
            "label": "t",
            "active_from": (NOON + timedelta(days=1)).isoformat(),
            "active_to": (NOON + timedelta(days=1, hours=3)).isoformat(),
            "stops": [stop, {**stop, "kind": "destination", "name": "苏州", "lat": 31.3}],
        },
    )
    await world.client.put(f"/v1/trips/{trip['id']}/driver", json={"driver_id": people.id("driver")})
    driver = await Person.of(world, people, "driver")
    assert (await driver.get("/v1/my/stops"))["trips"] == []
