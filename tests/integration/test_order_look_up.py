"""Customers without a link: an order by its number and the end of a phone number, and what links show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from access_world import order_of
from api_world import NOON, ApiWorld, running_api
from test_api_tracking import KUNSHAN, SHANGHAI, SUZHOU, journey_in

from store import rules
from store.unit_of_work import UnitOfWork


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as world:
        yield world


async def look_up(world: ApiWorld, number: str, last4: str) -> httpx.Response:
    """As somebody who is not logged in."""
    async with httpx.AsyncClient(base_url=world.client.base_url, timeout=60) as stranger:
        return await stranger.post("/v1/track/lookup", json={"number": number, "phone_last4": last4})


async def ordered(world: ApiWorld, phone: str = "+86 138-0013-8042") -> Any:
    return await world.post("/v1/orders", order_of(await world.depot(), phone))


async def test_the_number_and_the_end_of_the_phone_number_open_the_order_for_a_while(world: ApiWorld) -> None:
    order = await ordered(world)
    found = await look_up(world, order["number"], "8042")
    assert found.status_code == 200
    assert found.json()["expires_at"] == "2026-11-22T12:00:00Z"
    path = f"/v1/track/{found.json()['token']}"
    assert (await world.get(path))["order_number"] == order["number"]
    world.clock.advance(hours=24)
    await world.get(path, expect=404)


async def test_a_wrong_phone_and_a_wrong_number_sound_alike_and_lock_after_five(world: ApiWorld) -> None:
    order = await ordered(world)
    wrong = await look_up(world, order["number"], "0000")
    nobody = await look_up(world, "no-such-order", "0000")
    assert (wrong.status_code, nobody.status_code) == (404, 404)
    assert wrong.json() == nobody.json()
    world.clock.advance(minutes=16)
    for number in (order["number"], "no-such-order"):
        # The address is counted too; it is open again by the time of the second number.
        guesses = await asyncio.gather(*(look_up(world, number, f"000{n}") for n in range(7)))
        assert sorted(one.status_code for one in guesses) == [404] * 4 + [429] * 3
        world.clock.advance(minutes=16)
    locked = await look_up(world, order["number"], "8042")
    assert locked.status_code == 429
    assert int(locked.headers["Retry-After"]) > 60
    world.clock.advance(hours=1)
    assert (await look_up(world, order["number"], "8042")).status_code == 200


async def test_an_address_is_locked_after_five_orders_and_no_right_guess_sets_it_free(
    world: ApiWorld,
) -> None:
    order = await ordered(world)
    for n in range(4):
        assert (await look_up(world, f"guessed-{n}", "1234")).status_code == 404
    assert (await look_up(world, order["number"], "8042")).status_code == 200
    assert (await look_up(world, "guessed-5", "1234")).status_code == 404
    assert (await look_up(world, order["number"], "8042")).status_code == 429


@pytest.mark.parametrize(
    "body", [{"number": "x"}, {"number": "x", "phone_last4": "12345"}, {"number": "x", "phone_last4": "١٢٣٤"}]
)
async def test_what_is_no_end_of_a_phone_number_is_refused(world: ApiWorld, body: dict[str, str]) -> None:
    assert (await world.client.post("/v1/track/lookup", json=body)).status_code == 422


async def test_links_end_after_the_grace_that_follows_delivery(world: ApiWorld) -> None:
    order = await ordered(world)
    token = await world.share(order["id"])
    await world.happens(order["id"], "delivered")
    world.clock.advance(hours=71)
    await world.get(f"/v1/track/{token}")
    assert (await look_up(world, order["number"], "8042")).status_code == 200
    async with world.events(f"/v1/track/{token}/events") as stream:
        await stream.next("view")
        world.clock.advance(hours=2)
        await world.happens(order["id"], "confirmed", NOON + timedelta(hours=73))
        await stream.next("end")
    await world.get(f"/v1/track/{token}", expect=404)
    assert (await look_up(world, order["number"], "8042")).status_code == 404


async def test_where_the_vehicle_is_shows_exactly_only_near_the_customer(world: ApiWorld) -> None:
    journey = await journey_in(world)
    await journey.moves(*SHANGHAI)
    assert (await journey.view())["vehicle"] is None
    await world.happens(journey.order, "dispatched")
    far = (await journey.view())["vehicle"]
    assert (far["approximate"], far["within_m"], far["heading_deg"], far["speed_mps"]) == (
        True,
        1000.0,
        None,
        None,
    )
    assert (far["lat"], far["lon"]) != SHANGHAI
    await journey.moves(SHANGHAI[0] + 0.0001, SHANGHAI[1], NOON + timedelta(seconds=5))
    assert [(await journey.view())["vehicle"][name] for name in ("lat", "lon")] == [far["lat"], far["lon"]]
    await journey.moves(SUZHOU[0] + 0.01, SUZHOU[1], NOON + timedelta(seconds=10))
    near = (await journey.view())["vehicle"]
    assert (near["approximate"], near["within_m"], near["lat"]) == (False, None, SUZHOU[0] + 0.01)

    await journey.moves(*KUNSHAN, NOON + timedelta(seconds=15))
    assert (await journey.view())["vehicle"]["approximate"] is True
    await journey.expected(NOON + timedelta(minutes=14))
    assert (await journey.view())["vehicle"]["approximate"] is False


async def test_the_rules_say_how_coarse(world: ApiWorld) -> None:
    journey = await journey_in(world)
    await world.happens(journey.order, "dispatched")
    await journey.moves(*SHANGHAI)
    await journey.view()
    async with world.work() as work:
        await put(work, coarse_m="0.0")
    world.clock.advance(seconds=11)
    seen = (await journey.view())["vehicle"]
    assert (seen["lat"], seen["lon"], seen["within_m"]) == (*SHANGHAI, None)


async def put(work: UnitOfWork, coarse_m: str) -> None:
    text = await rules.text_in_force(work.connection)
    changed = text.replace("coarse_m = 1000.0", f"coarse_m = {coarse_m}")
    await rules.put_in_force(work.connection, changed, by="tests", now=NOON)


async def test_a_link_shows_its_orders_own_part_of_the_route(world: ApiWorld) -> None:
    journey = await journey_in(world)
    trip = await world.get(f"/v1/trips/{journey.trip}")
    stops = [
        {"kind": kind, "name": stop["name"], "geofence_id": stop["geofence_id"]}
        for kind, stop in zip(("origin", "destination"), trip["stops"][1:], strict=True)
    ]
    other = await world.order(trip["depot_id"], stops=stops, legs=[{"trip_id": journey.trip}])
    token = await world.share(other["id"])
    await world.happens(other["id"], "dispatched")
    assert (await world.get(f"/v1/track/{token}"))["route"] == [[120.98, 31.38], [120.62, 31.3]]
