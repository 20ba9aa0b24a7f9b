"""The canonical result depends on the set of facts, never on how they arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from company import Company, circle, fix, north, payload, scan, utc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.committer import Committer
from ingest.messages import Message
from store.cipher import Cipher
from store.pool import open_connection

START = utc("2026-11-20T08:00:00")
NOW = utc("2026-11-20T14:00:00")
KEY = bytes(32)
VEHICLES = 3
Fact = tuple[str, dict[str, Any]]


def found_company(company: Company) -> None:
    """Three trucks with a trip over the same three fences, two packages each."""
    depot = company.depot()
    long_ago = START - timedelta(days=30)
    metres = {"origin": 0.0, "hub": 3_000.0, "destination": 6_000.0}
    fences = {kind: company.fence(depot, kind, circle(at, 250), long_ago) for kind, at in metres.items()}
    company.device(depot, "scn-1", kind="scanner")
    for number in range(VEHICLES):
        vehicle = company.vehicle(depot, f"V{number}")
        company.assign(company.device(depot, f"trk-{number}"), vehicle, long_ago)
        stops = [(kind, fences[kind], at) for kind, at in metres.items()]
        company.trip(depot, vehicle, START - timedelta(hours=1), stops)
        codes = [f"P{number}-a", f"P{number}-b"]
        company.order(depot, START - timedelta(hours=3), list(fences.items()), codes)


def day_of_facts() -> list[Fact]:
    """Each truck waits, drives to the hub, waits, goes on; with a spike and two fixes of one time."""
    facts: list[Fact] = []
    for number in range(VEHICLES):
        topic = f"trk-{number}/gps"
        start = START + timedelta(minutes=7 * number)
        way = [0.0] * 6 + [200.0 * step for step in range(1, 16)] + [3_000.0] * 8
        way += [3_000.0 + 250.0 * step for step in range(1, 13)] + [6_000.0] * 5
        for step, metres in enumerate(way):
            at = start + timedelta(seconds=30 * step)
            facts.append((topic, fix(at, metres + 3.0 * (step % 3), seq=step)))
        facts.append((topic, fix(start + timedelta(seconds=30 * 10), 800.0, seq=900)))
        facts.append(
            (topic, {**fix(start + timedelta(seconds=30 * 12 + 5), 0.0, seq=901), "lat": north(90_000)})
        )
        for package in ("a", "b"):
            code = f"P{number}-{package}"
            loaded = start + timedelta(seconds=150 if package == "a" else 160)
            facts.append(("scn-1/scan", scan(loaded, code, "load", vehicle=f"V{number}")))
            facts.append(("scn-1/scan", scan(start + timedelta(minutes=40), code, "deliver")))
        facts.append(
            ("scn-1/scan", scan(start + timedelta(minutes=41), f"P{number}-b", "deliver", reason="x"))
        )
        facts.append(("scn-1/scan", scan(start + timedelta(minutes=42), f"P{number}-b", "void")))
    return facts


def as_messages(facts: Sequence[Fact]) -> list[Message]:
    return [Message(f"zaitu/v1/{topic}", payload(item), NOW) for topic, item in facts]


async def result_of(database_url: str, batches: Sequence[Sequence[Fact]], restarts: Sequence[bool]) -> Any:
    """The canonical result after committing these batches, with a new process before those marked."""
    connection = await open_connection(database_url)
    committer = await Committer.on(connection, Cipher(KEY), lambda: NOW)
    for batch, restart in zip(batches, restarts, strict=True):
        if restart:
            connection.terminate()
            connection = await open_connection(database_url)
            committer = await Committer.on(connection, Cipher(KEY), lambda: NOW)
        async for _ in committer.commit(as_messages(batch)):
            pass
    await connection.close()
    with psycopg.connect(database_url) as connection:
        return Company(connection).canonical()


DatabaseMaker = Callable[[], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def make_database(another_database: DatabaseMaker) -> DatabaseMaker:
    """Databases with the company in them, each made and dropped within a `with`."""

    @contextmanager
    def with_company() -> Iterator[str]:
        with another_database() as url:
            with psycopg.connect(url, autocommit=True) as connection:
                found_company(Company(connection))
            yield url

    return with_company


@pytest.fixture(scope="module")
def calm_result(make_database: DatabaseMaker) -> Any:
    """What the facts give when they come in order, once, in one batch."""
    facts = sorted(day_of_facts(), key=lambda fact: (fact[1]["ts"], fact[0]))
    with make_database() as url:
        return asyncio.run(result_of(url, [facts], [False]))


def test_the_calm_result_is_the_day_as_it_was(calm_result: Any) -> None:
    kinds = [(vehicle, kind) for vehicle, _, kind, _, _ in calm_result["crossings"]]
    assert kinds == [
        (vehicle, kind) for vehicle in (1, 2, 3) for kind in ("inside", "exit", "enter", "exit", "enter")
    ]
    reached = {(order, stage) for order, stage, _, at, _, _ in calm_result["milestones"] if at is not None}
    for stage in ("loaded", "dispatched", "at_hub", "arrived", "delivered"):
        assert {order for order, reached_stage in reached if reached_stage == stage} == {1, 2, 3}


@given(data=st.data())
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_arrival_order_duplication_batching_and_restarts_change_nothing(
    make_database: DatabaseMaker, calm_result: Any, data: st.DataObject
) -> None:
    facts = day_of_facts()
    repeated = data.draw(st.lists(st.sampled_from(range(len(facts))), max_size=len(facts)))
    shuffled = data.draw(st.permutations([*facts, *(facts[place] for place in repeated)]))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(shuffled) - 1), max_size=6)))
    edges = [0, *cuts, len(shuffled)]
    batches = [shuffled[a:b] for a, b in pairwise(edges)]
    restarts = data.draw(st.lists(st.booleans(), min_size=len(batches), max_size=len(batches)))

    with make_database() as url:
        assert asyncio.run(result_of(url, batches, restarts)) == calm_result
