"""Ingest as a process against a real broker: commit, then acknowledge, whatever is killed in between."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from company import Company, circle, fix, payload
from ingest_process import LOCKED, WAIT_S, IngestRunner, publisher, wait_until

from runtime.stack.mosquitto import Broker


def trucks(company: Company, count: int) -> None:
    depot = company.depot()
    since = datetime.now(UTC) - timedelta(days=1)
    for place in range(3):
        company.fence(depot, f"yard {place}", circle(1_000.0 * place, 200), since)
    for number in range(count):
        company.assign(company.device(depot, f"trk-{number}"), company.vehicle(depot, f"V{number}"), since)


def tracks(count: int, fixes: int) -> list[tuple[str, bytes]]:
    """Trucks driving up the road over the last hours, their messages interleaved."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=10 * fixes)
    return [
        (f"trk-{number}/gps", payload(fix(start + timedelta(seconds=10 * step), 120.0 * step, seq=step)))
        for step in range(fixes)
        for number in range(count)
    ]


def stored(company: Company) -> int:
    return int(company.value("select count(*) from position"))


def test_what_is_published_is_stored_and_the_queue_at_the_broker_is_empty_after(
    broker: Broker, company: Company, ingest: IngestRunner
) -> None:
    trucks(company, 3)
    first = ingest.start(broker)
    ingest.wait_subscribed()
    with publisher(broker) as publish:
        for topic, body in tracks(3, 40):
            publish(topic, body)
        publish("trk-0/gps", b"not json")
    wait_until(lambda: stored(company) == 120, "120 fixes")
    wait_until(lambda: company.value("select count(*) from rejected") == 1, "the rejection")
    first.send_signal(signal.SIGTERM)
    assert first.wait(WAIT_S) == 0
    ingest.running.remove(first)
    said = (ingest.folder / "ingest.log").read_text()
    assert "broker_left" in said
    assert "warning" not in said

    ingest.start(broker)
    with publisher(broker) as publish:
        publish("trk-0/gps", payload(fix(datetime.now(UTC), 0)))
    wait_until(lambda: stored(company) == 121, "the fix sent last")

    assert company.rows("select reason, times from rejected") == [("bad_json", 1)]


POSITIONS = "select device_id, device_time, content_hash, lat, lon from position order by 1, 2, 3"


