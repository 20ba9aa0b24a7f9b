"""Who the embedded broker lets in and what they may say, by the checked-in rules."""

import queue
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from runtime.stack.mosquitto import Broker

Connect = Callable[[str, str], "Client"]
WAIT_S = 60


class Client:
    """A connected MQTT client whose arrivals can be waited for."""

    def __init__(self, url: str, client_id: str, *, clean_session: bool = True) -> None:
        parts = urlsplit(url)
        self.answers: queue.Queue[bool] = queue.Queue()
        self.cut_off: queue.Queue[bool] = queue.Queue()
        self.arrived: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.subscribed: queue.Queue[bool] = queue.Queue()
        self.mqtt = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=clean_session)
        self.mqtt.username_pw_set(parts.username, parts.password)
        self.mqtt.on_connect = lambda *details: self.answers.put(not details[3].is_failure)
        self.mqtt.on_disconnect = lambda *_: self.cut_off.put(True)
        self.mqtt.on_message = lambda *details: self.arrived.put((details[2].topic, details[2].payload))
        self.mqtt.on_subscribe = lambda *_: self.subscribed.put(True)
        self.mqtt.connect(parts.hostname or "", parts.port or 0)
        self.mqtt.loop_start()
        self.let_in = self.answers.get(timeout=WAIT_S)

    def hear(self, topic: str) -> None:
        self.mqtt.subscribe(topic, qos=1)
        self.subscribed.get(timeout=WAIT_S)

    def say(self, topic: str, payload: bytes = b"{}") -> None:
        self.mqtt.publish(topic, payload, qos=1).wait_for_publish(WAIT_S)

    def close(self) -> None:
        self.mqtt.disconnect()
        self.mqtt.loop_stop()


@pytest.fixture
def connect() -> Iterator[Connect]:
    opened: list[Client] = []

    def make(url: str, client_id: str) -> Client:
        opened.append(Client(url, client_id))
        return opened[-1]

    yield make
    for client in opened:
        client.close()


def device_url(broker: Broker, device: str) -> str:
    broker.add_user(device, f"{device}-password")
    return broker.url_of(device)


def test_strangers_and_wrong_passwords_are_kept_out(broker: Broker, connect: Connect) -> None:
    port = broker.port

    assert not connect(f"mqtt://127.0.0.1:{port}", "nobody").let_in
    assert not connect(f"mqtt://zaitu-ingest:guess@127.0.0.1:{port}", "guesser").let_in
    assert connect(broker.url, "ingest").let_in


def test_a_device_speaks_only_under_its_own_name(broker: Broker, connect: Connect) -> None:
    ingest = connect(broker.url, "ingest")
    ingest.hear("zaitu/v1/+/gps")
    ingest.hear("zaitu/v1/+/cmd")
    device = connect(device_url(broker, "truck-1"), "truck-1")

    for forbidden in ("zaitu/v1/truck-2/gps", "zaitu/v1/truck-1/cmd"):
        device.say(forbidden, b"forged")
        assert device.cut_off.get(timeout=WAIT_S)
        assert device.answers.get(timeout=WAIT_S), "paho connects again by itself"
    device.say("zaitu/v1/truck-1/gps", b"own")

    # The broker passes messages on in order: had a forged one been let through, it would be first.
    assert ingest.arrived.get(timeout=WAIT_S) == ("zaitu/v1/truck-1/gps", b"own")


def test_a_device_hears_only_its_own_commands(broker: Broker, connect: Connect) -> None:
    device = connect(device_url(broker, "truck-1"), "truck-1")
    device.hear("zaitu/v1/#")
    ingest = connect(broker.url, "ingest")

    ingest.say("zaitu/v1/truck-2/cmd", b"for another")
    ingest.say("zaitu/v1/truck-1/cmd", b"for it")

    assert device.arrived.get(timeout=WAIT_S) == ("zaitu/v1/truck-1/cmd", b"for it")


def test_the_simulator_speaks_for_any_device_and_commands_none(broker: Broker, connect: Connect) -> None:
    ingest = connect(broker.url, "ingest")
    ingest.hear("zaitu/v1/+/+")
    simulator = connect(broker.simulator_url, "simulator")

    simulator.say("zaitu/v1/truck-1/cmd", b"forged")
    assert simulator.cut_off.get(timeout=WAIT_S)
    assert simulator.answers.get(timeout=WAIT_S)
    simulator.say("zaitu/v1/truck-1/scan", b"a scan")

    assert ingest.arrived.get(timeout=WAIT_S) == ("zaitu/v1/truck-1/scan", b"a scan")


def test_a_payload_of_a_megabyte_gets_through(broker: Broker, connect: Connect) -> None:
    ingest = connect(broker.url, "ingest")
    ingest.hear("zaitu/v1/+/gps")
    payload = b"x" * 1_000_000

    connect(broker.simulator_url, "simulator").say("zaitu/v1/truck-1/gps", payload)

    assert ingest.arrived.get(timeout=WAIT_S) == ("zaitu/v1/truck-1/gps", payload)


def test_what_came_while_ingest_was_away_outlives_a_restart_and_a_snapshot(
    broker: Broker, connect: Connect, tmp_path_factory: pytest.TempPathFactory
) -> None:
    snapshot = tmp_path_factory.mktemp("snapshot") / "mosquitto.db"
    absent = Client(broker.url, "ingest", clean_session=False)
    absent.hear("zaitu/v1/+/gps")
    absent.close()
    connect(broker.simulator_url, "simulator").say("zaitu/v1/truck-1/gps", b"first")
    broker.snapshot(snapshot)
    broker.restart()

    def queued() -> tuple[str, bytes]:
        back = Client(broker.url, "ingest", clean_session=False)
        try:
            return back.arrived.get(timeout=WAIT_S)
        finally:
            back.close()

    assert queued() == ("zaitu/v1/truck-1/gps", b"first")
    broker.kill()
    broker.restore(snapshot)
    broker.ensure_running()
    assert queued() == ("zaitu/v1/truck-1/gps", b"first")
