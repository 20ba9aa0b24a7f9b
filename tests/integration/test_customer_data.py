"""One customer's data: given out whole, and erased so that no key opens any of it, while milestones stay."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from api_world import NOON, ApiWorld, running_api
from test_personal_data import (
    ACTOR,
    ADDRESS,
    ALERT_NOTE,
    CLOCK_REASON,
    EMAIL,
    LAT,
    LON,
    MISSED,
    NAME,
    NOTE,
    OLD,
    PHONE,
    PLACE,
    PROOF,
    REASON,
    SIGNED,
    dump,
    filled,
)
from typer.testing import CliRunner

from runtime.cli import app
from store import audit, rotation
from store.addresses import known_point_context
from store.cipher import Cipher
from store.intake import CLOCK_REASON_CONTEXT
from store.pool import open_connection

THEIRS = [NAME, PHONE, ADDRESS, str(LAT), str(LON), EMAIL, PLACE, REASON, ACTOR, NOTE, SIGNED, PROOF]
THEIRS += [CLOCK_REASON, ALERT_NOTE, MISSED]


async def everything_opened(database_url: str) -> str:
    """Every sealed value of the database in the clear, and the rest of it."""
    cipher = Cipher(OLD)
    connection = await open_connection(database_url)
    texts = [await asyncio.to_thread(dump, database_url)]
    for one in rotation.SEALED:
        for row in await connection.fetch(f"select * from {one.table} where {one.column} is not null"):
            texts.append(cipher.decrypt(row[one.column], one.context(row)).decode())
    await connection.close()
    return "\n".join(texts)


async def known_to(world: ApiWorld) -> Any:
    """A filled database whose order was delivered, with its customer's account."""
    order = await filled(world)
    user = {"login": "cust-1", "role": "customer", "phone": f"+86 {PHONE}", "name": NAME}
    await world.post("/v1/users", user)
    async with world.work() as work:
        await work.connection.execute("update alert set order_ids = (select array_agg(order_id) from orders)")
        # Deriving the order anew ended the clock that `filled` gave a reason.
        await work.connection.execute(
            "insert into order_clock (order_id, clock, ends_with, owner_role, superior_role, started_at, "
            "paused_s, reason_cipher) "
            "select order_id, 'verified', 'verified', 'a', 'b', $1, 0, $2 from orders",
            NOON,
            Cipher(OLD).encrypt(CLOCK_REASON.encode(), CLOCK_REASON_CONTEXT),
        )
        await work.connection.execute(
            "insert into known_point (address_index, point_cipher, scanned_at) "
            "select address_index, $1, $2 from contact",
            Cipher(OLD).encrypt(
                json.dumps([LAT, LON]).encode(),
                known_point_context(await work.connection.fetchval("select address_index from contact")),
            ),
            NOON,
        )
    return order


async def test_all_that_is_kept_is_given_out_and_that_is_written_down(
    database_url: str,
) -> None:
    async with running_api(database_url, cipher=Cipher(OLD)) as world:
        order = await known_to(world)
        by_phone = await world.post("/v1/customers/export", {"phone": f"0086 {PHONE}"}, expect=200)
        by_order = await world.post("/v1/customers/export", {"order_id": order["id"]}, expect=200)
        assert by_phone == by_order
        text = json.dumps(by_phone, ensure_ascii=False)
        assert [what for what in THEIRS if what not in text] == []
        assert by_phone["account"]["login"] == "cust-1"
        assert [one["number"] for one in by_phone["orders"]] == [order["number"]]
        async with world.work() as work:
            contact = await work.connection.fetchval("select contact_id from contact")
            entries = await audit.of_subject(work.connection, Cipher(OLD), f"contact:{contact}")
        assert [(one["action"], one["detail"]) for one in entries] == [("export", {})] * 2


