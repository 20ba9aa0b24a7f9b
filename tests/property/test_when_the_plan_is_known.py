"""The canonical result does not depend on when orders, trips, fences and assignments became known.

`make permute` tries many ways; ZAITU_PERMUTATIONS says how many.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from company import Company, circle, payload
from fleet_day import NOW, START, Fact, day_of_facts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.committer import Committer
from ingest.messages import Message
from store.cipher import Cipher
from store.pool import open_connection

EXAMPLES = int(os.environ.get("ZAITU_PERMUTATIONS", "4"))
VEHICLES = 3
PLANNED = 2
"""The truck whose packages nobody scans onto it: its order goes by the plan."""

LONG_AGO = START - timedelta(days=30)
PLACES = {"origin": 0.0, "hub": 3_000.0, "destination": 6_000.0}


def _is_part(fact: Fact) -> bool:
    """Not facts that came in the nick of time: what becomes known about them comes after the horizon."""
    loads = fact.item.get("action") == "load" and fact.item["vehicle"] == f"V{PLANNED}"
    return not loads and fact.received_at == NOW


FACTS = [fact for fact in day_of_facts(VEHICLES) if _is_part(fact)]


@dataclass
class Office:
    """Where people enter what they know; each entry is announced as the API does."""

    company: Company
    depot: int = 0
    vehicles: list[int] = field(default_factory=list)
    devices: list[int] = field(default_factory=list)
    fences: dict[str, int] = field(default_factory=dict)
    trips: list[int] = field(default_factory=list)
    orders: list[int] = field(default_factory=list)

    def open(self) -> None:
        """What must be known before the facts: devices nobody registered are refused."""
        self.depot = self.company.depot()
        self.company.device(self.depot, "scn-1", kind="scanner")
        for number in range(VEHICLES):
            self.vehicles.append(self.company.vehicle(self.depot, f"V{number}"))
            self.devices.append(self.company.device(self.depot, f"trk-{number}"))

    def fence(self, kind: str) -> None:
        self.fences[kind] = self.company.fence(self.depot, kind, circle(PLACES[kind], 250), LONG_AGO)

    def assign(self, number: int) -> None:
        self.company.assign(self.devices[number], self.vehicles[number], LONG_AGO)

    def trip(self, number: int) -> None:
        stops = [(kind, self.fences[kind], at) for kind, at in PLACES.items()]
        since = START - timedelta(hours=1)
        self.trips.append(self.company.trip(self.depot, self.vehicles[number], since, stops))

    def order(self, number: int) -> None:
        codes = [f"P{number}-a", f"P{number}-b"]
        stops = [(kind, self.fences[kind]) for kind in PLACES]
        self.orders.append(self.company.order(self.depot, START - timedelta(hours=3), stops, codes))
        self.company.tell("plan", self.orders[number])

    def plan(self, number: int) -> None:
        self.company.connection.execute(
            "insert into leg (order_id, trip_id, from_seq, to_seq, bound_by, bound_at)"
            " values (%s, %s, 0, 2, 'plan', %s)",
            [self.orders[number], self.trips[number], START],
        )
        self.company.tell("plan", self.orders[number])


Entry = tuple[str, str | int]
FENCES: list[Entry] = [("fence", kind) for kind in PLACES]
ASSIGNMENTS, TRIPS, ORDERS = (
    [(what, number) for number in range(VEHICLES)] for what in ("assign", "trip", "order")
)
PLAN: Entry = ("plan", PLANNED)
ENTRIES: list[Entry] = [*FENCES, *ASSIGNMENTS, *TRIPS, *ORDERS, PLAN]


@dataclass(frozen=True)
class Course:
    """Batches of facts, and before which of them each entry is made; new processes start before some."""

    batches: Sequence[Sequence[Fact]] = field(repr=False)
    entered: Mapping[Entry, int]
    new_process: frozenset[int]


CALM = Course([FACTS], dict.fromkeys(ENTRIES, 0), frozenset())


@st.composite
def courses(draw: st.DrawFn) -> Course:
    """Entries of one kind come in their order, for the same ids, and after what they refer to."""
    facts = random.Random(draw(st.integers(0, 2**32 - 1))).sample(FACTS, len(FACTS))
    cuts = draw(st.sets(st.integers(1, len(FACTS) - 1), max_size=5))
    batches = [facts[a:b] for a, b in pairwise([0, *sorted(cuts), len(facts)])]
    places = st.integers(0, len(batches))

    def in_order(entries: Sequence[Entry], *, after: int = 0) -> dict[Entry, int]:
        drawn = sorted(max(draw(places), after) for _ in entries)
        return dict(zip(entries, drawn, strict=True))

    entered = in_order(FENCES)
    drawn_up = max(entered.values())
    entered |= in_order(ASSIGNMENTS) | in_order(TRIPS, after=drawn_up) | in_order(ORDERS, after=drawn_up)
    entered[PLAN] = max(draw(places), entered["trip", PLANNED], entered["order", PLANNED])
    return Course(batches, entered, draw(st.frozensets(places)))


async def result_of(database_url: str, course: Course) -> Any:
    """The canonical result after a course, once ingest has worked every entry in."""
    connection = await open_connection(database_url)
    committer = await Committer.on(connection, Cipher(bytes(32)), lambda: NOW)
    with psycopg.connect(database_url, autocommit=True) as clerk:
        office = Office(Company(clerk))
        office.open()
        for place in range(len(course.batches) + 1):
            for what, which in ENTRIES:
                if course.entered[what, which] == place:
                    getattr(office, what)(which)
            if place in course.new_process:
                connection.terminate()
                connection = await open_connection(database_url)
                committer = await Committer.on(connection, Cipher(bytes(32)), lambda: NOW)
            facts = course.batches[place] if place < len(course.batches) else ()
            messages = [
                Message(f"zaitu/v1/{fact.topic}", payload(fact.item), fact.received_at) for fact in facts
            ]
            async for _ in committer.commit(messages):
                pass
        await connection.close()
        late = office.company.rows("select device_id, device_time from position where too_late order by 1, 2")
        return {**office.company.canonical(), "too_late": late}


DatabaseMaker = Callable[[], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def calm_result(another_database: DatabaseMaker) -> Any:
    """What the facts give when everything is known before the first of them."""
    with another_database() as url:
        return asyncio.run(result_of(url, CALM))


def test_the_calm_result_is_the_day_as_it_was(calm_result: Any) -> None:
    kinds = ["enter", "exit", "enter", "exit", "enter"]
    crossed = [(vehicle, kind) for vehicle, _, kind, at, _ in sorted(calm_result["crossings"], key=_by_time)]
    assert crossed == [(vehicle, kind) for vehicle in (1, 2, 3) for kind in kinds]
    reached = {(order, stage) for order, stage, _, at, *_ in calm_result["milestones"] if at is not None}
    for stage in ("dispatched", "at_hub", "arrived", "delivered"):
        assert {order for order, one in reached if one == stage} == {1, 2, 3}
    assert {order for order, one in reached if one == "loaded"} == {1, 2}
    assert len(calm_result["too_late"]) == 2 * VEHICLES


def _by_time(crossing: tuple[Any, ...]) -> tuple[Any, ...]:
    return crossing[0], crossing[3]


@given(course=courses())
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_when_orders_trips_fences_and_assignments_became_known_changes_nothing(
    another_database: DatabaseMaker, calm_result: Any, course: Course
) -> None:
    with another_database() as url:
        assert asyncio.run(result_of(url, course)) == calm_result
