from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from api_world import running_api
from order_play import BEGINNING, Play, Played, archetypes, check_look, expected

from store.pool import open_connection


def begun(script: dict[str, Any], number: int, later: timedelta = timedelta(0)) -> Played:
    start = datetime.fromisoformat(script["start"]) if "start" in script else BEGINNING
    return Played(script, start + later, number)


async def prepare(play: Play, orders: list[Played]) -> None:
    first = min(order.start for order in orders)
    await play.begin(first)
    seen = set()
    for order in orders:
        channel, before = order.script["order"]["channel"], order.script.get("before")
        if before and channel not in seen:
            seen.add(channel)
            await play.history(channel, before["each_weekday"], before["today"], order.start)


@pytest.mark.parametrize("name", archetypes())
async def test_an_archetype_goes_as_written(database_url: str, name: str) -> None:
    order = begun(archetypes()[name], 1)
    connection = await open_connection(database_url)
    async with running_api(database_url) as world:
        play = Play(world, connection)
        await prepare(play, [order])
        await play.run([order])
        for _, look, seen in play.seen:
            check_look(look, seen)
        assert play.outcomes[order.number] == expected(order.script)
    await connection.close()


@pytest.mark.lasts(90)
@pytest.mark.timeout(900)
async def test_200_orders_of_two_days_mixed_go_as_written(database_url: str) -> None:
    scripts = list(archetypes().values())
    orders = [_mixed(scripts, n) for n in range(200)]
    connection = await open_connection(database_url)
    async with running_api(database_url) as world:
        play = Play(world, connection)
        await prepare(play, orders)
        await play.run(orders)
        for _, look, seen in play.seen:
            check_look(look, seen)
        for order in orders:
            assert (order.number, play.outcomes[order.number]) == (order.number, expected(order.script))
    await connection.close()


def _mixed(scripts: list[dict[str, Any]], n: int) -> Played:
    """The n-th order: at nine, at twenty past or at twenty to ten, but where the hour counts, at its own."""
    script = scripts[n % len(scripts)]
    later = timedelta(0) if "start" in script else timedelta(minutes=n // len(scripts) % 3 * 20)
    return begun(script, n + 1, later)
