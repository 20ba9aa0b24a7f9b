"""What ingest knows of the fleet follows the database, and no more of it is kept than the fold can need."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from company import Company, circle, utc

from domain.access import process_principal
from ingest.fleet import Fleet, Refold
from store.pool import open_connection

NOW = utc("2026-11-20T12:00:00")
DAY = timedelta(days=1)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Any]:
    connection = await open_connection(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def fleet(connection: Any, company: Company) -> Fleet:
    """Of a company without trips yet."""
    known = Fleet(process_principal("ingest"))
    async with connection.transaction():
        await known.load(connection, NOW)
    return known


async def refreshed(fleet: Fleet, connection: Any, now: datetime) -> Refold:
    async with connection.transaction():
        return await fleet.refresh(connection, now)


async def test_trips_too_old_for_any_refold_are_forgotten(
    fleet: Fleet, connection: Any, company: Company
) -> None:
    depot = company.depot()
    vehicle = company.vehicle(depot, "V1")
    stops = [("hub", company.fence(depot, "yard", circle(0, 100), NOW - 30 * DAY), 900.0)]
    past = company.trip(depot, vehicle, NOW - 2 * DAY, stops)
    await refreshed(fleet, connection, NOW)
    assert fleet.trip(past) is not None

    recent = company.trip(depot, vehicle, NOW + 6 * DAY, stops)
    await refreshed(fleet, connection, NOW + 8 * DAY)
    assert (fleet.trip(past) is None, fleet.trip(recent) is None) == (True, False)
    assert fleet.trip_at(vehicle, NOW - 1.5 * DAY) is None


async def test_a_trip_that_became_known_refolds_its_vehicle_if_that_was_seen_on_it(
    fleet: Fleet, connection: Any, company: Company
) -> None:
    depot = company.depot()
    stops = [("hub", company.fence(depot, "yard", circle(0, 100), NOW - 30 * DAY), 900.0)]
    await refreshed(fleet, connection, NOW)
    began_at = NOW - timedelta(hours=3)
    vehicles = {}
    for label, seen_at in (("on it", began_at), ("before", began_at - timedelta(seconds=1)), ("never", None)):
        vehicles[label] = company.vehicle(depot, label)
        if seen_at is not None:
            company.connection.execute(
                "insert into latest_position (vehicle_id, depot_id, device_id, device_time, received_at, lat,"
                " lon) values (%s, %s, %s, %s, %s, 31, 121)",
                [vehicles[label], depot, company.device(depot, f"trk-{vehicles[label]}"), seen_at, seen_at],
            )
        company.trip(depot, vehicles[label], began_at, stops)

    refold = await refreshed(fleet, connection, NOW)

    assert refold.since == {vehicles["on it"]: began_at}