def test_killing_ingest_in_mid_stream_changes_nothing_about_the_result(
    broker: Broker,
    company: Company,
    ingest: IngestRunner,
    another_database: Callable[[], AbstractContextManager[str]],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    trucks(company, 5)
    messages = tracks(5, 300)
    process = ingest.start(broker, ZAITU_BATCH_MESSAGES="50")
    ingest.wait_subscribed()
    with publisher(broker) as publish:
        for place, (topic, body) in enumerate(messages):
            publish(topic, body)
            if place in (400, 800, 1200):
                wait_until(lambda: stored(company) > 0, "a first commit")
                ingest.kill(process)
                process = ingest.start(broker, ZAITU_BATCH_MESSAGES="50")
    wait_until(lambda: stored(company) == len(messages), f"all {len(messages)} fixes")

    with another_database() as url, psycopg.connect(url, autocommit=True) as connection:
        undisturbed = Company(connection)
        trucks(undisturbed, 5)
        (tmp_path / "calm").mkdir()
        calm = IngestRunner(url, tmp_path / "calm")
        request.addfinalizer(calm.close)
        calm.start(broker, ZAITU_MQTT_CLIENT_ID="calm")
        calm.wait_subscribed()
        with publisher(broker) as publish:
            for topic, body in messages:
                publish(topic, body)
        wait_until(lambda: stored(undisturbed) == len(messages), "the undisturbed run")
        calm.close()
        assert company.rows(POSITIONS) == undisturbed.rows(POSITIONS)
        assert company.canonical() == undisturbed.canonical()
    assert len(company.canonical()["crossings"]) == 5 * 6


def test_a_broker_restored_from_an_older_snapshot_loses_no_uncommitted_message(
    broker: Broker, company: Company, ingest: IngestRunner, tmp_path: Path
) -> None:
    """The stale acknowledgement: after the restore the broker gives used packet ids to other messages."""
    trucks(company, 1)
    first = ingest.start(broker)
    ingest.wait_subscribed()
    with publisher(broker) as publish:
        publish("trk-0/gps", payload(fix(datetime.now(UTC), 0)))
    wait_until(lambda: stored(company) == 1, "the first commit")
    snapshot = tmp_path / "snapshot.db"
    broker.snapshot(snapshot)

    # Hold the commit back while messages lie, unacknowledged, in ingest's hands.
    start = datetime.now(UTC)
    with psycopg.connect(ingest.database_url) as blocker:
        blocker.execute("lock table position in access exclusive mode")
        with publisher(broker) as publish:
            for step in range(20):
                publish("trk-0/gps", payload(fix(start + timedelta(seconds=step), 10.0 * step)))
        wait_until(lambda: company.value(LOCKED) >= 1, "ingest to wait in its commit")
        broker.kill()
        broker.restore(snapshot)
        broker.ensure_running()
        with publisher(broker) as publish:
            for step in range(20):
                publish("trk-0/gps", payload(fix(start + timedelta(seconds=100 + step), 10.0 * step)))
        blocker.rollback()

    wait_until(lambda: stored(company) == 41, "the messages before and after the restore")
    assert first.poll() is None


def test_a_lost_database_connection_is_taken_up_again_without_loss(
    broker: Broker, company: Company, ingest: IngestRunner
) -> None:
    trucks(company, 2)
    process = ingest.start(broker)
    ingest.wait_subscribed()
    cut = (
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and usename = current_user and pid <> pg_backend_pid()"
    )
    messages = tracks(2, 100)
    with publisher(broker) as publish:
        for place, (topic, body) in enumerate(messages):
            publish(topic, body)
            if place % 60 == 59:
                company.rows(cut)
    wait_until(lambda: stored(company) == len(messages), "all fixes")
    assert process.poll() is None


def test_a_device_may_send_over_http_and_200_means_committed(
    broker: Broker, company: Company, ingest: IngestRunner
) -> None:
    depot = company.depot()
    company.device(depot, "trk-1", token_hash=sha256(b"secret").digest())
    ingest.start(broker)
    ingest.wait_subscribed()
    url = f"{ingest.http_address()}/v1/devices/trk-1/gps"
    now = datetime.now(UTC)
    own = {"Authorization": "Bearer secret"}

    with httpx.Client(headers=own, timeout=WAIT_S) as client:
        answer = client.post(url, content=payload([fix(now, 0), {**fix(now, 0), "lat": 91}]))
        again = client.post(url, content=payload(fix(now, 0)))
        stranger = client.post(url, headers={"Authorization": "Bearer other"}, content=b"{}")
        large = client.post(url, content=b" " * 300_000)
        elsewhere = [client.get(url), client.post(f"{ingest.http_address()}/gps", content=b"{}")]

    assert (answer.status_code, answer.json()["stored"], answer.json()["rejected"]) == (200, 1, 1)
    assert answer.json()["rejections"][0]["index"] == 1
    assert again.json()["duplicates"] == 1
    assert (stranger.status_code, large.status_code) == (401, 413)
    assert [one.status_code for one in elsewhere] == [405, 404]
    for refusal in (stranger, large, *elsewhere):
        assert refusal.headers["content-type"] == "application/problem+json"
    assert stored(company) == 1
    assert company.value("select count(*) from rejected where reason = 'too_large'") == 1


def test_a_broker_that_is_away_is_named_without_the_password(
    broker: Broker, company: Company, ingest: IngestRunner
) -> None:
    url = urlsplit(broker.url)
    broker.stop()
    ingest.start(broker)
    ingest.wait_logged("broker_unreachable")

    said = (ingest.folder / "ingest.log").read_text()
    assert f"mqtt://{url.username}@{url.hostname}:{url.port}" in said
    assert str(url.password) not in said


def test_a_refused_login_ends_the_process_with_a_sentence(
    broker: Broker, company: Company, ingest: IngestRunner, tmp_path: Path
) -> None:
    address = urlsplit(broker.url)
    wrong = f"mqtt://{address.username}:wrong@{address.hostname}:{address.port}"
    process = ingest.start(broker, MQTT_URL=wrong, ZAITU_LOG_FORMAT="json")

    assert process.wait(WAIT_S) == 1
    ingest.running.remove(process)
    events = [json.loads(line) for line in (tmp_path / "ingest.log").read_text().splitlines()]
    reasons = [event["reason"] for event in events if event["event"] == "ingest_stopped"]
    assert len(reasons) == 1
    assert "Check the user and password" in reasons[0]