async def test_what_is_erased_no_key_opens_and_milestones_stay(database_url: str) -> None:
    async with running_api(database_url, cipher=Cipher(OLD)) as world:
        order = await known_to(world)
        token = await world.share(order["id"])
        before = await world.get(f"/v1/orders/{order['id']}")
        text = await everything_opened(database_url)
        assert [what for what in THEIRS if what not in text] == []

        erased = await world.post("/v1/customers/erasure", {"phone": PHONE}, expect=200)
        assert erased == {"contacts": 1, "orders": 1, "account": True}
        text = await everything_opened(database_url)
        assert [what for what in THEIRS if what in text] == []
        after = await world.get(f"/v1/orders/{order['id']}")
        assert after["contact"] is None
        assert after["milestones"] == before["milestones"]
        assert (after["number"], after["state"]) == (before["number"], before["state"])
        await world.get(f"/v1/track/{token}", expect=404)
        await world.post("/v1/customers/export", {"phone": PHONE}, expect=404)
        await world.post("/v1/customers/erasure", {"order_id": order["id"]}, expect=404)
        connection = await open_connection(database_url)
        assert (await audit.verify(connection)).wrong == []
        await connection.close()


async def test_an_order_under_way_keeps_its_customer_unless_that_is_said(database_url: str) -> None:
    async with running_api(database_url, cipher=Cipher(OLD)) as world:
        depot = await world.depot()
        order = await world.order(depot, contact={"name": NAME, "phone": PHONE})
        body: dict[str, object] = {"order_id": order["id"]}
        refused = await world.client.post("/v1/customers/erasure", json=body)
        assert (refused.status_code, order["number"] in refused.json()["detail"]) == (409, True)
        await world.post("/v1/customers/erasure", {**body, "also_open": True}, expect=200)
        assert (await world.get(f"/v1/orders/{order['id']}"))["contact"] is None


async def test_another_customers_data_is_left_alone(database_url: str) -> None:
    async with running_api(database_url, cipher=Cipher(OLD)) as world:
        depot = await world.depot()
        mine, theirs = [
            await world.order(depot, contact={"name": name, "phone": phone, "address": ADDRESS})
            for name, phone in ((NAME, PHONE), ("李四", "13900000000"))
        ]
        await world.post("/v1/customers/erasure", {"phone": PHONE, "also_open": True}, expect=200)
        assert (await world.get(f"/v1/orders/{mine['id']}"))["contact"] is None
        assert (await world.get(f"/v1/orders/{theirs['id']}"))["contact"]["name"] == "李四"


async def test_a_contact_that_is_replaced_is_erased_at_once(database_url: str) -> None:
    async with running_api(database_url, cipher=Cipher(OLD)) as world:
        order = await world.order(await world.depot(), contact={"name": NAME, "phone": PHONE})
        changed = await world.client.patch(
            f"/v1/orders/{order['id']}", json={"contact": {"name": "李四", "phone": "13900000000"}}
        )
        assert changed.status_code == 200
        async with world.work() as work:
            former = await work.connection.fetchrow("select * from contact order by contact_id limit 1")
        assert former["erased_at"] is not None
        assert [column for column in former if isinstance(column, bytes)] == []


@pytest.mark.parametrize("body", [{}, {"phone": PHONE, "order_id": str(UUID(int=1))}, {"phone": "x"}])
async def test_a_customer_is_named_in_one_way(database_url: str, body: dict[str, str]) -> None:
    async with running_api(database_url) as world:
        await world.post("/v1/customers/export", body, expect=422)


def test_the_command_line_does_the_same(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("ZAITU_CONTACT_KEY", "A" * 43 + "=")

    async def delivered() -> Any:
        async with running_api(database_url, cipher=Cipher(OLD)) as world:
            return await known_to(world)

    order = asyncio.run(delivered())
    run = CliRunner().invoke
    exported = run(app, ["customer", "export", "--order", order["number"]])
    assert json.loads(exported.output)["contacts"][0]["name"] == NAME
    assert run(app, ["customer", "erase"]).exit_code == 2
    erased = run(app, ["customer", "erase", "--phone", PHONE])
    assert erased.output == "erased: 1 contacts of 1 orders, and the account\n"
    nothing = run(app, ["customer", "export", "--phone", PHONE])
    assert nothing.exit_code == 1
