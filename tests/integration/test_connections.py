"""What holds for every connection Zaitu opens."""

import asyncio

import pytest

from store.border import translated
from store.errors import Unavailable
from store.pool import open_connection, open_pool

WITHIN_S = 60.0
SHOW = "show idle_in_transaction_session_timeout"


async def test_the_server_ends_transactions_that_are_left_open(database_url: str) -> None:
    connection = await open_connection(database_url)
    pool = await open_pool(database_url, max_size=1)
    shown = [await connection.fetchval(SHOW), await pool.fetchval(SHOW), await pool.fetchval(SHOW)]
    assert shown == ["1min"] * 3
    await connection.close()
    await pool.close()


async def test_a_connection_ended_so_counts_as_lost(database_url: str) -> None:
    impatient = {"idle_in_transaction_session_timeout": "20ms"}
    connection = await open_connection(database_url, impatient)
    ended = asyncio.Event()
    connection.add_termination_listener(lambda _: ended.set())
    await connection.execute("begin; select pg_current_xact_id()")
    await asyncio.wait_for(ended.wait(), WITHIN_S)
    with pytest.raises(Unavailable), translated():
        await connection.fetchval("select 1")
