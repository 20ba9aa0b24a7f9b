"""Facts set apart come back when their device's clock is corrected, rejected payloads after a fix."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from company import Company, circle, drive, fix, payload, scan, utc

from domain.access import process_principal
from domain.device_clocks import Adjustment
from ingest.batch import Batch
from ingest.committer import Committer
from ingest.messages import Message
from store import clocks, rejected
from store.cipher import Cipher
from store.pool import Connection, open_connection
from store.unit_of_work import unit_of_work

NOW = utc("2026-11-20T12:00:00")
START = utc("2026-11-20T08:00:00")
AHEAD = timedelta(hours=8)
KEY = bytes(range(32))
WHO = process_principal("test")
SET_APART = "select count(*) from quarantine where processed_at is null"


@asynccontextmanager
async def committing(database_url: str, now: datetime = NOW) -> AsyncIterator[Committer]:
    connection = await open_connection(database_url)
    try:
        yield await Committer.on(connection, Cipher(KEY), lambda: now)
    finally:
        connection.terminate()


@pytest.fixture
async def committer(database_url: str, company: Company) -> AsyncIterator[Committer]:
    async with committing(database_url) as made:
        yield made


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Connection]:
    """A connection of somebody who corrects clocks and asks for retries."""
    connection = await open_connection(database_url)
    yield connection
    await connection.close()


async def committed(committer: Committer, *messages: Message) -> Batch:
    batches = [batch async for batch in committer.commit(messages)]
    assert len(batches) == 1
    return batches[0]


def message(topic: str, content: Any, received_at: datetime = NOW) -> Message:
    body = content if isinstance(content, bytes) else payload(content)
    return Message(f"zaitu/v1/{topic}", body, received_at)


def ahead(item: dict[str, Any]) -> dict[str, Any]:
    """The item as a device sends it whose clock shows local time."""
    return {**item, "ts": item["ts"] + int(AHEAD.total_seconds() * 1000)}


async def correct(
    office: Connection, device: int, offset: timedelta = -AHEAD, applies_from: datetime = NOW
) -> None:
    async with unit_of_work(office) as work:
        await clocks.correct(
            office,
            device,
            Adjustment(offset, NOW),
            reason="whole_hours",
            evidence=3,
            applies_from=applies_from,
        )
        work.tell("clock", [device])


def world(company: Company) -> tuple[int, int]:
    """A tracker and a scanner of a truck that carries an order from a yard to a customer; the two devices."""
    depot = company.depot()
    tracker, scanner = company.device(depot, "trk-1"), company.device(depot, "scn-1", kind="scanner")
    vehicle = company.vehicle(depot, "V1")
    company.assign(tracker, vehicle, START - timedelta(days=1))
    yard = company.fence(depot, "yard", circle(0, 300), START - timedelta(days=9))
    customer = company.fence(depot, "customer", circle(5_000, 300), START - timedelta(days=9))
    stops = [("origin", yard), ("destination", customer)]
    company.trip(
        depot, vehicle, START - timedelta(hours=1),
        [("origin", yard, 0.0), ("destination", customer, 5_000.0)],
    )  # fmt: skip
    company.order(depot, START - timedelta(hours=2), stops, ["P1"])
    return tracker, scanner


def facts() -> list[tuple[str, dict[str, Any]]]:
    """A drive to the customer with its scans, at right times, in order."""
    scans = [
        ("scn-1/scan", scan(START, "P1", "load", vehicle="V1", seq=0)),
        ("scn-1/scan", scan(START + timedelta(hours=1), "P1", "deliver", signed_by="王小明", seq=1)),
    ]
    return [*scans, *(("trk-1/gps", item) for item in drive(START, 0, 5_300))]


async def test_a_correction_brings_back_what_was_set_apart_as_if_its_clock_had_been_right(
    database_url: str, company: Company, office: Connection, another_database: Any
) -> None:
    tracker, scanner = world(company)
    async with committing(database_url) as committer:
        await committed(committer, *(message(topic, ahead(item)) for topic, item in facts()))
        assert company.value("select count(*) from position") == 0
        set_apart = company.value(SET_APART)

        await correct(office, tracker)
        await correct(office, scanner)
        async with committing(database_url) as next_one:
            await committed(next_one)

    with another_database() as url, psycopg.connect(url, autocommit=True) as connection:
        right = Company(connection)
        world(right)
        async with committing(url) as committer:
            await committed(committer, *(message(topic, item) for topic, item in facts()))
        assert company.canonical() == right.canonical()
        assert right.value("select count(*) from milestone where actual_at is not null") > 4
    assert set_apart == len(facts())
    assert company.value(SET_APART) == 0
    assert company.rows("select distinct reported_time - device_time from position") == [(AHEAD,)]
    assert company.rows("select distinct reported_time - device_time from scan") == [(AHEAD,)]
    assert company.value("select count(*) from quarantine where corrected_time is not null") == set_apart


async def test_what_comes_while_a_clock_is_corrected_is_corrected_and_sent_again_is_a_duplicate(
    committer: Committer, company: Company, office: Connection, database_url: str
) -> None:
    tracker, _ = world(company)
    before, during = ahead(fix(START, 0, seq=0)), ahead(fix(START + timedelta(minutes=1), 0, seq=1))
    await committed(committer, message("trk-1/gps", before))
    await correct(office, tracker)
    async with committing(database_url) as corrected, committing(database_url, NOW) as restarted:
        first = await committed(corrected, message("trk-1/gps", during))
        again = await committed(corrected, message("trk-1/gps", [during, before, during]))
        await clocks.end(office, tracker, NOW + timedelta(seconds=1))
        after = await committed(restarted, message("trk-1/gps", [during, before], NOW + timedelta(minutes=1)))

    assert (first.outcomes[0].stored, again.outcomes[0].stored) == (1, 0)
    assert again.outcomes[0].duplicates == 3
    assert after.outcomes[0].stored == 0
    assert company.rows("select device_time from position order by 1") == [
        (START,), (START + timedelta(minutes=1),)
    ]  # fmt: skip
    assert company.rows("select device_time from latest_position") == [(START + timedelta(minutes=1),)]


async def test_a_fact_believed_before_the_correction_is_not_stored_a_second_time_after_it(
    committer: Committer, company: Company, office: Connection, database_url: str
) -> None:
    tracker, _ = world(company)
    believed = fix(START, 0, seq=0)
    await committed(committer, message("trk-1/gps", believed))
    await correct(office, tracker, timedelta(minutes=-3))

    async with committing(database_url) as corrected:
        again = await committed(corrected, message("trk-1/gps", believed))

    assert again.outcomes[0].duplicates == 1
    assert company.rows("select device_time, reported_time from position") == [(START, None)]


async def test_a_correction_that_does_not_help_leaves_the_facts_set_apart_for_a_better_one(
    committer: Committer, company: Company, office: Connection, database_url: str
) -> None:
    tracker, _ = world(company)
    await committed(committer, message("trk-1/gps", ahead(fix(NOW, 0))))
    await correct(office, tracker, timedelta(hours=-7))
    async with committing(database_url) as tried:
        await committed(tried)
    assert company.value(SET_APART) == 1

    await correct(office, tracker, -AHEAD)
    async with committing(database_url) as tried:
        await committed(tried)

    assert company.value(SET_APART) == 0
    assert company.rows("select device_time from position") == [(NOW,)]


async def test_facts_whose_correction_is_not_heard_of_yet_wait_until_it_is(
    committer: Committer, company: Company, office: Connection, database_url: str
) -> None:
    tracker, _ = world(company)
    await committed(committer, message("trk-1/gps", ahead(fix(NOW, 0))))
    # Changes are heard of once no older transaction is open.
    older = await open_connection(database_url)
    async with older.transaction():
        await older.fetchval("select pg_current_xact_id()")
        async with committing(database_url) as fresh:
            await committed(fresh)
            await correct(office, tracker)
            fresh._set_apart_waits = True
            await committed(fresh)
            assert company.value(SET_APART) == 1
    await older.close()

    async with committing(database_url) as later:
        await committed(later)

    assert company.value(SET_APART) == 0


async def test_order_of_arrival_and_of_correction_change_nothing(
    another_database: Any,
) -> None:
    """Facts of a wrong clock before and after its correction, shuffled, in batches: one canonical result."""
    results = []
    for seed in range(3):
        rng = random.Random(seed)
        with another_database() as url, psycopg.connect(url, autocommit=True) as connection:
            company = Company(connection)
            tracker, scanner = world(company)
            messages = [
                message(topic, ahead(item), NOW + timedelta(minutes=place % 2))
                for place, (topic, item) in enumerate(facts())
            ]
            rng.shuffle(messages)
            early = [each for each in messages if each.received_at == NOW]
            late = [each for each in messages if each.received_at != NOW]
            clerk = await open_connection(url)
            async with committing(url) as committer:
                await committed(committer, *early[:7])
                await committed(committer, *early[7:])
                for device in (tracker, scanner):
                    await correct(clerk, device, applies_from=NOW + timedelta(seconds=30))
            await clerk.close()
            async with committing(url, NOW + timedelta(minutes=2)) as committer:
                middle = rng.randrange(1, len(late))
                await committed(committer, *late[:middle])
                await committed(committer, *late[middle:])
            results.append(company.canonical())

    assert results[0] == results[1] == results[2]
    assert results[0]["crossings"]


async def ask(office: Connection, **what: Any) -> list[int]:
    async with unit_of_work(office) as work:
        asked = await rejected.ask_retry(office, WHO, now=NOW, **what)
        work.tell("rejected", asked)
    return asked


async def test_a_payload_rejected_for_an_unknown_device_is_usable_once_the_device_is_registered(
    committer: Committer, company: Company, office: Connection, database_url: str
) -> None:
    await committed(
        committer, message("trk-1/gps", fix(START, 0, seq=4)), message("trk-2/gps", fix(START, 0))
    )
    world(company)

    asked = await ask(office, reason="unknown_device")
    async with committing(database_url, NOW + timedelta(days=20)) as later:
        await committed(later)

    assert len(asked) == 2
    assert company.rows("select received_at, seq from position") == [(NOW, 4)]
    rows = company.rows(
        "select topic, usable_at is not null, retried_at is not null, retry_asked_at, times "
        "from rejected order by 1"
    )
    assert rows == [
        ("zaitu/v1/trk-1/gps", True, True, None, 1),
        ("zaitu/v1/trk-2/gps", False, True, None, 1),
    ]
    reasons = await rejected.by_reason(office, WHO)
    assert [(reason.reason, reason.payloads, reason.usable) for reason in reasons] == [
        ("unknown_device", 2, 1)
    ]


async def test_a_bad_item_is_tried_again_alone_and_the_good_ones_beside_it_are_duplicates(
    committer: Committer, company: Company, office: Connection, database_url: str
) -> None:
    world(company)
    batch = [fix(START, 0, seq=1), {**fix(START, 10, seq=2), "lat": 91}, fix(START, 20, seq=3)]
    await committed(committer, message("trk-1/gps", batch))

    await ask(office, rejected_ids=company.rows("select rejected_id from rejected")[0])
    async with committing(database_url) as later:
        await committed(later)

    assert company.value("select count(*) from position") == 2
    assert company.rows("select usable_at, times, retried_at is not null from rejected") == [(None, 1, True)]
    assert company.rows("select lowest, highest, missing::text from numbering") == [(1, 3, "{}")]


async def test_a_rejected_payload_opens_with_the_data_key_and_only_what_was_kept_whole_is_tried_again(
    committer: Committer, company: Company, office: Connection
) -> None:
    await committed(committer, message("trk-1/gps", b"not json"), message("trk-1/gps", b"x" * 70_000))

    page = await rejected.list_page(office, WHO, limit=10)
    opened = [await rejected.payload(office, WHO, item.rejected_id, Cipher(KEY)) for item in page]

    assert opened == [b"x" * 65_536, b"not json"]
    assert await ask(office) == [page[1].rejected_id]
    assert await rejected.list_page(office, WHO, before=page[1].rejected_id, limit=10) == []
