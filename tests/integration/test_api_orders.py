from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from api_world import NOON, ApiWorld, order_body, running_api

from store import audit
from store.cipher import Cipher
from store.unit_of_work import UnitOfWork

CONTACT = {"name": "张伟", "phone": "+86 138 0000 0000", "address": "苏州市姑苏区", "lat": 31.3, "lon": 120.6}
STORED = {**CONTACT, "email": None, "language": "zh-CN"}


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as world:
        yield world


def stage(order: Any, name: str) -> Any:
    return next(milestone for milestone in order["milestones"] if milestone["stage"] == name)


async def test_numbers_are_made_of_the_depots_day_the_channel_and_a_serial(world: ApiWorld) -> None:
    shanghai = await world.depot("SH1")
    honolulu = await world.depot("HNL", time_zone="Pacific/Honolulu")
    world.clock.now = NOON.replace(hour=20)
    promised_at = (world.clock() + timedelta(hours=6)).isoformat()
    numbers = [
        (await world.order(depot, channel="web", promised_at=promised_at))["number"]
        for depot in (shanghai, shanghai, honolulu)
    ]
    assert numbers == ["20261122WEB000001", "20261122WEB000002", "20261121WEB000001"]


async def test_orders_created_at_once_get_different_numbers(world: ApiWorld) -> None:
    depot = await world.depot()
    made = await asyncio.gather(*(world.order(depot) for _ in range(8)))
    assert sorted(order["number"][-6:] for order in made) == [f"{serial:06}" for serial in range(1, 9)]


async def test_a_number_already_given_by_hand_is_passed_over(world: ApiWorld) -> None:
    depot = await world.depot()
    await world.order(depot, number="20261121API000001")
    assert (await world.order(depot))["number"] == "20261121API000002"


async def test_a_new_order_has_its_planned_milestones_at_once(world: ApiWorld) -> None:
    depot = await world.depot()
    planned_at = (NOON + timedelta(hours=5)).isoformat()
    stops = [
        {"kind": "origin", "name": "上海"},
        {"kind": "hub", "name": "昆山"},
        {"kind": "destination", "name": "苏州", "planned_at": planned_at},
    ]
    order = await world.order(depot, stops=stops, packages=[{"code": "P1"}, {"code": "P2"}])
    assert stage(order, "received")["actual_at"] == "2026-11-21T12:00:00Z"
    assert stage(order, "at_hub")["stop_seq"] == 1
    delivered = stage(order, "delivered")
    assert delivered["planned_at"] == "2026-11-21T17:00:00Z"
    assert delivered["deadline_at"] == "2026-11-21T18:00:00Z"
    assert (delivered["colour"], delivered["of_packages"]) == ("yellow", 2)


async def test_the_same_client_key_gives_the_same_order_and_other_content_is_refused(world: ApiWorld) -> None:
    body = order_body(await world.depot(), client_key="shop-77", contact=CONTACT)
    first, second = await asyncio.gather(world.post("/v1/orders", body), world.post("/v1/orders", body))
    assert first == second
    problem = await world.post("/v1/orders", {**body, "priority": "urgent"}, expect=409)
    assert "shop-77" in problem["detail"]
    assert len((await world.get("/v1/orders"))["items"]) == 1


async def test_a_duplicate_reference_is_refused_and_names_the_first_order(world: ApiWorld) -> None:
    depot = await world.depot()
    first = await world.order(depot, channel="shop", channel_reference="A-1")
    same = order_body(depot, channel="shop", channel_reference="A-1")
    problem = await world.post("/v1/orders", same, expect=409)
    assert first["number"] in problem["detail"]
    await world.order(depot, channel="other", channel_reference="A-1")


async def test_a_package_code_belongs_to_one_order(world: ApiWorld) -> None:
    depot = await world.depot()
    await world.order(depot, packages=[{"code": "P1"}])
    problem = await world.post("/v1/orders", order_body(depot, packages=[{"code": "P1"}]), expect=409)
    assert "P1" in problem["detail"]
    assert len((await world.get("/v1/orders"))["items"]) == 1


