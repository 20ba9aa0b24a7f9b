"""`zaitu device` and `zaitu rejected` beside a running ingest, and what the API says of the same."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from api_world import ApiWorld, running_api
from company import Company, fix, payload, scan
from ingest_process import ROOT, IngestRunner, publisher, wait_until

from ingest.committer import Committer
from ingest.messages import Message
from runtime.stack.mosquitto import Broker
from store.cipher import Cipher
from store.pool import open_connection
from store.rejected import KEPT_PAYLOAD_BYTES

Zaitu = Callable[..., str]


@pytest.fixture
def zaitu(database_url: str, tmp_path: Path) -> Zaitu:
    """The command line on this test's database, with the data key of its ingest."""

    def run(*arguments: str, status: int = 0) -> str:
        environment = {**os.environ, "DATABASE_URL": database_url, "ZAITU_DATA_DIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-m", "runtime.cli", *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    return run


def test_a_clock_of_local_time_is_found_corrected_and_its_facts_come_back(
    broker: Broker, company: Company, ingest: IngestRunner, zaitu: Zaitu
) -> None:
    depot = company.depot()
    device, vehicle = company.device(depot, "trk-1"), company.vehicle(depot, "V1")
    company.assign(device, vehicle, datetime.now(UTC) - timedelta(days=1))
    ingest.start(broker)
    ingest.wait_subscribed()
    start = datetime.now(UTC).replace(microsecond=0)
    with publisher(broker) as publish:
        for number in range(5):
            publish("trk-1/gps", payload(fix(start + timedelta(hours=8, seconds=number - 5), 0, seq=number)))
    wait_until(lambda: company.value("select count(*) from quarantine") == 5, "five facts set apart")

    assert "whole_hours, say 5 facts; proposed: -28800000 ms" in zaitu("device", "clock", "trk-1")
    zaitu("device", "clock", "trk-1", "--apply")
    wait_until(lambda: company.value("select count(*) from position") == 5, "the facts to come back")
    times = company.rows("select device_time from position order by 1")
    assert times == [(start + timedelta(seconds=number - 5),) for number in range(5)]

    shown = zaitu("device", "show", "trk-1")
    assert "gps: numbers 0-4, 0 missing" in shown
    assert "corrected by -28800000 ms (whole_hours)" in shown
    assert "set apart" not in shown
    assert "the correction ends now" in zaitu("device", "clock", "trk-1", "--clear")
    assert "not corrected" in zaitu("device", "clock", "trk-1", "--clear")


BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=20)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WRONG_CLOCKS: dict[str, Callable[[datetime], datetime]] = {
    "unset": lambda at: EPOCH + (at - BEGAN),
    "ahead": lambda at: at + timedelta(days=40, minutes=11),
    "whole_hours": lambda at: at + timedelta(hours=8),
    "drifting": lambda at: at + timedelta(minutes=10) + (at - BEGAN) * 1500e-6,
    "behind": lambda at: at - timedelta(days=700, minutes=11),
    "week_rollover": lambda at: at - timedelta(weeks=1024),
}


@pytest.mark.parametrize("trouble", WRONG_CLOCKS)
async def test_each_kind_of_wrong_clock_is_named_and_once_corrected_its_facts_count_when_they_happened(
    trouble: str, database_url: str, company: Company, zaitu: Zaitu
) -> None:
    company.device(company.depot(), "trk-1")
    happened = [BEGAN + timedelta(minutes=5 * number) for number in range(236)]
    connection = await open_connection(database_url)
    committer = await Committer.on(connection, Cipher(bytes(32)), lambda: datetime.now(UTC))
    messages = [
        Message(
            "zaitu/v1/trk-1/gps",
            payload(fix(WRONG_CLOCKS[trouble](at), 0, seq=number)),
            at + timedelta(seconds=1 + number % 3),
        )
        for number, at in enumerate(happened)
    ]
    async for _ in committer.commit(messages):
        pass
    await connection.close()
    assert company.value("select count(*) from quarantine") == len(happened)
    assert company.value("select count(*) from position") == 0

    said = await asyncio.to_thread(zaitu, "device", "clock", "trk-1")
    assert f"{trouble}, say" in said
    await asyncio.to_thread(zaitu, "device", "clock", "trk-1", "--apply")
    connection = await open_connection(database_url)
    next_one = await Committer.on(connection, Cipher(bytes(32)), lambda: datetime.now(UTC))
    async for _ in next_one.commit([]):
        pass
    await connection.close()

    off_s = [
        abs((at - true).total_seconds())
        for (at,), true in zip(
            company.rows("select device_time from position order by seq"), happened, strict=True
        )
    ]
    assert max(off_s) < 5.0
    assert company.value("select count(*) from quarantine where processed_at is null") == 0


