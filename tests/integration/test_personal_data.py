"""Personal data at rest: a dump of the database shows none, and keys change under load."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from struct import pack
from typing import Any
from urllib.parse import quote

import pytest
from api_world import NOON, ApiWorld, order_body, running_api
from company import payload, scan

from ingest.committer import Committer
from ingest.messages import Message
from store import rotation
from store.cipher import Cipher, Undecipherable
from store.keyring import KeyRing
from store.pool import open_connection

OLD = KeyRing.of(bytes(32))
NAME, PHONE, ADDRESS = "欧阳询问", "13812345678", "松江区思贤路2345弄67号"
LAT, LON = 31.0271828, 121.2381966
EMAIL, PLACE, REASON, ACTOR = "ouyang.test@example.cn", "欧阳家门口", "邻居代收给李四", "王五调度"
NOTE, SIGNED, PROOF = "门口红色箱子里", "赵六代签", "PROOFPHOTO9281"
REJECTED, CLOCK_REASON, ALERT_NOTE, MISSED = "SECRETPAYLOAD77", "客户欧阳出差", "电话里说改天", "家里没人孙七"
STAFF_NAME, WHY = "钱八经理", "周九太太来电话改"
SEEDED = [NAME, PHONE, ADDRESS, EMAIL, PLACE, REASON, ACTOR, NOTE, SIGNED, PROOF]
SEEDED += [REJECTED, CLOCK_REASON, ALERT_NOTE, MISSED, STAFF_NAME, WHY]
# A place is told to a hundred metres by three decimals, however many follow.
POINTS = [f"{LAT:.6f}"[:6], f"{LON:.6f}"[:7]]


async def filled(world: ApiWorld) -> dict[str, Any]:
    """A database with something personal in every place that takes it; returns the order."""
    depot = await world.depot()
    contact = {"name": NAME, "phone": PHONE, "address": ADDRESS, "lat": LAT, "lon": LON, "email": EMAIL}
    stops = [{"kind": "origin", "name": "上海"}, {"kind": "destination", "name": PLACE}]
    packages = [{"code": "PKG-1"}]
    body = order_body(depot, contact=contact, stops=stops, packages=packages)
    order = await world.post("/v1/orders", body)
    said = {"stage": "packed", "at": NOON.isoformat(), "source_key": "m1", "manual": True}
    await world.post(f"/v1/orders/{order['id']}/evidence", {**said, "actor": ACTOR, "reason": REASON})
    changed = await world.client.patch(f"/v1/orders/{order['id']}", json={"custom": True, "reason": WHY})
    assert changed.status_code == 200
    user = {"login": "mgr-9", "role": "manager", "depot_ids": [depot], "name": STAFF_NAME}
    await world.post("/v1/users", user)
    device = await world.post("/v1/devices", {"depot_id": depot, "name": "scn-1", "kind": "scanner"})
    async with world.work() as work:
        run = work.connection.execute
        await run(
            "insert into alert (public_id, depot_id, kind, subject, severity, opened_at, updated_at) "
            "select gen_random_uuid(), depot_id, 'stale', 'x', 'warning', $1, $1 from depot",
            NOON,
        )
        await run(
            "insert into order_clock "
            "(order_id, clock, ends_with, owner_role, superior_role, started_at, paused_s) "
            "select order_id, 'verified', 'verified', 'a', 'b', $1, 0 from orders on conflict do nothing",
            NOON,
        )
        alert = await work.connection.fetchval("select public_id from alert")
    await world.post(f"/v1/alerts/{alert}/notes", {"text": ALERT_NOTE})
    path = f"/v1/orders/{order['id']}/clocks/verified/reason"
    answer = await world.post(path, {"reason": CLOCK_REASON}, expect=200)
    assert [clock["reason"] for clock in answer["clocks"] if clock["reason"]] == [CLOCK_REASON]
    assert device["name"] == "scn-1"
    await scanned(world, Cipher(OLD))
    return dict(order)


async def scanned(world: ApiWorld, cipher: Cipher) -> None:
    """What a scanner sends: a delivery with its proof, a failed attempt, a wrong clock, and rubbish."""
    connection = await open_connection(world.database_url)
    try:
        committer = await Committer.on(connection, cipher, world.clock)
        handed = scan(NOON, "PKG-1", "deliver", signed_by=SIGNED, note=NOTE, proof=PROOF)
        missed = scan(NOON - timedelta(hours=1), "PKG-1", "attempt_failed", reason=MISSED)
        wrong_clock = scan(NOON + timedelta(days=9), "PKG-1", "deliver", signed_by=SIGNED, reason=MISSED)
        for content in (payload([handed, missed]), payload(wrong_clock), f"{{{REJECTED}".encode()):
            assert [
                batch async for batch in committer.commit([Message("zaitu/v1/scn-1/scan", content, NOON)])
            ]
    finally:
        await connection.close()


def dump(database_url: str) -> str:
    """Everything in the database as text, as a stolen backup would show it."""
    found = shutil.which("pg_dump") or str(max(Path("/usr/lib/postgresql").glob("*/bin/pg_dump")))
    done = subprocess.run([found, database_url], capture_output=True, text=True, check=True)
    return done.stdout


def shown_in(text: str) -> list[str]:
    """What of the seeded can be found in a dump: plain, escaped, or encoded in a column of bytes or text."""
    blobs = b"\n".join(bytes.fromhex(found) for found in re.findall(r"\\\\x((?:[0-9a-f]{2})+)", text))
    return [
        *(seeded for seeded in SEEDED if any(form in text for form in forms_of(seeded))),
        *(seeded for seeded in SEEDED if any(seeded.encode(code) in blobs for code in CODES)),
        *(point for point in POINTS if point in text or point.encode() in blobs),
        *(str(number) for number in (LAT, LON) if any(pack(form, number) in blobs for form in ("<d", ">d"))),
    ]


CODES = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")


def forms_of(seeded: str) -> Iterator[str]:
    """A text as itself and as programs write it where they may not write it plainly."""
    yield seeded
    yield json.dumps(seeded)[1:-1]
    yield json.dumps(seeded)[1:-1].replace("\\", "\\\\")
    yield quote(seeded)
    for code in CODES:
        encoded = seeded.encode(code)
        yield encoded.hex()
        yield encoded.hex().upper()
        yield "".join(f"\\{byte:03o}" for byte in encoded)
        for before in range(3):
            # Wherever it begins in what was encoded together: without what its neighbours have a part in.
            coded = base64.b64encode(b"\0" * before + encoded + b"\0\0").decode()
            yield coded[(4 if before else 0) : (before + len(encoded)) // 3 * 4]


@pytest.mark.parametrize("seeded", [NAME, PHONE, ADDRESS, EMAIL])
def test_the_search_of_a_dump_finds_every_form(seeded: str) -> None:
    around = f"vor{seeded}nach"
    for form in (
        around,
        json.dumps(around),
        quote(around),
        around.encode().hex(),
        "\\\\x" + around.encode("gb18030").hex(),
        *(base64.b64encode(b"-" * n + around.encode()).decode() for n in range(3)),
    ):
        assert seeded in shown_in(f"1\tx\t{form}\t2\n"), form
    assert shown_in("1\t2\t\\\\x0011\n") == []
    assert shown_in(f"1\t{LAT:.3f}\n") == [POINTS[0]]
    assert str(LON) in shown_in("\\\\x" + pack(">d", LON).hex())


async def test_a_dump_shows_nothing_that_names_or_finds_a_person(database_url: str) -> None:
    async with running_api(database_url) as world:
        order = await filled(world)
        text = await asyncio.to_thread(dump, database_url)
        assert "PKG-1" in text
        assert shown_in(text) == []
        shown = await world.get(f"/v1/orders/{order['id']}")
        assert shown["contact"]["name"] == NAME
        assert shown["contact"]["lat"] == LAT
        assert shown["stops"][-1]["name"] == PLACE


async def test_every_sealed_column_is_sealed_anew_under_a_new_key_while_orders_come_in(
    database_url: str,
) -> None:
    ring = OLD.with_new_key()
    async with running_api(database_url, cipher=Cipher(OLD, reload=lambda: ring)) as world:
        first = await filled(world)
        depot = first["depot_id"]
        made: list[str] = []
        stop = asyncio.Event()

        async def load() -> None:
            while not stop.is_set():
                contact = {"name": NAME, "phone": PHONE, "address": f"{len(made)} 号"}
                order = await world.post("/v1/orders", order_body(depot, contact=contact))
                made.append(order["id"])
                await world.get(f"/v1/orders/{made[len(made) // 2]}")

        loading = asyncio.create_task(load())
        connection = await open_connection(database_url)
        try:
            while len(made) < 3:
                assert not loading.done(), loading.exception()
                await asyncio.sleep(0.01)
            assert await rotation.reseal(connection, Cipher(ring)) > 10
            while len(made) < 8:
                assert not loading.done(), loading.exception()
                await asyncio.sleep(0.01)
            stop.set()
            await loading
            await rotation.reseal(connection, Cipher(ring))
            assert await rotation.under_older_keys(connection, Cipher(ring)) == 0
        finally:
            await connection.close()
    newest_only = Cipher(ring.newest_only())
    async with running_api(database_url, cipher=newest_only) as world:
        shown = await world.get(f"/v1/orders/{first['id']}")
        assert shown["contact"]["phone"] == PHONE
        assert shown["stops"][-1]["name"] == PLACE
        addresses = [(await world.get(f"/v1/orders/{one}"))["contact"]["address"] for one in made]
        assert addresses == [f"{place} 号" for place in range(len(made))]


async def test_what_was_written_in_clear_is_sealed_by_a_rotation(database_url: str) -> None:
    async with running_api(database_url) as world:
        await filled(world)
        async with world.work() as work:
            run = work.connection.execute
            await run("update scan set reason = $1", MISSED)
            await run("update evidence set actor = $1, reason = $2, private_cipher = null", ACTOR, REASON)
            await run("update order_stop set name = $1, name_cipher = null", PLACE)
            await run("update alert_note set text = $1, text_cipher = null", ALERT_NOTE)
            await run("update order_clock set reason = $1, reason_cipher = null", CLOCK_REASON)
        assert MISSED in await asyncio.to_thread(dump, database_url)
        connection = await open_connection(database_url)
        await rotation.reseal(connection, Cipher(OLD))
        await connection.close()
        text = await asyncio.to_thread(dump, database_url)
        assert shown_in(text) == []


async def test_the_rotation_knows_every_column_of_ciphertexts(database_url: str) -> None:
    connection = await open_connection(database_url)
    rows = await connection.fetch(
        "select table_name, column_name from information_schema.columns "
        "where table_schema = 'public' and column_name like '%\\_cipher'"
    )
    await connection.close()
    known = {(one.table, one.column) for one in rotation.SEALED}
    assert {(row["table_name"], row["column_name"]) for row in rows} == known


def test_a_ring_survives_being_written_down() -> None:
    ring = OLD.with_new_key()
    again = KeyRing.parse(ring.text())
    assert (dict(again.keys), again.index_key) == (dict(ring.keys), ring.index_key)
    assert Cipher(again).blind_index(b"1") == Cipher(OLD).blind_index(b"1")
    sealed = Cipher(OLD).encrypt(b"x", b"y")
    assert Cipher(again).decrypt(sealed, b"y") == b"x"
    with pytest.raises(Undecipherable, match="key 1"):
        Cipher(ring.newest_only()).decrypt(sealed, b"y")


@pytest.mark.parametrize(
    "text", ["x", "1:x", "0:" + "A" * 43 + "=", "1:AA==", "index:" + "A" * 43 + "=", "a:" + "A" * 43 + "="]
)
def test_a_text_that_is_no_ring_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64|ids from 1") as caught:
        KeyRing.parse(text)
    assert text not in str(caught.value)
