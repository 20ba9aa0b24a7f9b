"""How much is folded again: what a late fact can have changed, and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from company import Company, circle, fix, payload, utc
from prometheus_client import CollectorRegistry

from ingest.committer import Committer
from ingest.measures import IngestMeasures
from ingest.messages import Message
from store.cipher import Cipher
from store.pool import open_connection

DatabaseMaker = Callable[[], AbstractContextManager[str]]
START = utc("2026-11-20T00:00:00")
NOW = utc("2026-11-21T01:00:00")
DAY = 8_640
EVERY_S = 10
SPEED_MPS = 5.0
WINDOW = 15 * 60 // EVERY_S
"""Fixes between two checkpoints."""
CROSSINGS = 36
"""At the first of 18 yards and away, then into and out of each of the others."""


class Counting:
    """A committer, and what its process would show as metrics."""

    def __init__(self, committer: Committer) -> None:
        self._committer = committer
        self._registry = CollectorRegistry()
        self._measures = IngestMeasures(self._registry)

    async def commit(self, *contents: Any) -> None:
        messages = [Message("zaitu/v1/trk-1/gps", payload(content), NOW) for content in contents]
        async for batch in self._committer.commit(messages):
            self._measures.committed(batch, [])

    async def stop(self) -> None:
        await self._committer.keep_checkpoints()

    def folded(self) -> Counter[str]:
        """Fixes folded forward and again, and how often a vehicle was folded again."""
        value = self._registry.get_sample_value
        counts = {how: value("zaitu_ingest_folded_fixes_total", {"how": how}) for how in ("forward", "again")}
        counts["rebuilds"] = value("zaitu_ingest_rebuilds_total")
        return Counter({name: int(count or 0) for name, count in counts.items()})


def found(company: Company) -> None:
    """A truck on a day's trip past a yard every 18 km."""
    depot = company.depot()
    vehicle = company.vehicle(depot, "V1")
    long_ago = START - timedelta(days=30)
    company.assign(company.device(depot, "trk-1"), vehicle, long_ago)
    yards = [company.fence(depot, f"yard {n}", circle(18_000.0 * n, 300), long_ago) for n in range(18)]
    stops = [("origin", yards[0], 0.0), ("destination", yards[17], 306_000.0)]
    company.trip(depot, vehicle, START - timedelta(hours=1), stops)


@asynccontextmanager
async def ingest(database_url: str) -> AsyncIterator[Counting]:
    connection = await open_connection(database_url)
    try:
        yield Counting(await Committer.on(connection, Cipher(bytes(32)), lambda: NOW))
    finally:
        await connection.close()


@pytest.fixture
async def counting(database_url: str, company: Company) -> AsyncIterator[Counting]:
    found(company)
    async with ingest(database_url) as made:
        yield made


@pytest.fixture
async def in_order(another_database: DatabaseMaker) -> Any:
    """What the day gives when it comes in order, at once."""
    with another_database() as url, psycopg.connect(url, autocommit=True) as connection:
        company = Company(connection)
        found(company)
        async with ingest(url) as made:
            await made.commit(*day())
        assert made.folded()["again"] == DAY
        return company.canonical()


def day() -> list[dict[str, Any]]:
    """A fix every 10 s: three quarters of each hour up the road, then a rest."""
    metres = 0.0
    facts = []
    for step in range(DAY):
        facts.append(fix(START + timedelta(seconds=EVERY_S * step), metres, seq=step))
        if step * EVERY_S % 3_600 < 2_700:
            metres += SPEED_MPS * EVERY_S
    return facts


def parts(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


async def test_a_days_upload_newest_first_is_folded_once(counting: Counting, company: Company) -> None:
    newest_first = day()[::-1]

    await counting.commit(*parts(newest_first, 2_000))

    assert counting.folded() == {"again": DAY, "forward": 0, "rebuilds": 1}
    assert company.value("select count(*) from crossing") == CROSSINGS


async def test_a_days_fixes_newest_first_each_in_a_message_of_its_own_are_folded_once(
    counting: Counting, company: Company
) -> None:
    await counting.commit(*day()[::-1])

    assert counting.folded() == {"again": DAY, "forward": 0, "rebuilds": 1}
    assert company.value("select count(*) from position") == DAY


async def test_an_upload_newest_first_in_many_batches_folds_windows_and_not_the_day_each_time(
    counting: Counting, company: Company, in_order: Any
) -> None:
    batches = parts(day()[::-1], 60)

    for batch in batches:
        await counting.commit(list(batch))

    folded = counting.folded()
    assert folded["again"] <= DAY + len(batches) * 3 * WINDOW
    assert company.canonical() == in_order
    assert len(in_order["crossings"]) == CROSSINGS


async def test_late_fixes_between_live_ones_fold_their_windows_and_leave_the_live_ones_in_order(
    counting: Counting, company: Company, in_order: Any
) -> None:
    facts = day()
    held_back = set(range(1_000, 1_400))
    live = [item for step, item in enumerate(facts) if step not in held_back]
    await counting.commit(*(list(part) for part in parts(live[:6_000], 500)))
    before = counting.folded()

    late = parts([facts[step] for step in sorted(held_back, reverse=True)], 20)
    for part, now in zip(late, parts(live[6_000:], len(live[6_000:]) // len(late)), strict=True):
        await counting.commit(list(part), list(now))

    folded = counting.folded() - before
    assert folded["rebuilds"] == len(late)
    assert folded["again"] <= len(live) - 6_000 + len(late) * (20 + 3 * WINDOW)
    assert company.canonical() == in_order


async def test_a_jump_that_came_first_is_not_where_the_truck_was_last_seen_once_it_is_found_absurd(
    counting: Counting, company: Company
) -> None:
    here, jump = fix(START, 0.0), fix(START + timedelta(minutes=1), 200_000.0)
    last_seen = "select device_time from latest_position"

    await counting.commit(jump)
    assert company.value(last_seen) == START + timedelta(minutes=1)

    await counting.commit(here)
    assert company.value(last_seen) == START

    await counting.commit(fix(START - timedelta(hours=1), 0.0))
    assert company.value(last_seen) == START


async def test_after_a_restart_new_fixes_go_on_from_the_state_that_was_kept(
    database_url: str, company: Company, in_order: Any
) -> None:
    found(company)
    minutes = parts(day(), 60)
    async with ingest(database_url) as before:
        for minute in minutes[:70]:
            await before.commit(list(minute))
        await before.stop()

    async with ingest(database_url) as after:
        for minute in minutes[70:]:
            await after.commit(list(minute))
        assert after.folded() == {"again": 0, "forward": DAY - 70 * 60, "rebuilds": 0}

    assert company.canonical() == in_order


async def test_after_a_crash_fixes_without_a_state_are_folded_again(
    database_url: str, company: Company, in_order: Any
) -> None:
    found(company)
    halves = parts(day(), DAY // 2)
    async with ingest(database_url) as before:
        for some in parts(halves[0], 60):
            await before.commit(list(some))

    async with ingest(database_url) as after:
        for some in parts(halves[1], 60):
            await after.commit(list(some))
        assert after.folded()["rebuilds"] == 1

    assert company.canonical() == in_order
