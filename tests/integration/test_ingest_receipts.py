"""The loss meter and what devices are told, on a real database and a real broker."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import psycopg
import pytest
from company import Company, circle, fix, payload, scan, utc
from ingest_process import LOCKED, IngestRunner, publisher, wait_until
from paho.mqtt.enums import CallbackAPIVersion

from ingest.batch import Batch
from ingest.committer import Committer
from ingest.messages import Message
from runtime.stack.mosquitto import Broker
from store.cipher import Cipher
from store.pool import open_connection

NOW = utc("2026-11-20T12:00:00")
START = utc("2026-11-20T08:00:00")
KEY = bytes(range(32))
GAPS = "select kind, lower(part), upper(part) - 1 from numbering, unnest(missing) as part order by 1, 2"


@pytest.fixture
async def committer(database_url: str, company: Company) -> AsyncIterator[Committer]:
    connection = await open_connection(database_url)
    yield await Committer.on(connection, Cipher(KEY), lambda: NOW)
    await connection.close()


def numbered(seq: int, **more: Any) -> dict[str, Any]:
    return fix(START + timedelta(seconds=10 * seq), 10.0 * seq, seq=seq, **more)


async def committed(committer: Committer, topic: str, *contents: Any) -> Batch:
    messages = [Message(f"zaitu/v1/{topic}", payload(content), NOW) for content in contents]
    batches = [batch async for batch in committer.commit(messages)]
    assert len(batches) == 1
    return batches[0]


async def test_gaps_are_counted_by_device_and_topic_and_closed_when_the_facts_come_late(
    committer: Committer, company: Company
) -> None:
    company.device(company.depot(), "trk-1")
    first = await committed(committer, "trk-1/gps", numbered(3), numbered(10), [numbered(5), numbered(6)])
    await committed(
        committer, "trk-1/telemetry",
        *({"ts": int(START.timestamp() * 1000), "seq": seq, "readings": {"fuel_pct": seq}} for seq in (1, 3)),
    )  # fmt: skip
    assert company.rows(GAPS) == [("gps", 4, 4), ("gps", 7, 9), ("telemetry", 2, 2)]
    assert first.newly_missing == 4

    filled = await committed(committer, "trk-1/gps", [numbered(seq) for seq in (8, 7, 9)])
    again = await committed(committer, "trk-1/gps", [numbered(seq) for seq in (8, 7, 9)])

    assert company.rows(GAPS) == [("gps", 4, 4), ("telemetry", 2, 2)]
    assert (filled.newly_missing, again.newly_missing) == (-3, 0)


async def test_a_restarted_ingest_goes_on_counting(database_url: str, company: Company) -> None:
    company.device(company.depot(), "trk-1")
    for contents in ([numbered(0)], [numbered(1), numbered(2)], [numbered(3)], [numbered(6)]):
        connection = await open_connection(database_url)
        committer = await Committer.on(connection, Cipher(KEY), lambda: NOW)
        await committed(committer, "trk-1/gps", *contents)
        connection.terminate()

    assert company.rows(GAPS) == [("gps", 4, 5)]


async def test_what_is_rejected_or_set_apart_is_not_missing_and_has_its_receipt(
    committer: Committer, company: Company
) -> None:
    company.device(company.depot(), "trk-1")
    wrong_clock = {**numbered(2), "ts": 0}

    batch = await committed(
        committer, "trk-1/gps", numbered(0), {**numbered(1), "lat": 91}, wrong_clock, numbered(3)
    )

    assert company.rows(GAPS) == []
    assert sorted((run.first, run.last) for run in batch.received) in (
        [(0, 0), (1, 1), (2, 3)],
        [(0, 0), (1, 1), (2, 2), (3, 3)],
    )


async def test_each_scan_is_answered_once_committed(committer: Committer, company: Company) -> None:
    depot = company.depot()
    company.device(depot, "scn-1", kind="scanner")
    fence = company.fence(
        depot,
        "yard",
        {
            "type": "Feature",
            "properties": {"radius_m": 100},
            "geometry": {"type": "Point", "coordinates": [121.0, 31.0]},
        },
        START,
    )
    company.order(depot, START, [("origin", fence)], ["P1"])
    known, unknown = scan(START, "P1", "pick"), scan(START, "P2", "pick")
    unset = {**scan(START, "P1", "pack"), "ts": 1000}
    spoilt = {**scan(START, "P1", "load"), "action": "teleport"}

    batch = await committed(committer, "scn-1/scan", known, unknown, known, unset, spoilt)

    assert {(answer.scan_id, answer.result, answer.reason) for answer in batch.answers} == {
        ("S-P1-pick", "accepted", None),
        ("S-P2-pick", "unknown_code", None),
        ("S-P1-pick", "duplicate", None),
        ("S-P1-pack", "quarantined", None),
        ("S-P1-load", "rejected", "unknown_action"),
    }


@contextmanager
def listening(broker: Broker, device: str) -> Iterator[list[dict[str, Any]]]:
    """What a device that listens on its `cmd` topic is told."""
    address = urlsplit(broker.simulator_url)
    heard: list[dict[str, Any]] = []
    subscribed: list[int] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.username_pw_set(address.username, address.password)
    client.on_message = lambda _client, _userdata, message: heard.append(json.loads(message.payload))
    client.on_subscribe = lambda *_: subscribed.append(1)
    client.connect(address.hostname or "", address.port or 0)
    client.subscribe(f"zaitu/v1/{device}/cmd", qos=1)
    client.loop_start()
    wait_until(lambda: subscribed, "the subscription")
    yield heard
    client.disconnect()
    client.loop_stop()


def receipts(heard: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(told["from_seq"], told["seq"]) for told in heard if told["type"] == "receipt"]


def test_a_device_hears_which_facts_are_committed_and_never_before_they_are(
    broker: Broker, company: Company, ingest: IngestRunner
) -> None:
    company.device(company.depot(), "trk-1")
    ingest.start(broker)
    ingest.wait_subscribed()
    now = datetime.now(UTC)

    with listening(broker, "trk-1") as heard, publisher(broker) as publish:
        with psycopg.connect(ingest.database_url) as blocker:
            blocker.execute("lock table position in access exclusive mode")
            publish("trk-1/gps", payload([fix(now, 0, seq=7), fix(now, 10, seq=8)]))
            wait_until(lambda: company.value(LOCKED) >= 1, "ingest to wait in its commit")
            assert heard == []
            blocker.rollback()
        wait_until(lambda: receipts(heard), "the receipt")
        publish("trk-1/gps", payload(fix(now, 0, seq=7)))
        wait_until(lambda: len(receipts(heard)) == 2, "the receipt of the fact sent again")

    assert receipts(heard) == [(7, 8), (7, 7)]
    assert company.value("select count(*) from position") == 2


def test_a_scanner_hears_how_its_scan_fared(broker: Broker, company: Company, ingest: IngestRunner) -> None:
    company.device(company.depot(), "scn-1", kind="scanner")
    ingest.start(broker)
    ingest.wait_subscribed()

    with listening(broker, "scn-1") as heard, publisher(broker) as publish:
        publish("scn-1/scan", payload(scan(datetime.now(UTC), "P1", "pick")))
        wait_until(lambda: heard, "the answer")

    assert heard[0]["scan_id"] == "S-P1-pick"
    assert heard[0]["result"] == "unknown_code"
    assert heard[0]["message"]


def has_so_many(heard: list[dict[str, Any]], length: int) -> bool:
    return len(heard) == length


def test_a_scanner_hears_the_whole_story_of_a_package(
    broker: Broker, company: Company, ingest: IngestRunner
) -> None:
    depot = company.depot()
    company.device(depot, "scn-1", kind="scanner")
    given, other = company.vehicle(depot, "A"), company.vehicle(depot, "B")
    assert given != other
    received = datetime.now(UTC) - timedelta(hours=3)
    company.order(
        depot, received, [("origin", company.fence(depot, "yard", circle(0, 100), received))], ["P1"]
    )
    company.value(
        "insert into order_assignment (order_id, vehicle_id, assigned_at, assigned_by)"
        " select order_id, %s, now() - interval '2 h', 'x' from orders returning order_id",
        given,
    )
    ingest.start(broker)
    ingest.wait_subscribed()
    start = datetime.now(UTC) - timedelta(hours=1)
    story = [
        (1, "load", "B", "wrong_vehicle"),
        (2, "load", "A", "accepted"),
        (3, "out_for_delivery", "A", "accepted"),
        (4, "deliver", "B", "wrong_vehicle"),
        (4, "deliver", "B", "duplicate"),
        (5, "deliver", "A", "accepted"),
        (6, "hub_in", "A", "closed"),
    ]
    facts = [
        scan(start + timedelta(minutes=minute), "P1", action, vehicle=vehicle)
        for minute, action, vehicle, _ in story
    ]
    facts.append(scan(start, "P7", "pick"))
    with listening(broker, "scn-1") as heard, publisher(broker) as publish:
        for answers, fact in enumerate(facts, start=1):
            publish("scn-1/scan", payload(fact))
            wait_until(partial(has_so_many, heard, answers), f"answer {answers}")

    assert [told["result"] for told in heard] == [*(result for *_, result in story), "unknown_code"]
    assert all(told["message"] for told in heard if told["result"] not in ("accepted", "duplicate"))
