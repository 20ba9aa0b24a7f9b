"""The canonical result depends on the set of facts, never on how they arrived.

`make permute` tries many arrivals; ZAITU_PERMUTATIONS says how many.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from company import Company, payload
from fleet_day import (
    HORIZON,
    NOW,
    START,
    SWAPPED,
    VEHICLES,
    YARD_CLOSES,
    YARD_OPENS,
    Fact,
    day_of_facts,
    found_company,
    swap_trackers,
    widen_weighbridge,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.committer import Committer
from ingest.messages import Message
from store.cipher import Cipher
from store.pool import Connection, open_connection

KEY = bytes(32)
EXAMPLES = int(os.environ.get("ZAITU_PERMUTATIONS", "5"))
DAY = day_of_facts(VEHICLES)
CLERK = (swap_trackers, widen_weighbridge)
NOT_WORKED_IN = (
    "select count(*) from change, ingest_cursor where kind in ('assignment', 'geofence') "
    "and (change.xid, change.change_id) > (ingest_cursor.xid, ingest_cursor.change_id)"
)


@dataclass(frozen=True)
class Arrival:
    """How the facts of a day come: in which order, repeated, in batches and arrays, between which restarts.

    `clerk` says before which batch each of the clerk's corrections is written, `new_process` before which
    batches ingest starts anew: after a kill, or `stopped` in good order.
    """

    batches: Sequence[Sequence[Fact]]
    items_a_payload: int
    clerk: Sequence[int]
    new_process: frozenset[int]
    stopped: bool = False


CALM = Arrival([DAY], 1, [0, 0], frozenset())

ORDERS: dict[str, Callable[[list[Fact], random.Random], list[Fact]]] = {
    "in order": lambda facts, _: facts,
    "newest first": lambda facts, _: facts[::-1],
    "shuffled": lambda facts, rng: rng.sample(facts, len(facts)),
    "a little late": lambda facts, rng: sorted(facts, key=lambda fact: fact.at_ms + rng.uniform(0, 300_000)),
    "device after device": lambda facts, rng: sorted(facts, key=lambda fact: (fact.topic, rng.random())),
    "some devices last": lambda facts, rng: _some_devices_last(facts, rng),
}


def _some_devices_last(facts: list[Fact], rng: random.Random) -> list[Fact]:
    """As when some were without a network all day."""
    topics = sorted({fact.topic for fact in facts})
    last = set(rng.sample(topics, len(topics) // 3))
    return sorted(facts, key=lambda fact: fact.topic in last)


@st.composite
def arrivals(draw: st.DrawFn) -> Arrival:
    rng = random.Random(draw(st.integers(0, 2**32 - 1)))
    repeated = rng.sample(DAY, int(len(DAY) * draw(st.sampled_from([0.0, 0.05, 1.0]))))
    order = ORDERS[draw(st.sampled_from(sorted(ORDERS)))]
    facts = order(sorted([*DAY, *repeated], key=lambda fact: fact.at_ms), rng)
    cuts = sorted({int(len(facts) * place) for place in draw(st.lists(st.floats(0, 1), max_size=15))})
    edges = sorted({0, *cuts, len(facts)})
    batches = [facts[a:b] for a, b in pairwise(edges)]
    places = st.integers(0, len(batches))
    return Arrival(
        batches,
        items_a_payload=draw(st.sampled_from([1, 20, 5_000])),
        clerk=[draw(places) for _ in CLERK],
        new_process=draw(st.frozensets(places)),
        stopped=draw(st.booleans()),
    )


def as_messages(facts: Sequence[Fact], items_a_payload: int) -> list[Message]:
    """Facts that came together on one topic share payloads."""
    together: dict[tuple[str, Any], list[Fact]] = defaultdict(list)
    for fact in facts:
        together[fact.topic, fact.received_at].append(fact)
    return [
        Message(
            f"zaitu/v1/{topic}",
            payload([fact.item for fact in whole[start : start + items_a_payload]]),
            received_at,
        )
        for (topic, received_at), whole in together.items()
        for start in range(0, len(whole), items_a_payload)
    ]


async def end(committer: Committer, connection: Connection, *, in_good_order: bool) -> None:
    if in_good_order:
        await committer.keep_checkpoints()
    connection.terminate()


async def result_of(database_url: str, arrival: Arrival) -> Any:
    """The canonical result of the facts arriving so."""
    connection = await open_connection(database_url)
    committer = await Committer.on(connection, Cipher(KEY), lambda: NOW)

    async def commit(messages: Sequence[Message]) -> None:
        async for _ in committer.commit(messages):
            pass

    with psycopg.connect(database_url, autocommit=True) as office:
        company = Company(office)
        for place in range(len(arrival.batches) + 1):
            for correct, when in zip(CLERK, arrival.clerk, strict=True):
                if when == place:
                    correct(company)
            if place in arrival.new_process:
                await end(committer, connection, in_good_order=arrival.stopped)
                connection = await open_connection(database_url)
                committer = await Committer.on(connection, Cipher(KEY), lambda: NOW)
            if place < len(arrival.batches):
                await commit(as_messages(arrival.batches[place], arrival.items_a_payload))
        deadline = time.monotonic() + 60.0
        while company.value(NOT_WORKED_IN) > 0:
            assert time.monotonic() < deadline, "waited 60 s for what the clerk corrected to be worked in"
            await commit([])
        await connection.close()
        return company.canonical()


DatabaseMaker = Callable[[], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def make_database(another_database: DatabaseMaker) -> DatabaseMaker:
    """Databases with the company in them, each made and dropped within a `with`."""

    @contextmanager
    def with_company() -> Iterator[str]:
        with another_database() as url:
            with psycopg.connect(url, autocommit=True) as connection:
                found_company(Company(connection), VEHICLES)
            yield url

    return with_company


@pytest.fixture(scope="module")
def calm_result(make_database: DatabaseMaker) -> Any:
    """What the facts give when they come in order, once, in one batch, with everything known before."""
    with make_database() as url:
        return asyncio.run(result_of(url, CALM))


def test_the_calm_result_is_the_day_as_it_was(calm_result: Any) -> None:
    origin, hub, destination, weighbridge, yard = range(1, 6)
    journey = [
        (origin, "inside"), (origin, "exit"), (weighbridge, "enter"), (weighbridge, "exit"),
        (hub, "enter"), (hub, "exit"), (destination, "approach"), (destination, "enter"),
        (yard, "inside"), (yard, "exit"),
    ]  # fmt: skip
    at: dict[int, dict[tuple[int, str], Any]] = defaultdict(dict)
    for vehicle, fence, kind, crossed_at, _ in sorted(calm_result["crossings"], key=lambda row: row[3]):
        at[vehicle][fence, kind] = crossed_at
    assert len(calm_result["crossings"]) == VEHICLES * len(journey)
    assert all(list(seen) == journey for seen in at.values())
    assert {seen[yard, "inside"] for seen in at.values()} == {YARD_OPENS}
    assert {seen[yard, "exit"] for seen in at.values()} == {YARD_CLOSES}
    weeks_old = {vehicle: seen[origin, "inside"] for vehicle, seen in at.items()}
    assert set(weeks_old.values()) == {NOW - HORIZON - timedelta(minutes=40)}
    delivered = {order for order, stage, *_ in calm_result["milestones"] if stage == "delivered"}
    assert len(delivered) == VEHICLES

    def since_start(number: int, fence: int, kind: str = "enter") -> float:
        """When a truck crossed a fence, in seconds since its own tracker set out."""
        began = START + timedelta(minutes=number % 20)
        return float((at[number + 1][fence, kind] - began).total_seconds())

    swapped = [since_start(number, destination) - since_start(20, destination) for number in SWAPPED]
    assert swapped == pytest.approx([60.0, -60.0]), "each arrives when the other's tracker says so"
    narrow, wide = since_start(2, weighbridge, "exit"), since_start(19, weighbridge, "exit")
    assert wide > narrow + 30, "the wider fence is left later, by those who come once it is valid"


@pytest.mark.lasts(12)
@given(arrival=arrivals())
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
def test_order_repetition_batching_restarts_and_when_it_was_put_right_change_nothing(
    make_database: DatabaseMaker, calm_result: Any, arrival: Arrival
) -> None:
    with make_database() as url:
        assert asyncio.run(result_of(url, arrival)) == calm_result
