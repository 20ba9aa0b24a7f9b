"""Progress along a trip is that of the newest fix that still speaks for the vehicle."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from company import Company, circle, drive, payload, utc

from ingest.committer import Committer
from ingest.messages import Message
from store.cipher import Cipher
from store.pool import open_connection

NOW = utc("2026-11-20T12:00:00")
START = utc("2026-11-20T08:00:00")
PROGRESS = "select fix_at, round(distance_m) from trip_progress"


@pytest.fixture
async def committer(database_url: str, company: Company) -> AsyncIterator[Committer]:
    connection = await open_connection(database_url)
    yield await Committer.on(connection, Cipher(bytes(32)), lambda: NOW)
    await connection.close()


async def test_a_tracker_taken_off_leaves_the_progress_it_had_made(
    committer: Committer, company: Company
) -> None:
    depot = company.depot()
    vehicle, device = company.vehicle(depot, "V1"), company.device(depot, "trk-1")
    company.assign(device, vehicle, START - timedelta(days=30))
    fence = company.fence(depot, "yard", circle(9_000, 100), START - timedelta(days=30))
    company.trip(depot, vehicle, START - timedelta(hours=1), [("destination", fence, 9_000.0)])
    fixes = drive(START, 0, 8_000)
    before, after = fixes[:20], fixes[20:]
    for part in (before, after):
        async for _ in committer.commit([Message("zaitu/v1/trk-1/gps", payload(part), NOW)]):
            pass
    last_at = START + timedelta(seconds=190)
    assert company.rows(PROGRESS) != [(last_at, 2_850)]

    company.connection.execute(
        "update device_assignment set period = tstzrange(lower(period), %s)", [last_at + timedelta(seconds=1)]
    )
    company.tell("assignment", device)
    async for _ in committer.commit([]):
        pass

    assert company.rows(PROGRESS) == [(last_at, 2_850)]
