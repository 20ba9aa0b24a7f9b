"""Guesses and overreach: secrets are not guessed, and whoever is in gets no further than their own things."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest
from access_world import OTHER_PHONE, PASSWORD, PHONE, order_of, people_of, token_of
from api_world import NOON, ApiWorld, running_api

from api import auth
from api.tokens import AccessTokens
from store import passwords

SIGNING_KEY = b"k" * 32
INJECTIONS = ("' or '1'='1", "x'; drop table orders; --", "%", "_", "\\", "a%00b", "$1", ":depots", "{{7*7}}")


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url, token_key=SIGNING_KEY) as made:
        yield made


async def ask(world: ApiWorld, token: str, method: str, path: str, body: object = None) -> Any:
    return await world.client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})


def forged(
    user: str, header: Mapping[str, object], claims: Mapping[str, object], signature: bytes = b"x"
) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    end = base64.urlsafe_b64encode(signature).decode().rstrip("=")
    return f"{part(header)}.{part({'iss': 'zaitu', 'sub': user, **claims})}.{end}"


async def test_made_up_tokens_are_nobodys(world: ApiWorld) -> None:
    people = await people_of(world)
    admin, now = people.id("admin"), int(NOON.timestamp())
    claims = {"iat": now, "exp": now + 600, "iat_us": now * 1_000_000}
    right = AccessTokens(SIGNING_KEY).issue(UUID(admin), NOON)
    assert (await ask(world, right, "GET", "/v1/users")).status_code == 200
    head, middle, end = right.split(".")
    others = (
        forged(admin, {"alg": "none"}, claims, b""),
        forged(admin, {"alg": "HS256"}, claims),
        forged(admin, {"alg": "RS256", "jku": "http://127.0.0.1/keys"}, claims),
        AccessTokens(b"another key of thirty-two bytes!").issue(UUID(admin), NOON),
        AccessTokens(SIGNING_KEY).issue(uuid4(), NOON),
        AccessTokens(SIGNING_KEY).issue(UUID(admin), NOON.replace(year=2020)),
        f"{head}.{middle}.",
        f"{head}.{middle}.{end[:-4]}AAAA",
        f"{head}..{end}",
        "zk_" + "A" * 43,
        "zk_' or 1=1 --",
        "." * 3000,
        "\u00e9",
    )
    for token in others:
        headers = {b"Authorization": f"Bearer {token}".encode("latin-1")}
        assert (await world.client.get("/v1/users", headers=headers)).status_code == 401, token


async def test_links_and_ids_that_are_guessed_say_only_that_there_is_nothing(world: ApiWorld) -> None:
    people = await people_of(world)
    order = await world.post("/v1/orders", order_of(people.foreign_depot, PHONE))
    link = await world.share(order["id"])
    for guess in (link[:-1], link + "A", link.swapcase(), order["id"], order["number"], "0", *INJECTIONS):
        answer = await world.client.get(f"/v1/track/{guess}", headers={"Authorization": ""})
        assert answer.status_code == 404, guess
        assert answer.json()["detail"].startswith("This link leads nowhere")
    # Somebody else's order and none at all answer alike, but for the id that was asked for.
    token = await token_of(world, people, "dispatcher")
    nothing = str(uuid4())
    for path in ("/v1/orders/{}", "/v1/orders/{}/audit", "/v1/orders/{}/candidates"):
        foreign = await ask(world, token, "GET", path.format(order["id"]))
        none = await ask(world, token, "GET", path.format(nothing))
        assert foreign.text.replace(order["id"], nothing) == none.text
        assert foreign.status_code == 404


async def test_a_request_sets_nothing_but_what_it_may(world: ApiWorld) -> None:
    people = await people_of(world)
    shipper, driver = await token_of(world, people, "shipper"), await token_of(world, people, "driver")
    new = order_of(people.depot, PHONE)
    smuggled: list[dict[str, object]] = [
        {"shipper_id": people.foreign_shipper},
        {"state": "delivered"},
        {"public_id": str(uuid4())},
        {"contact": {"phone_index": "x"}},
        {"legs": []},
        {"hold_reason": "date"},
        {"customer_level": "gold"},
        {"profit_class": "A"},
        {"received_at": NOON.isoformat()},
    ]
    for more in smuggled:
        answer = await ask(world, shipper, "POST", "/v1/orders", {**new, **more})
        assert answer.status_code in (403, 422), (more, answer.text)
    mine = (await ask(world, shipper, "POST", "/v1/orders", new)).json()
    for name, value in (("shipper_id", people.foreign_shipper), ("depot_id", people.foreign_depot)):
        answer = await ask(world, shipper, "PATCH", f"/v1/orders/{mine['id']}", {name: value})
        assert answer.status_code == 422, answer.text
    lifted = await ask(world, shipper, "PATCH", f"/v1/orders/{mine['id']}", {"hold_reason": None})
    assert lifted.status_code == 403
    for name, value in (("role", "admin"), ("user_id", people.id("admin")), ("login", "root")):
        body = {"old": PASSWORD, "new": "another good password", name: value}
        assert (await ask(world, driver, "POST", "/v1/me/password", body)).status_code == 422
    for name, value in (("role", "admin"), ("login", "root"), ("password_hash", "x")):
        answer = await world.client.patch(f"/v1/users/{people.id('driver')}", json={name: value})
        assert answer.status_code == 422


async def test_two_shippers_keys_and_references_are_two(world: ApiWorld) -> None:
    people = await people_of(world)
    rival = (await world.post("/v1/shippers", {"depot_id": people.depot, "code": "RIVAL"}))["id"]
    keys = []
    for shipper in (people.shipper, rival):
        body = {"shipper_id": shipper, "label": "l", "scopes": ["orders:read", "orders:write"]}
        keys.append((await world.post("/v1/api-keys", body))["key"])
    new = order_of(people.depot, PHONE, client_key="1", channel_reference="A-1")
    made = [(await ask(world, key, "POST", "/v1/orders", new)).json() for key in (*keys, *keys)]
    assert made[0]["id"] != made[1]["id"]
    assert [one["id"] for one in made[:2]] == [one["id"] for one in made[2:]]
    other = {**new, "client_key": "2", "contact": {"phone": OTHER_PHONE}}
    refused = await ask(world, keys[1], "POST", "/v1/orders", other)
    assert refused.status_code == 409
    assert made[1]["number"] in refused.text
    assert made[0]["number"] not in refused.text
    assert (await ask(world, keys[1], "GET", f"/v1/orders/{made[0]['id']}")).status_code == 404


async def test_owners_read_nothing_of_how_the_company_works_at_their_order(world: ApiWorld) -> None:
    people = await people_of(world)
    shipper, customer = await token_of(world, people, "shipper"), await token_of(world, people, "customer")
    mine = (await ask(world, shipper, "POST", "/v1/orders", order_of(people.depot, PHONE))).json()
    changed = {"customer_level": "gold", "hold_reason": "credit", "tagged_urgent": True, "reason": "他是老板"}
    staffs = await world.client.patch(f"/v1/orders/{mine['id']}", json=changed)
    assert staffs.json()["hold_reason"] == "credit"
    assert staffs.json()["priority_changes"] != []
    trail = await world.get(f"/v1/orders/{mine['id']}/audit")
    assert [entry["reason"] for entry in trail["items"] if entry["action"] == "change"] == ["他是老板"]
    for token in (shipper, customer):
        shown = (await ask(world, token, "GET", f"/v1/orders/{mine['id']}")).json()
        assert shown["contact"]["phone"] == PHONE
        assert (shown["customer_level"], shown["hold_reason"]) == (None, None)
        assert (shown["clocks"], shown["priority_changes"], shown["conflicts"]) == ([], [], [])


async def test_injected_sql_is_text(world: ApiWorld) -> None:
    people = await people_of(world)
    await world.post("/v1/orders", order_of(people.foreign_depot, PHONE))
    token = await token_of(world, people, "manager")
    for text in INJECTIONS:
        for path, name in (
            ("/v1/orders", "number"),
            ("/v1/orders", "channel_reference"),
            ("/v1/rejected", "reason"),
            ("/v1/rejected", "device"),
            ("/v1/search", "q"),
            ("/v1/vehicles", "bbox"),
        ):
            answer = await world.client.get(
                f"{path}?{name}={text.replace('%', '%25').replace('%2500', '%00')}",
                headers={"Authorization": f"Bearer {token}"},
            )
            assert answer.status_code in (200, 422), (path, name, text, answer.text)
            assert answer.status_code == 422 or answer.json()["items"] == []
        form = {"grant_type": "password", "username": f"{text}\x00", "password": text}
        assert (await world.client.post("/v1/token", data=form)).status_code in (400, 422, 429)
    assert len((await world.get("/v1/orders"))["items"]) == 1


async def test_a_login_nobody_has_takes_the_same_work_as_a_wrong_password(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await people_of(world)
    hashed: list[bool] = []
    matches = passwords.matches

    def counted(password: str, password_hash: str | None) -> bool:
        hashed.append(True)
        return matches(password, password_hash)

    monkeypatch.setattr(passwords, "matches", counted)

    async def work_of(login: str) -> tuple[int, int, str]:
        async with world.work() as work:
            before = await work.connection.fetchval("select count(*) from audit")
        hashed.clear()
        form = {"grant_type": "password", "username": login, "password": "a wrong password"}
        answer = await world.client.post("/v1/token", data=form)
        async with world.work() as work:
            after = await work.connection.fetchval("select count(*) from audit")
        return len(hashed), after - before, answer.text

    await world.client.patch(f"/v1/users/{people.id('driver')}", json={"disabled": True})
    known = await work_of(people.login("manager"))
    assert known[:2] == (1, 1)
    assert await work_of("nobody-has-this") == known
    assert await work_of(people.login("driver")) == known


async def test_a_stream_ends_when_who_follows_it_may_no_longer(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "RECHECKED_S", 0.0)
    people = await people_of(world)
    for path in ("/v1/events", "/v1/fleet/events"):
        token = await token_of(world, people, "manager")
        headers = {"Authorization": f"Bearer {token}"}
        async with world.client.stream("GET", path, headers=headers) as response:
            assert response.status_code == 200
            chunks = response.aiter_bytes()
            await anext(chunks)
            world.clock.advance(seconds=1)
            change = {"password": "a new password 1"}
            await world.client.patch(f"/v1/users/{people.id('manager')}", json=change)
            device = await world.post(
                "/v1/devices", {"depot_id": people.depot, "name": uuid4().hex, "kind": "tracker"}
            )
            vehicle = await world.vehicle(people.depot, uuid4().hex)
            await world.moves(device["id"], vehicle, 31.0, 121.0)
            async with asyncio.timeout(60):
                async for _ in chunks:
                    pass
        async with world.work() as work:
            hash_of = passwords.hash_password(PASSWORD)
            await work.connection.execute("update app_user set password_hash = $1", hash_of)