def test_an_offset_may_be_given_and_nonsense_is_refused(company: Company, zaitu: Zaitu) -> None:
    company.device(company.depot(), "trk-1")

    assert "corrected by -90000 ms (given)" in zaitu("device", "clock", "trk-1", "--offset=-90s")
    assert company.value("select offset_ms from clock_correction where ended_at is null") == -90_000
    zaitu("device", "clock", "trk-1", "--offset", "soon", status=2)
    zaitu("device", "clock", "trk-1", "--apply", "--clear", status=2)
    zaitu("device", "clock", "trk-1", "--apply", status=2)
    assert "There is no device called nobody" in zaitu("device", "show", "nobody", status=1)


def test_rejected_payloads_are_listed_shown_and_tried_again(
    broker: Broker, company: Company, ingest: IngestRunner, zaitu: Zaitu
) -> None:
    ingest.start(broker)
    ingest.wait_subscribed()
    item = payload(fix(datetime.now(UTC), 0, seq=1))
    with publisher(broker) as publish:
        publish("trk-1/gps", item)
    wait_until(lambda: company.value("select count(*) from rejected") == 1, "the rejection")
    number = company.value("select rejected_id from rejected")

    listed = zaitu("rejected", "list")
    assert "unknown_device: 1 (0 usable by now)" in listed
    assert f"{number}  " in listed
    assert zaitu("rejected", "show", str(number)).encode() == item

    company.device(company.depot(), "trk-1")
    assert "1 to be tried again" in zaitu("rejected", "retry", str(number))
    wait_until(lambda: company.value("select count(*) from position") == 1, "the payload to be used")
    assert "unknown_device: 1 (1 usable by now)" in zaitu("rejected", "list")
    zaitu("rejected", "retry", status=2)
    assert "There is no rejected payload" in zaitu("rejected", "show", "999", status=1)


def test_a_device_nobody_registered_waits_and_what_it_sent_is_worked_in_once_it_is_approved(
    broker: Broker, company: Company, ingest: IngestRunner, zaitu: Zaitu
) -> None:
    depot = company.depot()
    code = str(company.value("select code from depot where depot_id = %s", depot))
    ingest.start(broker, ZAITU_ENROLL="open")
    ingest.wait_subscribed()
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    # More than is kept of what is otherwise rejected.
    many = payload([fix(start + timedelta(seconds=number), number, seq=number) for number in range(1000)])
    assert len(many) > KEPT_PAYLOAD_BYTES
    with publisher(broker) as publish:
        publish("trk-9/gps", many)
        publish("scn-9/scan", payload(scan(start, "PKG-9", "load")))
        publish("not a name!/gps", many)
    wait_until(lambda: company.value("select count(*) from rejected") == 3, "the rejections")

    assert company.rows("select reason from rejected where topic like '%%-9/%%'") == [("pending_device",)] * 2
    listed = zaitu("device", "pending")
    assert "trk-9  gps  first heard" in listed
    assert "2 waiting" in listed
    zaitu("device", "approve", "trk-9", "--depot", "NOWHERE", status=1)
    zaitu("device", "approve", "nobody", "--depot", code, status=1)
    assert f"trk-9 is a tracker of {code}; 1 payloads" in zaitu("device", "approve", "trk-9", "--depot", code)
    assert f"scn-9 is a scanner of {code}; 1 payloads" in zaitu("device", "approve", "scn-9", "--depot", code)
    wait_until(lambda: company.value("select count(*) from position") == 1000, "the fixes to be worked in")
    wait_until(lambda: company.value("select count(*) from scan") == 1, "the scan to be worked in")
    assert "0 waiting" in zaitu("device", "pending")
    assert company.rows("select action from audit order by audit_id") == [("approve",)] * 2
    with publisher(broker) as publish:
        publish("trk-9/gps", payload(fix(start + timedelta(seconds=1000), 1000, seq=1000)))
    wait_until(lambda: company.value("select count(*) from position") == 1001, "the next fix")


