"""Measure what a broker does with a client that does not acknowledge: its inflight window and its queue."""

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

VERSION_TOPIC = "$SYS/broker/version"
PROBE_TOPIC = "zaitu/doctor/{nonce}"
# More than the default queue of Mosquitto, so that a broker left at it is seen to drop.
BEYOND_WINDOW = 1200
CONNECT_TIMEOUT_S = 10.0
PUBLISH_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 30.0


Receive = Callable[[mqtt.Client, mqtt.MQTTMessage], None]


class ProbeError(Exception):
    """The broker could not be asked; the message says why."""


@dataclass(frozen=True)
class WindowReading:
    """What a probe client saw of `sent` messages on one topic.

    `held` arrived before it acknowledged any, `released` more after it acknowledged one, `total` when it had
    acknowledged all.
    """

    sent: int
    held: int
    released: int
    total: int


def read_version(url: str) -> str | None:
    """Return what the broker says its version is, or nothing when it does not say."""
    arrived: list[str] = []
    with _connected(
        url, "version", lambda _client, message: arrived.append(message.payload.decode())
    ) as client:
        client.subscribe(VERSION_TOPIC)
        _wait(lambda: bool(arrived), CONNECT_TIMEOUT_S)
    return arrived[0] if arrived else None


def read_window(url: str, expected: int) -> WindowReading:
    """Send more than the expected window to a client that does not acknowledge, and count what it gets."""
    topic = PROBE_TOPIC.format(nonce=secrets.token_hex(8))
    sent = expected + BEYOND_WINDOW
    unacknowledged: list[mqtt.MQTTMessage] = []
    acknowledging = threading.Event()

    def receive(client: mqtt.Client, message: mqtt.MQTTMessage) -> None:
        unacknowledged.append(message)
        if acknowledging.is_set():
            client.ack(message.mid, message.qos)

    with _connected(url, "window", receive) as client:
        _subscribe(client, topic)
        _publish(url, topic, sent)
        held = _count_settled(client, topic, unacknowledged)
        if held == 0:
            raise ProbeError("nothing arrives on zaitu/doctor/#: allow ingest's user to read and write there")
        client.ack(unacknowledged[0].mid, 1)
        released = _count_settled(client, topic, unacknowledged) - held
        acknowledging.set()
        for message in unacknowledged[1 : held + released]:
            client.ack(message.mid, 1)
        total = _count_settled(client, topic, unacknowledged)
    return WindowReading(sent, held, released, total)


def _count_settled(client: mqtt.Client, topic: str, messages: list[mqtt.MQTTMessage]) -> int:
    """How many messages have come once the broker sends no more of them.

    The answer to a subscription comes after everything the broker sent before it. When nothing came between
    two answers, the acknowledgements sent before the second brought nothing either.
    """
    before = -1
    while len(messages) != before:
        before = len(messages)
        _subscribe(client, f"{topic}/mark")
    return before


def _subscribe(client: mqtt.Client, topic: str) -> None:
    """Subscribe with QoS 1 and wait for the broker's answer."""
    answered = threading.Event()
    client.on_subscribe = lambda *_details: answered.set()
    client.subscribe(topic, qos=1)
    if not answered.wait(ANSWER_TIMEOUT_S):
        raise ProbeError("it does not answer a subscription")


def _publish(url: str, topic: str, count: int) -> None:
    with _connected(url, "sender", lambda _client, _message: None) as client:
        last = [client.publish(topic, b"", qos=1) for _ in range(count)][-1]
        try:
            last.wait_for_publish(PUBLISH_TIMEOUT_S)
        except RuntimeError as exc:
            raise ProbeError("it ended the connection while messages were sent to it") from exc
        if not last.is_published():
            raise ProbeError(f"it did not take {count} messages within {PUBLISH_TIMEOUT_S:g} s")


@contextlib.contextmanager
def _connected(url: str, role: str, receive: Receive) -> Iterator[mqtt.Client]:
    parts = urlsplit(url)
    answers: list[ReasonCode] = []
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, f"zaitu-doctor-{role}-{secrets.token_hex(4)}", manual_ack=True
    )
    client.max_inflight_messages_set(1000)
    client.username_pw_set(unquote(parts.username or ""), unquote(parts.password or ""))
    if parts.scheme == "mqtts":
        client.tls_set()
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.append(reason)
    client.on_message = lambda which, _data, message: receive(which, message)
    try:
        client.connect(parts.hostname or "", parts.port or (8883 if parts.scheme == "mqtts" else 1883))
    except OSError as exc:
        raise ProbeError(f"it does not answer ({exc.strerror or exc})") from exc
    client.loop_start()
    try:
        if not _wait(lambda: bool(answers), CONNECT_TIMEOUT_S):
            raise ProbeError("it accepts connections and does not answer them")
        if answers[0].is_failure:
            raise ProbeError(f"it does not let ingest's user in ({answers[0]})")
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def _wait(condition: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()
