"""What the simulators count as sent is what a subscriber of a real broker receives."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
import typer
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from runtime.stack.mosquitto import Broker
from simulators.clock import SystemClock
from simulators.errors import SimulatorError
from simulators.outbox import BrokerAddress, Connections, Outbox
from simulators.replay import AS_FAST_AS_POSSIBLE, Parcel, rebase, replay, send
from simulators.traces import Row, Trace

WAIT_S = 60.0


class Listener:
    """A subscriber that keeps every payload it receives."""

    def __init__(self, url: str) -> None:
        address = BrokerAddress.parse(url)
        self.received: list[tuple[str, bytes]] = []
        self._ready = threading.Event()
        self._news = threading.Condition()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="listener", protocol=mqtt.MQTTv311)
        self._client.username_pw_set(address.user, address.password)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._on_message
        self._client.connect(address.host, address.port)
        self._client.subscribe("zaitu/v1/+/gps", qos=1)
        self._client.loop_start()
        assert self._ready.wait(WAIT_S)

    def _on_message(self, client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
        with self._news:
            self.received.append((message.topic, bytes(message.payload)))
            self._news.notify_all()

    def wait_for(self, count: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: len(self.received) >= count, timeout=WAIT_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def listener(broker: Broker) -> Iterator[Listener]:
    listener = Listener(broker.url)
    yield listener
    listener.close()


def traces(count: int, rows: int) -> list[Trace]:
    return [
        Trace(f"bus-{number}", f"{number}.csv", [Row(float(second), 40.6, -74.0) for second in range(rows)])
        for number in range(count)
    ]


@pytest.mark.parametrize(("batch", "connections"), [(1, Connections.SHARED), (7, Connections.PER_DEVICE)])
def test_a_replay_sends_every_row_once(
    broker: Broker, listener: Listener, batch: int, connections: Connections
) -> None:
    clock = SystemClock(threading.Event())
    # More messages than may be in flight, so that sending has to wait for confirmations.
    rebased = rebase(traces(3, 700), clock.now(), AS_FAST_AS_POSSIBLE)
    with Outbox[Parcel](broker.simulator_url, "replay", connections, clock) as outbox:
        sent = send(rebased, outbox, clock, AS_FAST_AS_POSSIBLE, batch)
    listener.wait_for(sent.messages)

    items = Counter[tuple[str, int]]()
    for topic, payload in listener.received:
        content = json.loads(payload)
        items.update((topic, item["seq"]) for item in (content if isinstance(content, list) else [content]))
    assert items == {(f"zaitu/v1/bus-{number}/gps", row): 1 for number in range(3) for row in range(700)}
    assert sent.rows == {"bus-0": 700, "bus-1": 700, "bus-2": 700}
    assert (sent.messages, sent.unconfirmed, sent.complete) == (len(listener.received), 0, True)


def test_a_stopped_replay_says_how_far_it_came(broker: Broker, listener: Listener) -> None:
    stop = threading.Event()
    clock = SystemClock(stop)
    rebased = rebase(traces(1, 3600), clock.now(), 60.0)

    def stop_after_two(rows: int) -> None:
        if len(listener.received) >= 2:
            stop.set()

    with Outbox[Parcel](broker.simulator_url, "replay", Connections.SHARED, clock) as outbox:
        sent = send(rebased, outbox, clock, 60.0, progress=stop_after_two)

    assert not sent.complete
    assert 2 <= sent.rows["bus-0"] < 3600
    listener.wait_for(sent.messages)
    assert len(listener.received) == sent.messages


def test_the_outbox_goes_on_after_the_broker_restarts(broker: Broker) -> None:
    clock = SystemClock(threading.Event())
    with Outbox[int](broker.simulator_url, "simulator", Connections.SHARED, clock) as outbox:
        outbox.send("bus-0", "zaitu/v1/bus-0/gps", b"{}", 1)
        assert outbox.drain(WAIT_S) == [1]
        broker.stop()
        outbox.send("bus-0", "zaitu/v1/bus-0/gps", b"{}", 2)
        assert outbox.unconfirmed == 1
        broker.ensure_running()
        assert outbox.drain(WAIT_S) == [2]


@pytest.mark.parametrize(
    ("url", "said"),
    [("http://127.0.0.1:1", "mqtt://"), ("mqtt://127.0.0.1:9", "no broker answers"), ("mqtt://", "mqtt://")],
)
def test_a_broker_that_cannot_be_had_is_one_clear_sentence(url: str, said: str) -> None:
    clock = SystemClock(threading.Event())

    with (
        pytest.raises(SimulatorError, match=said),
        Outbox[int](url, "simulator", Connections.SHARED, clock),
    ):
        pass


def test_a_wrong_password_is_one_clear_sentence(broker: Broker) -> None:
    clock = SystemClock(threading.Event())
    url = f"mqtt://zaitu-simulator:wrong@127.0.0.1:{broker.port}"

    with (
        pytest.raises(SimulatorError, match="check user and password"),
        Outbox[int](url, "simulator", Connections.SHARED, clock),
    ):
        pass


def test_the_command_replays_files_and_reports(broker: Broker, listener: Listener, tmp_path: Path) -> None:
    trace, report = tmp_path / "bus 1.csv", tmp_path / "report.json"
    trace.write_text(
        "vid,lat,lon,timestamp\r\nA,40.67,-73.98,2010-12-09 15:48:14\r\nA,,,2010-12-09 15:48:44\r\n"
    )
    app = typer.Typer()
    app.command()(replay)

    result = CliRunner().invoke(
        app,
        f"'{trace}' --mqtt-url {broker.simulator_url} --zone America/New_York --speed max "
        f"--no-register --ends-at 2026-11-20T08:30:00Z --device-prefix b63- --report '{report}'",
    )

    assert result.exit_code == 0, result.output
    listener.wait_for(1)
    assert [(topic, json.loads(payload)["ts"]) for topic, payload in listener.received] == [
        ("zaitu/v1/b63-bus-1/gps", 1795163400000)
    ]
    written = json.loads(report.read_text())
    assert (written["complete"], written["facts"], written["unreadable"]) == (True, 1, {"no position": 1})
    device = written["devices"]["b63-bus-1"]
    assert device["file"] == "bus 1.csv"
    assert device["shift_s"] == 1795163400 - 1291927694
