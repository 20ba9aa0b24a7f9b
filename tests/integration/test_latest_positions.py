"""Where a vehicle was last seen is the newest fix the fold believes, however the facts arrived."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from company import Company, fix, north, payload, utc

from ingest.committer import Committer
from ingest.messages import Message
from store.cipher import Cipher
from store.pool import open_connection

NOW = utc("2026-11-20T12:00:00")
START = utc("2026-11-20T08:00:00")
A_MINUTE = timedelta(minutes=1)


@pytest.fixture
async def committer(database_url: str, company: Company) -> AsyncIterator[Committer]:
    connection = await open_connection(database_url)
    yield await Committer.on(connection, Cipher(bytes(32)), lambda: NOW)
    await connection.close()


async def commit(committer: Committer, device: str = "trk-1", *fixes: dict[str, Any]) -> None:
    messages = [Message(f"zaitu/v1/{device}/gps", payload(item), NOW) for item in fixes]
    async for _ in committer.commit(messages):
        pass


def vehicle_with_tracker(company: Company) -> tuple[int, int]:
    depot = company.depot()
    device, vehicle = company.device(depot, "trk-1"), company.vehicle(depot, "V1")
    company.assign(device, vehicle, START - timedelta(days=30))
    return device, vehicle


def latest(company: Company) -> list[tuple[int, datetime, float]]:
    rows = company.rows("select vehicle_id, device_time, lat from latest_position order by 1")
    return [(vehicle, at, round(lat, 6)) for vehicle, at, lat in rows]


def reassign(company: Company, device: int, vehicle: int, since: datetime) -> None:
    """Move a device to another vehicle, as of a time in the past."""
    company.connection.execute(
        "update device_assignment set period = tstzrange(lower(period), %s) where device_id = %s",
        [since, device],
    )
    company.assign(device, vehicle, since)


async def test_a_refused_fix_stays_off_the_map_when_the_assignment_changes(
    committer: Committer, company: Company
) -> None:
    device, vehicle = vehicle_with_tracker(company)
    spike = fix(START + 3 * A_MINUTE, 90_000)
    await commit(committer, "trk-1", fix(START, 0), fix(START + 2 * A_MINUTE, 500), spike)
    other = company.vehicle(company.value("select depot_id from depot"), "V2")

    reassign(company, device, other, START + A_MINUTE)
    await commit(committer)

    assert latest(company) == [
        (vehicle, START, round(north(0), 6)),
        (other, START + 2 * A_MINUTE, round(north(500), 6)),
    ]


async def test_a_late_fix_that_makes_doubted_ones_believable_puts_the_newest_on_the_map(
    committer: Committer, company: Company
) -> None:
    _, vehicle = vehicle_with_tracker(company)
    far = [fix(START + minute * A_MINUTE, 90_000 + 100 * minute) for minute in (2, 3, 4)]
    await commit(committer, "trk-1", fix(START, 0), far[0], far[2])
    assert latest(company) == [(vehicle, START, round(north(0), 6))]

    await commit(committer, "trk-1", far[1])

    assert latest(company) == [(vehicle, START + 4 * A_MINUTE, round(north(90_400), 6))]


async def test_a_late_fix_that_makes_the_newest_one_doubtful_takes_it_off_the_map(
    committer: Committer, company: Company
) -> None:
    _, vehicle = vehicle_with_tracker(company)
    await commit(committer, "trk-1", fix(START + 2 * A_MINUTE, 90_000))
    assert latest(company)[0][1] == START + 2 * A_MINUTE

    await commit(committer, "trk-1", fix(START, 0), fix(START + A_MINUTE, 500))

    assert latest(company) == [(vehicle, START + A_MINUTE, round(north(500), 6))]


async def test_a_vehicle_whose_facts_all_go_to_another_is_on_no_map(
    committer: Committer, company: Company
) -> None:
    device, _ = vehicle_with_tracker(company)
    await commit(committer, "trk-1", fix(START, 0))
    other = company.vehicle(company.value("select depot_id from depot"), "V2")

    reassign(company, device, other, START - A_MINUTE)
    await commit(committer)

    assert latest(company) == [(other, START, round(north(0), 6))]


async def test_facts_past_the_horizon_are_on_no_map(committer: Committer, company: Company) -> None:
    vehicle_with_tracker(company)

    await commit(committer, "trk-1", fix(NOW - timedelta(days=8), 0))

    assert latest(company) == []


async def test_a_position_stays_after_its_fix_was_forgotten(
    database_url: str, committer: Committer, company: Company
) -> None:
    _, vehicle = vehicle_with_tracker(company)
    await commit(committer, "trk-1", fix(START, 0))
    company.connection.execute("delete from position")

    connection = await open_connection(database_url)
    restarted = await Committer.on(connection, Cipher(bytes(32)), lambda: NOW)
    await commit(restarted, "trk-1", fix(START + A_MINUTE, 90_000))
    await connection.close()

    assert latest(company) == [(vehicle, START, round(north(0), 6))]


async def test_two_devices_that_say_the_same_leave_the_vehicle_on_the_map(
    committer: Committer, company: Company
) -> None:
    _, vehicle = vehicle_with_tracker(company)
    second = company.device(company.value("select depot_id from depot"), "trk-2")
    company.assign(second, vehicle, START - timedelta(days=30))
    await commit(committer, "trk-1", fix(START, 0))
    await commit(committer, "trk-2", fix(START + A_MINUTE, 100))
    await commit(committer, "trk-1", fix(START + A_MINUTE, 100), fix(START + A_MINUTE / 2, 50))

    assert latest(company) == [(vehicle, START + A_MINUTE, round(north(100), 6))]
