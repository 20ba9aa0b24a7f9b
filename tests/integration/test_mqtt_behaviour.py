"""What devices and ingest rely on of MQTT itself: will, retained, sessions, redelivery, the window."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import psycopg
import pytest
from company import Company, fix, payload
from ingest_process import LOCKED, WAIT_S, IngestRunner, publisher, wait_until
from paho.mqtt.enums import CallbackAPIVersion

from runtime.stack.mosquitto import Broker

WINDOW = 65_534
MANY_WITHIN_S = 180.0
"""For as many messages as a window holds, through a client in Python."""


def client(broker: Broker, client_id: str, url: str | None = None, **options: Any) -> mqtt.Client:
    """A client with a login, not connected yet."""
    address = urlsplit(url or broker.simulator_url)
    made = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv311, **options)
    made.username_pw_set(address.username, address.password)
    return made


def connected(made: mqtt.Client, broker: Broker) -> mqtt.Client:
    address = urlsplit(broker.url)
    answers: list[bool] = []
    made.on_connect = lambda *details: answers.append(not details[3].is_failure)
    made.connect(address.hostname or "", address.port or 0, keepalive=60)
    made.loop_start()
    wait_until(lambda: answers, "the broker's answer")
    assert answers[0]
    return made


def device(company: Company, name: str = "trk-1") -> int:
    made = company.device(company.depot(), name)
    vehicle = company.vehicle(company.depot(), f"vehicle of {name}")
    company.assign(made, vehicle, datetime.now(UTC) - timedelta(days=1))
    return made


def stored(company: Company) -> int:
    return int(company.value("select count(*) from position"))


def test_the_will_of_a_device_that_is_cut_off_becomes_its_status(
    broker: Broker, company: Company, ingest: IngestRunner
) -> None:
    device(company)
    ingest.start(broker)
    ingest.wait_subscribed()
    tracker = client(broker, "trk-1")
    status = {"ts": int(datetime.now(UTC).timestamp() * 1000), "state": "offline"}
    tracker.will_set("zaitu/v1/trk-1/status", json.dumps(status), qos=1, retain=False)
    connected(tracker, broker)

    tracker.loop_stop()
    held = tracker.socket()
    assert isinstance(held, socket.socket)
    held.shutdown(socket.SHUT_RDWR)

    wait_until(lambda: company.value("select count(*) from reading") == 1, "the will")
    assert company.rows("select kind, body ->> 'state' from reading") == [("status", "offline")]


def test_a_retained_fix_counts_once_however_often_ingest_subscribes(
    broker: Broker, company: Company, ingest: IngestRunner
) -> None:
    device(company)
    now = datetime.now(UTC)
    tracker = connected(client(broker, "trk-1"), broker)
    tracker.publish("zaitu/v1/trk-1/gps", payload(fix(now, 0)), qos=1, retain=True).wait_for_publish(WAIT_S)
    ingest.start(broker)
    wait_until(lambda: stored(company) == 1, "the retained fix")
    ingest.kill(ingest.running[0])
    ingest.start(broker)
    tracker.publish("zaitu/v1/trk-1/gps", payload(fix(now, 10)), qos=1).wait_for_publish(WAIT_S)
    wait_until(lambda: stored(company) == 2, "the fix after the restart")
    tracker.disconnect()
    tracker.loop_stop()

    assert company.value("select count(*) from rejected") == 0


def test_a_device_that_resumes_its_session_gets_what_it_was_told_while_away(
    broker: Broker, company: Company, ingest: IngestRunner
) -> None:
    device(company)
    ingest.start(broker)
    ingest.wait_subscribed()
    told: list[dict[str, Any]] = []
    subscribed: list[bool] = []
    tracker = client(broker, "trk-1", clean_session=False)
    tracker.on_subscribe = lambda *_: subscribed.append(True)
    connected(tracker, broker)
    tracker.subscribe("zaitu/v1/trk-1/cmd", qos=1)
    wait_until(lambda: subscribed, "the subscription")
    tracker.disconnect()
    tracker.loop_stop()
    with publisher(broker) as publish:
        publish("trk-1/gps", payload(fix(datetime.now(UTC), 0, seq=3)))
    wait_until(lambda: stored(company) == 1, "the commit")

    back = client(broker, "trk-1", clean_session=False)
    back.on_message = lambda *details: told.append(json.loads(details[2].payload))
    connected(back, broker)
    wait_until(lambda: told, "the receipt sent meanwhile")
    back.disconnect()
    back.loop_stop()

    assert told == [{"type": "receipt", "topic": "gps", "from_seq": 3, "seq": 3}]


def test_ingest_resumes_its_session_and_what_is_redelivered_with_dup_is_stored_once(
    broker: Broker, company: Company, ingest: IngestRunner
) -> None:
    """Killed between the broker's delivery and the commit."""
    device(company)
    first = ingest.start(broker)
    ingest.wait_subscribed()
    start = datetime.now(UTC)
    with psycopg.connect(ingest.database_url) as blocker:
        blocker.execute("lock table position in access exclusive mode")
        with publisher(broker) as publish:
            publish("nobody/gps", b"{}")
            for step in range(30):
                publish("trk-1/gps", payload(fix(start + timedelta(seconds=step), 10.0 * step, seq=step)))
        wait_until(lambda: company.value(LOCKED) >= 1, "ingest to wait in its commit")
        ingest.kill(first)
        blocker.rollback()

    ingest.start(broker)
    wait_until(lambda: stored(company) == 30, "what was redelivered")

    log = (ingest.folder / "ingest.log").read_text()
    assert "session_present=True" in log
    rejections = company.rows("select times from rejected")
    assert rejections == [(1,)], "a redelivery is not counted as another arrival"
    assert company.rows("select missing::text from numbering") == [("{}",)]