async def test_a_contact_is_readable_by_staff_and_nowhere_in_the_database(world: ApiWorld) -> None:
    order = await world.order(await world.depot(), contact=CONTACT)
    assert (await world.get(f"/v1/orders/{order['id']}"))["contact"] == STORED
    async with world.work() as work:
        row = await work.connection.fetchrow("select * from contact")
    stored = b"".join(value for value in row.values() if isinstance(value, bytes))
    assert "张伟".encode() not in stored
    assert b"138" not in stored


async def test_a_wrong_field_is_pointed_at(world: ApiWorld) -> None:
    depot = await world.depot()
    wrong: list[tuple[dict[str, object], str]] = [
        ({"promised_at": "tomorrow"}, "/promised_at"),
        ({"promised_at": "1970-01-01T00:00:00Z"}, "/promised_at"),
        ({"promised_at": "2026-11-21T12:00:00"}, "/promised_at"),
        ({"priority": "vip"}, "/priority"),
        ({"weight": 3}, "/weight"),
        ({"packages": [{"code": "P1", "weight_kg": -1}]}, "/packages/0/weight_kg"),
        ({"packages": [{"code": "P\u0000"}]}, "/packages/0/code"),
    ]
    for change, pointer in wrong:
        problem = await world.post("/v1/orders", order_body(depot, **change), expect=422)
        assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def test_a_journey_needs_an_origin_and_a_destination(world: ApiWorld) -> None:
    stops = [{"kind": "destination", "name": "苏州"}, {"kind": "origin", "name": "上海"}]
    problem = await world.post("/v1/orders", order_body(await world.depot(), stops=stops), expect=422)
    assert "one origin, any hubs, then one destination" in problem["detail"]


async def test_unknown_things_an_order_refers_to_are_named(world: ApiWorld) -> None:
    depot, unknown = await world.depot(), "01890000-0000-7000-8000-000000000000"
    stops = [
        {"kind": "origin", "name": "上海", "geofence_id": unknown},
        {"kind": "destination", "name": "苏州"},
    ]
    assert unknown in (await world.post("/v1/orders", order_body(depot, stops=stops), expect=404))["detail"]
    legs = [{"trip_id": unknown}]
    assert unknown in (await world.post("/v1/orders", order_body(depot, legs=legs), expect=404))["detail"]


async def test_evidence_makes_a_milestone_once_however_often_it_is_sent(world: ApiWorld) -> None:
    order = await world.order(await world.depot(), packages=[{"code": "P1"}, {"code": "P2"}])
    at = NOON + timedelta(minutes=20)
    half = await world.happens(order["id"], "picked", at, package_code="P1", source_key="erp-1")
    assert (stage(half, "picked")["actual_at"], stage(half, "picked")["done_packages"]) == (None, 1)
    again = await world.happens(order["id"], "picked", at, package_code="P1", source_key="erp-1")
    assert again["milestones"] == half["milestones"]
    whole = await world.happens(order["id"], "picked", at, package_code="P2", source_key="erp-2")
    assert stage(whole, "picked")["actual_at"] == "2026-11-21T12:20:00Z"
    assert stage(whole, "picked")["colour"] == "green"


async def test_evidence_that_fits_nothing_is_refused(world: ApiWorld) -> None:
    order = await world.order(await world.depot(), packages=[{"code": "P1"}])
    misfits: list[tuple[dict[str, object], int]] = [
        ({"stage": "teleported"}, 422),
        ({"stage": "at_hub"}, 422),
        ({"stage": "at_hub", "stop_seq": 0}, 422),
        ({"stage": "picked", "package_code": "NOBODYS"}, 404),
    ]
    for misfit, status in misfits:
        said = {"at": NOON.isoformat(), "source_key": "k", **misfit}
        await world.post(f"/v1/orders/{order['id']}/evidence", said, expect=status)


async def an_afternoon_trip(world: ApiWorld, vehicle: str) -> str:
    made = await world.post(
        "/v1/trips",
        {
            "vehicle_id": vehicle,
            "label": "上海—苏州",
            "active_from": NOON.isoformat(),
            "active_to": (NOON + timedelta(hours=4)).isoformat(),
            "stops": [
                {"name": "上海", "kind": "origin", "lat": 31.23, "lon": 121.47},
                {"name": "苏州", "kind": "destination", "lat": 31.3, "lon": 120.62},
            ],
        },
    )
    return str(made["id"])


