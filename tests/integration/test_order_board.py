from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from access_world import people_of, token_of
from api_world import ApiWorld, running_api


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as world:
        yield world


async def board(world: ApiWorld, **asked: Any) -> dict[str, Any]:
    """The columns of the board by stage."""
    answer = await world.get("/v1/orders/board", **asked)
    return {column["stage"]: column for column in answer["columns"]}


async def test_orders_stand_in_the_column_of_their_furthest_stage(world: ApiWorld) -> None:
    depot = await world.depot()
    await world.order(depot, number="A-1")
    loaded = await world.order(depot, number="A-2")
    delivered = await world.order(depot, number="A-3")
    cancelled = await world.order(depot, number="A-4")
    await world.happens(loaded["id"], "loaded")
    await world.happens(delivered["id"], "delivered")
    await world.post(f"/v1/orders/{cancelled['id']}/cancellation", {"reason": "r"}, expect=200)
    columns = await board(world)
    counts = {stage: column["orders"] for stage, column in columns.items() if column["orders"]}
    assert counts == {"received": 1, "loaded": 1, "delivered": 1}
    assert columns["delivered"]["cards"][0]["colour"] == "green"
    world.clock.advance(hours=25)
    assert (await board(world))["delivered"]["orders"] == 0


async def test_the_most_urgent_come_first_with_who_answers_for_them(world: ApiWorld) -> None:
    people = await people_of(world)
    soon, late = [
        await world.order(
            people.depot,
            number=number,
            channel="TEL",
            contact={"name": "n", "phone": "1380013", "address": "a"},
            items=[{"sku": "K", "name": "i", "specification": "s", "quantity": 1}],
            ordered_at=world.clock().isoformat(),
            promised_at=(world.clock() + timedelta(hours=hours)).isoformat(),
        )
        for number, hours in (("B-1", 60), ("B-2", 3))
    ]
    (first, second) = (await board(world))["received"]["cards"]
    assert {first["id"], second["id"]} == {soon["id"], late["id"]}
    assert (first["id"], first["clock"], first["deadline_at"]) == (late["id"], None, late["promised_at"])
    assert (second["colour"], second["clock"], second["owner_role"]) == ("yellow", "verified", "auditor")
    assert second["owners"] == [people.login("customer_service")]

    world.clock.advance(days=4)
    columns = await board(world, per_column=1)
    assert (columns["received"]["orders"], columns["received"]["red"]) == (2, 2)
    assert len(columns["received"]["cards"]) == 1
    assert (await board(world, q="b-2"))["received"]["cards"][0]["number"] == "B-2"


async def test_duties_of_ones_own_replace_those_of_the_role(world: ApiWorld) -> None:
    people = await people_of(world)
    user = people.id("warehouse")
    changed = await world.client.patch(f"/v1/users/{user}", json={"duties": ["auditor"]})
    assert changed.json()["duties"] == ["auditor"]
    assert (await world.get(f"/v1/users/{people.id('manager')}"))["duties"] is None


async def test_an_exception_is_red_and_marked(world: ApiWorld) -> None:
    depot = await world.depot()
    order = await world.order(depot)
    await world.happens(order["id"], "exception")
    (card,) = (await board(world))["received"]["cards"]
    assert (card["exception"], card["colour"], card["state"]) == (True, "red", "exception")


async def test_a_board_shows_only_ones_own_depots(world: ApiWorld) -> None:
    people = await people_of(world)
    await world.order(people.depot, number="own")
    await world.order(people.foreign_depot, number="foreign")
    headers = {"Authorization": f"Bearer {await token_of(world, people, 'dispatcher')}"}
    answer = (await world.client.get("/v1/orders/board", headers=headers)).json()
    received = next(column for column in answer["columns"] if column["stage"] == "received")
    assert [card["number"] for card in received["cards"]] == ["own"]
    assert (await board(world, depot_id=people.foreign_depot))["received"]["cards"][0]["number"] == "foreign"