def receiver(broker: Broker, arrived: list[tuple[int, bool, bytes]]) -> mqtt.Client:
    """A subscriber like ingest that acknowledges nothing."""
    made = client(broker, "holder", url=broker.url, clean_session=False, manual_ack=True)
    made.on_message = lambda _client, _data, message: arrived.append(
        (message.mid, message.dup, bytes(message.payload))
    )
    return made


@pytest.mark.lasts(20)
@pytest.mark.timeout(600)
def test_65534_messages_may_be_in_flight_each_with_a_number_of_its_own(
    broker_factory: Callable[..., Broker],
) -> None:
    broker = broker_factory({"max_inflight_messages": str(WINDOW)})
    arrived: list[tuple[int, bool, bytes]] = []
    subscribed: list[bool] = []
    holder = receiver(broker, arrived)
    holder.on_subscribe = lambda *_: subscribed.append(True)
    connected(holder, broker)
    holder.subscribe("zaitu/v1/+/gps", qos=1)
    wait_until(lambda: subscribed, "the subscription")
    sent = WINDOW + 100
    with publisher(broker) as publish:
        for number in range(sent):
            publish("trk-1/gps", str(number).encode())

    wait_until(lambda: len(arrived) >= WINDOW, "a full window", MANY_WITHIN_S)
    assert len(arrived) == WINDOW
    assert len({mid for mid, _, _ in arrived}) == WINDOW
    assert [int(body) for _, _, body in arrived] == list(range(WINDOW))

    for mid, _, _ in arrived[:50]:
        holder.ack(mid, 1)
    wait_until(lambda: len(arrived) >= WINDOW + 50, "as many more as were acknowledged", MANY_WITHIN_S)
    holder.loop_stop()
    held = holder.socket()
    assert isinstance(held, socket.socket)
    held.close()

    again: list[tuple[int, bool, bytes]] = []
    back = connected(receiver(broker, again), broker)
    wait_until(lambda: len(again) >= WINDOW, "the redelivery", MANY_WITHIN_S)
    back.disconnect()
    back.loop_stop()
    redelivered = again[:WINDOW]
    assert [int(body) for _, _, body in redelivered] == list(range(50, WINDOW + 50))
    assert all(dup for _, dup, _ in redelivered)