async def test_an_order_rides_on_the_trip_it_was_planned_onto(world: ApiWorld) -> None:
    depot = await world.depot()
    vehicle = await world.vehicle(depot)
    trip = await an_afternoon_trip(world, vehicle)
    order = await world.order(depot, legs=[{"trip_id": trip}])
    later = await world.order(depot)
    await world.post(f"/v1/orders/{later['id']}/legs", {"trip_id": trip})
    await world.post(f"/v1/orders/{later['id']}/legs", {"trip_id": trip, "to_seq": 7}, expect=422)

    (leg,) = order["legs"]
    assert (leg["trip_id"], leg["vehicle_id"], leg["from_seq"], leg["to_seq"]) == (trip, vehicle, 0, 1)
    listed = await world.get("/v1/orders", trip_id=trip)
    assert [item["id"] for item in listed["items"]] == [later["id"], order["id"]]


async def test_a_planned_leg_is_ended_and_the_audit_trail_says_by_whom(world: ApiWorld) -> None:
    depot = await world.depot()
    trip = await an_afternoon_trip(world, await world.vehicle(depot))
    order = await world.order(depot, legs=[{"trip_id": trip}])
    path = f"/v1/orders/{order['id']}/legs/{trip}"
    world.clock.advance(minutes=5)

    future = (world.clock() + timedelta(minutes=1)).isoformat()
    refusal = await world.client.delete(path, params={"at": future})
    assert (refusal.status_code, refusal.json()["errors"][0]["parameter"]) == (422, "at")
    answer = await world.client.delete(path)
    assert answer.status_code == 200, answer.text
    (leg,) = answer.json()["legs"]
    assert (leg["bound_by"], leg["unbound_at"]) == ("plan", "2026-11-21T12:05:00Z")
    assert (await world.get("/v1/orders", trip_id=trip))["items"] == []
    assert (await world.client.delete(path)).status_code == 404
    async with world.work() as work:
        subject = f"order:{await internal_id(work, order)}"
        trail = await audit.of_subject(work.connection, Cipher(bytes(32)), subject)
    assert [(item["action"], item["detail"].get("trip")) for item in trail] == [("end_plan", trip)]


async def test_a_leg_bound_by_a_load_scan_is_not_ended_by_hand(world: ApiWorld) -> None:
    depot = await world.depot()
    trip = await an_afternoon_trip(world, await world.vehicle(depot))
    order = await world.order(depot)
    async with world.work() as work:
        await work.connection.execute(
            "insert into leg (order_id, trip_id, from_seq, to_seq, bound_by, bound_at)"
            " select $1, trip_id, 0, 1, 'scan', $2 from trip",
            await internal_id(work, order),
            NOON,
        )
    answer = await world.client.delete(f"/v1/orders/{order['id']}/legs/{trip}")
    assert (answer.status_code, "scanned off" in answer.json()["detail"]) == (409, True)


async def internal_id(work: UnitOfWork, order: Any) -> int:
    found = "select order_id from orders where public_id = $1"
    return int(await work.connection.fetchval(found, UUID(order["id"])))


async def test_open_and_late_orders_are_told_apart(world: ApiWorld) -> None:
    depot = await world.depot()
    done, late, early = [await world.order(depot) for _ in range(3)]
    await world.happens(done["id"], "delivered")
    world.clock.advance(hours=7)
    await world.happens(late["id"], "delivered")

    async def listed(**params: Any) -> list[str]:
        return [item["id"] for item in (await world.get("/v1/orders", **params))["items"]]

    assert await listed(open=True) == [early["id"]]
    assert await listed(late=True) == [early["id"], late["id"]]
    assert await listed(number=done["number"]) == [done["id"]]
    assert await listed(limit=2) == [early["id"], late["id"]]
    assert await listed(limit=2, after=late["id"]) == [done["id"]]
