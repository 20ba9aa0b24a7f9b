"""Transactions that write about the same orders wait for each other at most, whatever else refers to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from watch_world import T0, WATCH, Stop, World, at

from domain.notices import News
from store import etas, evidence, notices
from store.pool import open_connection
from store.unit_of_work import unit_of_work

STOPS = [Stop("origin", "origin", 0), Stop("shop", "destination", 1_000)]
LONG_S = 60


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    connection = await open_connection(database_url)
    yield await World(connection).begin()
    await connection.close()


async def test_deriving_orders_does_not_wait_for_those_that_write_notices_of_them(
    world: World, database_url: str
) -> None:
    """Otherwise a watch that tells of a later order first, and then of an earlier one, ends in a deadlock."""
    first, second = [await world.order(STOPS, promised_min=60) for _ in range(2)]
    await world.connection.execute(
        "insert into endpoint (public_id, depot_id, kind, url, secret_cipher, created_at)"
        " values (gen_random_uuid(), $1, 'webhook', 'https://example.test', '', $2)",
        world.depot_id,
        T0,
    )
    other = await open_connection(database_url, {"lock_timeout": f"{LONG_S}s"})
    async with unit_of_work(world.connection) as telling:
        news = News("delivered", at(0))
        await notices.tell(telling.connection, {second: news}, at(0))
        async with asyncio.timeout(LONG_S), unit_of_work(other) as deriving:
            await evidence.record_evidence(deriving, [first, second], at(0))
            await etas.estimate_milestones(deriving.connection, WATCH, [first, second])
            await notices.tell(telling.connection, {first: news}, at(0))
    told = await other.fetch("select order_id from notice where event = 'delivered' order by 1")
    assert [row["order_id"] for row in told] == [first, second]
    await other.close()


async def test_two_that_derive_the_same_orders_take_turns(world: World, database_url: str) -> None:
    orders = [await world.order(STOPS, promised_min=60) for _ in range(2)]
    other = await open_connection(database_url)

    async def derive_by_other() -> None:
        async with unit_of_work(other) as work:
            await evidence.record_evidence(work, orders[::-1], at(0))

    async with unit_of_work(world.connection) as work:
        await evidence.record_evidence(work, orders, at(0))
        waiting = asyncio.create_task(derive_by_other())
        blocked = "select cardinality(pg_blocking_pids($1)) > 0"
        pid = other.get_server_pid()
        async with asyncio.timeout(LONG_S):
            while not await work.connection.fetchval(blocked, pid):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert not waiting.done()
    await waiting
    await other.close()
