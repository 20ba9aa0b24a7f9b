from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from access_world import PHONE, people_of, token_of
from api_world import NOON, ApiWorld, running_api


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as world:
        yield world


async def found(world: ApiWorld, q: str, **headers: str) -> list[tuple[str, str, Any]]:
    answer = await world.client.get("/v1/search", params={"q": q}, headers=headers)
    assert answer.status_code == 200, answer.text
    return [(hit["type"], hit["label"], hit.get("matched")) for hit in answer.json()["items"]]


async def test_orders_are_found_by_all_that_people_have_in_hand(world: ApiWorld) -> None:
    depot = await world.depot()
    contact = {"name": "张伟", "phone": PHONE, "address": "人民路 1 号"}
    await world.order(
        depot,
        number="20261121SHOP000042",
        channel="shop",
        channel_reference="R-77",
        packages=[{"code": "P-9"}],
        waybill="SF-100",
        contact=contact,
    )
    await world.order(depot, number="20261121SHOP000043")
    only = ("order", "20261121SHOP000042")
    assert await found(world, "20261121shop000042") == [(*only, "number")]
    assert await found(world, "000042") == [(*only, "number")]
    assert await found(world, "R-77") == [(*only, "channel_reference")]
    assert await found(world, "SF-100") == [(*only, "waybill")]
    assert await found(world, "P-9") == [(*only, "package_code")]
    assert await found(world, "+86 138 0013 8000") == [(*only, "phone")]
    assert await found(world, "8000") == [(*only, "phone_tail")]
    assert len(await found(world, "20261121")) == 2
    assert await found(world, "%%") == []
    (hit,) = (await world.get("/v1/search", q="8000"))["items"]
    assert hit["customer"] == "张伟"


async def test_vehicles_and_trips_are_found_by_part_of_their_label(world: ApiWorld) -> None:
    depot = await world.depot()
    vehicle = await world.vehicle(depot, "沪A12345")
    await world.post(
        "/v1/trips",
        {
            "vehicle_id": vehicle,
            "label": "沪A12345 上海—苏州",
            "active_from": NOON.isoformat(),
            "active_to": (NOON + timedelta(hours=2)).isoformat(),
            "stops": [
                {"name": "a", "kind": "origin", "lat": 31.0, "lon": 121.0},
                {"name": "b", "kind": "destination", "lat": 31.2, "lon": 121.0},
            ],
        },
    )
    assert await found(world, "a123") == [
        ("vehicle", "沪A12345", None),
        ("trip", "沪A12345 上海—苏州", None),
    ]
    assert await found(world, "苏州") == [("trip", "沪A12345 上海—苏州", None)]


async def test_a_search_shows_only_ones_own_depots_and_phones_only_to_those_who_read_them(
    world: ApiWorld,
) -> None:
    people = await people_of(world)
    contact = {"name": "张伟", "phone": PHONE}
    await world.order(people.depot, number="OWN-1", contact=contact)
    await world.order(people.foreign_depot, number="OWN-2", contact=contact)
    service = {"Authorization": f"Bearer {await token_of(world, people, 'customer_service')}"}
    warehouse = {"Authorization": f"Bearer {await token_of(world, people, 'warehouse')}"}
    assert await found(world, "8000", **service) == [("order", "OWN-1", "phone_tail")]
    assert await found(world, "own", **service) == [("order", "OWN-1", "number")]
    assert await found(world, "OWN-2", **service) == []
    assert await found(world, "8000", **warehouse) == []
    assert await found(world, PHONE, **warehouse) == []
