"""Archetypes of orders, one by one and mixed over two days: everything that must follow, did.

`make orders` mixes 200 of them; a test run mixes three of each.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from api_world import running_api
from order_play import BEGINNING, Play, Played, archetypes, check_look, expected

from store.pool import open_connection

MIXED = int(os.environ.get("ZAITU_MIXED_ORDERS", "36"))
FIRST_HOUR = datetime.fromisoformat("2026-09-29T00:20:00+08:00")
HOURS = 48
OFFICE_HOURS = range(9, 15)


def begun(script: dict[str, Any], number: int, start: datetime = BEGINNING) -> Played:
    return Played(script, datetime.fromisoformat(script["start"]) if "start" in script else start, number)


async def prepare(play: Play, orders: list[Played]) -> None:
    """The company, and what its channels had before the first order of each day that wants a history."""
    await play.begin(min(order.start for order in orders))
    seen = set()
    for order in sorted(orders, key=lambda order: order.start):
        channel, before = order.script["order"]["channel"], order.script.get("before")
        day = (channel, order.start.astimezone(FIRST_HOUR.tzinfo).date())
        if before and day not in seen:
            seen.add(day)
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


@pytest.mark.lasts(50)
@pytest.mark.timeout(1800)
async def test_orders_of_two_days_mixed_go_as_written(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scripts = list(archetypes().values())
    orders = [_mixed(scripts, n) for n in range(MIXED)]
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
    assert len(play.outcomes) == MIXED
    with capsys.disabled():
        print(f"\n{_totals(play)}")  # noqa: T201


def _totals(play: Play) -> str:
    """What was compared, in one line."""
    compared = Counter[str]()
    for outcome in play.outcomes.values():
        compared.update({name: len(part) for name, part in outcome.items() if not isinstance(part, str)})
        compared["orders"] += 1
    compared["looks"] = len(play.seen)
    return ", ".join(f"{count} {name}" for name, count in sorted(compared.items()))


def _mixed(scripts: list[dict[str, Any]], n: int) -> Played:
    """The n-th order: at any hour of two days, but where working hours count, in those."""
    script, hour = scripts[n % len(scripts)], n * 7 % HOURS
    if script.get("in_office"):
        hour = hour // 24 * 24 + OFFICE_HOURS[n % len(OFFICE_HOURS)]
    return begun(script, n + 1, FIRST_HOUR + timedelta(hours=hour))