async def test_a_waiting_device_is_let_in_over_http_and_what_it_sent_is_worked_in(database_url: str) -> None:
    async with running_api(database_url) as world:
        depot = await world.depot()
        sent_at = world.clock()
        messages = [
            Message(f"zaitu/v1/{topic}", payload(content), sent_at)
            for topic, content in (
                ("trk-8/gps", [fix(sent_at - timedelta(seconds=9 - number), 0) for number in range(9)]),
                ("scn-8/scan", scan(sent_at, "PKG-8", "load")),
                ("trk-9/gps", fix(sent_at, 0)),
            )
        ]
        await commit(database_url, world, messages)
        first = await world.get("/v1/devices/pending", limit=2)
        assert [(one["name"], one["kinds"], one["payloads"]) for one in first["items"]] == [
            ("scn-8", ["scan"], 1),
            ("trk-8", ["gps"], 1),
        ]
        second = await world.get("/v1/devices/pending", after=first["next"])
        assert [one["name"] for one in second["items"]] == ["trk-9"]

        path = "/v1/devices/pending/{}/approval"
        scanner = await world.post(path.format("scn-8"), {"depot_id": depot})
        assert (scanner["kind"], scanner["depot_id"], scanner["payloads"]) == ("scanner", depot, 1)
        approval = {"depot_id": depot, "datum": "gcj02", "expected_interval_s": 10}
        tracker = await world.post(path.format("trk-8"), approval)
        assert (tracker["kind"], tracker["datum"], tracker["expected_interval_s"]) == ("tracker", "gcj02", 10)
        assert tracker["token"] != scanner["token"]
        assert (await world.get(f"/v1/devices/{tracker['id']}"))["name"] == "trk-8"
        await world.post(path.format("trk-8"), approval, expect=404)
        await world.post(path.format("not a name"), approval, expect=422)

        # One that was added by hand waits no more.
        await world.post("/v1/devices", {"depot_id": depot, "name": "trk-9"})
        assert (await world.get("/v1/devices/pending"))["items"] == []
        await world.post(path.format("trk-9"), {"depot_id": depot}, expect=409)

        await commit(database_url, world, [])
        async with world.work() as work:
            fetch = work.connection.fetchval
            assert await fetch("select count(*) from position") == 9
            assert await fetch("select count(*) from scan") == 1
            assert await fetch("select count(*) from audit where action = 'approve'") == 2


async def commit(database_url: str, world: ApiWorld, messages: list[Message]) -> None:
    """Take these in where devices nobody registered may wait."""
    connection = await open_connection(database_url)
    committer = await Committer.on(connection, Cipher(bytes(32)), lambda: world.clock(), enrols=True)
    async for _ in committer.commit(messages):
        pass
    await connection.close()


async def test_the_api_says_how_a_device_does_and_what_was_rejected(database_url: str) -> None:
    async with running_api(database_url) as world:
        device = await registered(world)
        connection = await open_connection(database_url)
        committer = await Committer.on(connection, Cipher(bytes(32)), lambda: world.clock())
        at = world.clock() - timedelta(minutes=1)
        contents = [fix(at, 0, seq=1), fix(at + timedelta(seconds=9), 0, seq=5), {**fix(at, 0), "lat": 91}]
        future = [fix(at + timedelta(hours=8, seconds=number), 0) for number in range(3)]
        messages = [
            Message("zaitu/v1/trk-1/gps", payload(content), world.clock()) for content in (contents, future)
        ]
        async for _ in committer.commit(messages):
            pass
        await connection.close()

        health = await world.get(f"/v1/devices/{device}/health")
        rejected = await world.get("/v1/rejected", reason="out_of_range", device="trk-1", limit=1)
        reasons = await world.get("/v1/rejected-reasons")

    assert health["topics"][0]["missing"] == [{"from_seq": 2, "to_seq": 4}]
    assert health["topics"][0]["missing_count"] == 3
    assert health["clock"]["quarantined"] == {"clock_future": 3}
    assert health["last_fix_at"].startswith((at + timedelta(seconds=9)).strftime("%Y-%m-%dT%H:%M:%S"))
    assert rejected["items"][0]["item"] == 2
    assert rejected["next"] == str(rejected["items"][0]["id"])
    assert reasons["items"][0]["reason"] == "out_of_range"


async def registered(world: ApiWorld) -> str:
    depot = await world.depot()
    return str((await world.post("/v1/devices", {"depot_id": depot, "name": "trk-1"}))["id"])


def test_a_device_that_is_added_gets_a_password_and_a_certificate(
    tmp_path: Path, company: Company, zaitu: Zaitu, broker_directory: Path
) -> None:
    depot = company.depot()
    code = str(company.value("select code from depot where depot_id = %s", depot))
    folder = tmp_path / "certificates"
    try:
        assert "MQTT user trk-77, password " in zaitu("device", "add", "trk-77", "--depot", code)
        assert company.value("select kind from device where name = 'trk-77'") == "tracker"
        zaitu("device", "certificate", "trk-77", "--folder", str(folder))
        assert {path.name for path in folder.iterdir()} == {"trk-77.crt", "trk-77.key", "ca.crt"}
        assert (folder / "trk-77.key").stat().st_mode & 0o077 == 0
        zaitu("device", "add", "zaitu-ingest", "--depot", code, status=1)
    finally:
        Broker((broker_directory / "mosquitto").resolve()).kill()
        shutil.rmtree(broker_directory.resolve())


@pytest.fixture
def broker_directory(tmp_path: Path) -> Path:
    """Where the command line keeps its broker."""
    return tmp_path / "stack"
