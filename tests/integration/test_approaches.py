"""Coming near a fence, from the fixes to what staff see of the order and the trip."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from api_world import running_api
from company import Company, circle, fix, payload, scan, utc
from psycopg.types.json import Jsonb

from ingest.committer import Committer
from ingest.messages import Message
from store.cipher import Cipher
from store.pool import open_connection

START = utc("2026-11-20T08:00:00")
NOW = utc("2026-11-20T09:00:00")
LONG_AGO = START - timedelta(days=30)


async def commit(database_url: str, facts: Sequence[tuple[str, dict[str, Any]]]) -> None:
    connection = await open_connection(database_url)
    committer = await Committer.on(connection, Cipher(bytes(32)), lambda: NOW)
    messages = [Message(f"zaitu/v1/{topic}", payload(item), NOW) for topic, item in facts]
    async for _ in committer.commit(messages):
        pass
    await connection.close()


def drive(metres: Sequence[float], first: int = 0) -> list[tuple[str, dict[str, Any]]]:
    """Fixes of the truck 30 s apart."""
    return [
        ("trk-1/gps", fix(START + timedelta(seconds=30 * step), at, seq=step))
        for step, at in enumerate(metres, start=first)
    ]


@pytest.fixture
def company(database_url: str) -> Company:
    """A truck with an order on board, and a customer whose fence is approached from 1 km off."""
    connection = psycopg.connect(database_url, autocommit=True)
    made = Company(connection)
    depot = made.depot()
    vehicle = made.vehicle(depot, "V1")
    made.assign(made.device(depot, "trk-1"), vehicle, LONG_AGO)
    made.device(depot, "scn-1", kind="scanner")
    stops = [
        ("origin", made.fence(depot, "origin", circle(0.0, 250), LONG_AGO), 0.0),
        (
            "destination",
            made.fence(depot, "customer", circle(6_000.0, 250), LONG_AGO, approach_m=1_000),
            6_000.0,
        ),
    ]
    made.trip(depot, vehicle, START - timedelta(hours=1), stops)
    order = made.order(depot, START - timedelta(hours=3), [(kind, at) for kind, at, _ in stops], ["P1"])
    connection.execute(
        "with made as (insert into contact (public_id, depot_id, key_id) values (gen_random_uuid(), %s, 1)"
        " returning contact_id) update orders set contact_id = made.contact_id from made where order_id = %s",
        [depot, order],
    )
    return made


async def test_an_approach_shows_on_the_order_and_the_trip_and_is_told_once(
    company: Company, database_url: str
) -> None:
    loaded = [("scn-1/scan", scan(START, "P1", "load", vehicle="V1"))]
    way = [0.0, 0.0, *(400.0 * step for step in range(1, 14)), 5_400.0]
    await commit(database_url, [*loaded, *drive(way)])

    assert company.rows("select event, recipient from notice where event = 'approaching'") == [
        ("approaching", "customer")
    ]
    # The zone ends 4,750 m up the road: 400 m each 30 s from the second fix on.
    expected = START + timedelta(seconds=30 + 30 * 4_750 / 400)
    async with running_api(database_url) as world:
        order = (await world.get("/v1/orders"))["items"][0]
        first, last = (await world.get(f"/v1/orders/{order['id']}"))["stops"]
        trip = (await world.get("/v1/trips"))["items"][0]
        stops = (await world.get(f"/v1/trips/{trip['id']}"))["stops"]
    assert first["approached_at"] is None
    assert abs(utc(last["approached_at"]) - expected) < timedelta(seconds=1)
    assert [stop["approached_at"] for stop in stops] == [None, last["approached_at"]]
    assert last["due_soon_at"] is stops[1]["due_soon_at"] is None


async def test_an_approach_that_turns_out_wrong_is_taken_back(company: Company, database_url: str) -> None:
    loaded = [("scn-1/scan", scan(START, "P1", "load", vehicle="V1"))]
    await commit(database_url, [*loaded, *drive([0.0, 0.0, 400.0, 800.0]), *drive([5_000.0, 5_400.0], 12)])
    current = "select kind, retracted_at is null from evidence where kind = 'approached'"
    assert company.rows(current) == [("approached", True)]

    company.connection.execute(
        "update geofence_version set approach_m = null, geometry = %s where geofence_id = 2",
        [Jsonb(circle(6_000.0, 250))],
    )
    company.tell("geofence", 2)
    await commit(database_url, [])
    assert company.rows(current) == [("approached", False)]
