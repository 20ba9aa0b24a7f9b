from __future__ import annotations

import asyncio

import asyncpg
import pytest
from access_world import PASSWORD, people_of
from api_world import ApiWorld, running_api

from domain.access import process_principal
from store import audit
from store.pool import open_connection
from store.unit_of_work import unit_of_work

WHO = process_principal("test")
AS_OWNER = "alter table audit disable trigger user"


async def verdict(database_url: str, head: str | None = None) -> audit.Verdict:
    connection = await open_connection(database_url)
    try:
        return await audit.verify(connection, head)
    finally:
        await connection.close()


async def write(world: ApiWorld, count: int, action: str = "x") -> None:
    async def one(number: int) -> None:
        async with world.work() as work:
            for part in range(2):
                await audit.record(work.connection, WHO, action, f"y:{number}", {"part": part}, world.clock())

    await asyncio.gather(*(one(number) for number in range(count)))


async def test_entries_written_at_once_make_one_chain(database_url: str) -> None:
    async with running_api(database_url) as world:
        await write(world, 10)
    found = await verdict(database_url)
    assert (found.entries, found.wrong) == (20, [])
    assert await verdict(database_url, found.head) == found


@pytest.mark.parametrize(
    "tampering",
    [
        "update audit set actor = 'somebody' where chain_no = 3",
        "update audit set detail = '{}' where chain_no = 3",
        "update audit set at = at + interval '1 microsecond' where chain_no = 3",
        "delete from audit where chain_no = 3",
        "delete from audit where chain_no = 1",
        "delete from audit where chain_no = 6",
        "delete from audit",
        "update audit set actor = 'x', "
        "hash = audit_digest(prev_hash, chain_no, at, 'x', action, subject, detail) "
        "where chain_no = 3",
        "insert into audit (at, actor, action, subject, chain_no) values (now(), 'a', 'b', 'c', 99)",
    ],
)
async def test_one_entry_tampered_with_is_found(tampering: str, database_url: str) -> None:
    async with running_api(database_url) as world:
        await write(world, 3)
        async with world.work() as work:
            await work.connection.execute(AS_OWNER)
            await work.connection.execute(tampering)
    assert (await verdict(database_url)).wrong != []


async def test_a_chain_written_anew_does_not_lead_to_a_head_noted_elsewhere(database_url: str) -> None:
    async with running_api(database_url) as world:
        await write(world, 3)
        noted = (await verdict(database_url)).head
        async with world.work() as work:
            await work.connection.execute(AS_OWNER)
            await work.connection.execute("delete from audit")
            await work.connection.execute("update audit_head set chain_no = 0, hash = sha256('zaitu audit')")
            await work.connection.execute("alter table audit enable trigger user")
        # Another story: the same one, told in the same order by a standing clock, would be the same chain.
        await write(world, 3, action="forged")
    assert (await verdict(database_url)).wrong == []
    assert (await verdict(database_url, noted)).wrong != []


@pytest.mark.parametrize(
    "change",
    [
        "update audit set actor = 'x'",
        "delete from audit",
        "truncate audit cascade",
        "update audit set hash = null",
    ],
)
async def test_entries_are_neither_changed_nor_removed(change: str, database_url: str) -> None:
    async with running_api(database_url) as world:
        await write(world, 1)
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            async with world.work() as work:
                await work.connection.execute(change)


async def test_logins_keys_and_changes_by_hand_are_written_down_without_names(database_url: str) -> None:
    async with running_api(database_url) as world:
        people = await people_of(world)
        for password in (PASSWORD, "wrong password"):
            form = {"grant_type": "password", "username": people.login("manager"), "password": password}
            await world.client.post("/v1/token", data=form)
        key = {"shipper_id": people.shipper, "label": "erp", "scopes": ["orders:read"]}
        await world.post("/v1/api-keys", key)
        connection = await open_connection(database_url)
        async with unit_of_work(connection):
            rows = await connection.fetch("select actor, action, subject from audit order by chain_no")
        await connection.close()
    written = [(row["actor"], row["action"], row["subject"].split(":")[0]) for row in rows]
    assert ("manager-1", "login", "user") in written
    assert ("unknown", "login_failed", "user") in written
    assert ("admin", "add", "api_key") in written
    assert written.count(("admin", "add", "user")) == 8
