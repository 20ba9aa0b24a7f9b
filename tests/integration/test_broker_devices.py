"""A device at the broker: with a password or a certificate it is itself, and nobody else."""

from __future__ import annotations

import queue
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from conftest import BrokerFactory
from paho.mqtt.enums import CallbackAPIVersion

from runtime.stack.certificates import Issued, issue_device, make_authority
from runtime.stack.errors import StackError
from runtime.stack.mosquitto import Broker

NOW = datetime.now(UTC)
WAIT_S = 60
Connect = Callable[..., "Client"]


class Client:
    """An MQTT client on TLS, with a password or a certificate."""

    def __init__(
        self,
        port: int,
        authority: Path | None,
        name: str,
        password: str | None = None,
        files: tuple[Path, Path] | None = None,
    ) -> None:
        self.answers: queue.Queue[bool] = queue.Queue()
        self.arrived: queue.Queue[str] = queue.Queue()
        self.granted: queue.Queue[bool] = queue.Queue()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, f"c-{name}-{port}-{password}")
        self.client.reconnect_delay_set(min_delay=1, max_delay=1)
        self.client.on_connect = lambda *details: self.answers.put(not details[3].is_failure)
        self.client.on_disconnect = lambda *_: self.answers.put(False)
        self.client.on_message = lambda *details: self.arrived.put(details[2].topic)
        self.client.on_subscribe = lambda *details: self.granted.put(not details[3][0].is_failure)
        if authority is not None:
            context = ssl.create_default_context(cafile=str(authority))
            if files is not None:
                context.load_cert_chain(*map(str, files))
            self.client.tls_set_context(context)
        if password is not None:
            self.client.username_pw_set(name, password)
        try:
            self.client.connect("127.0.0.1", port)
        except (ssl.SSLError, OSError):
            self.let_in = False
            return
        self.client.loop_start()
        self.let_in = self.answers.get(timeout=WAIT_S)

    def subscribe(self, topic: str) -> None:
        self.client.subscribe(topic, qos=1)
        self.granted.get(timeout=WAIT_S)

    def publish(self, topic: str) -> None:
        self.client.publish(topic, b"{}", qos=1)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def secured(broker_factory: BrokerFactory) -> Broker:
    """A broker that listens with TLS too."""
    broker = broker_factory()
    broker.secure(["127.0.0.1", "localhost"], NOW)
    broker.restart()
    return broker


@pytest.fixture
def connect() -> Iterator[Connect]:
    opened: list[Client] = []

    def make(*arguments: object, **more: object) -> Client:
        opened.append(Client(*arguments, **more))  # type: ignore[arg-type]
        return opened[-1]

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def authority(secured: Broker, tmp_path: Path) -> Path:
    """The authority's certificate where the test may read it."""
    return _kept(tmp_path, "ca", secured.authority_file.read_text())


def _kept(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.pem"
    path.write_text(text)
    return path


def files_of(folder: Path, issued: Issued, name: str) -> tuple[Path, Path]:
    return _kept(folder, f"{name}-cert", issued.certificate), _kept(folder, f"{name}-key", issued.key)


@pytest.fixture(params=["password", "password over TLS", "certificate"])
def device(
    request: pytest.FixtureRequest, secured: Broker, connect: Connect, authority: Path, tmp_path: Path
) -> Client:
    """Device A, let in one of the ways there are."""
    secured.add_user("truck-a", "a long password of truck a")
    password = "a long password of truck a"
    if request.param == "password":
        return soon(lambda: connect(secured.port, None, "truck-a", password))
    if request.param == "password over TLS":
        return soon(lambda: connect(secured.tls_port, authority, "truck-a", password))
    files = files_of(tmp_path, secured.issue_certificate("truck-a", NOW), "truck-a")
    return connect(secured.certificate_port, authority, "truck-a", files=files)


def soon(enter: Callable[[], Client]) -> Client:
    """Enter as a device just added: the broker reads its password file when it gets to it."""
    deadline = time.monotonic() + WAIT_S
    while not (client := enter()).let_in:
        assert time.monotonic() < deadline, "the broker does not know the device"
        client.close()
    return client


def test_device_a_neither_speaks_nor_hears_as_device_b(
    secured: Broker, device: Client, connect: Connect
) -> None:
    assert device.let_in
    ingest = connect(secured.port, None, "zaitu-ingest", password_of(secured))
    for kind in ("gps", "scan", "telemetry", "status", "cmd/ack"):
        ingest.subscribe(f"zaitu/v1/+/{kind}")
    device.subscribe("zaitu/v1/truck-a/cmd")
    for foreign in ("zaitu/v1/truck-b/cmd", "zaitu/v1/+/cmd", "zaitu/v1/truck-b/gps", "#", "$SYS/#"):
        device.subscribe(foreign)
    ingest.publish("zaitu/v1/truck-b/cmd")
    ingest.publish("zaitu/v1/truck-a/cmd")
    # They come in the order they were sent: had it heard the other's, that would be first.
    assert device.arrived.get(timeout=WAIT_S) == "zaitu/v1/truck-a/cmd"

    device.publish("zaitu/v1/truck-a/gps")
    assert ingest.arrived.get(timeout=WAIT_S) == "zaitu/v1/truck-a/gps"
    simulator = connect(secured.port, None, "zaitu-simulator", simulator_password(secured))
    for foreign in ("zaitu/v1/truck-b/gps", "zaitu/v1/truck-b/scan", "zaitu/v1/truck-b/cmd/ack"):
        device.publish(foreign)
        # The broker cuts a client off that publishes where it may not; paho then connects again.
        assert device.answers.get(timeout=WAIT_S) is False
        assert device.answers.get(timeout=WAIT_S) is True
        simulator.publish("zaitu/v1/truck-c/gps")
        assert ingest.arrived.get(timeout=WAIT_S) == "zaitu/v1/truck-c/gps"


def password_of(broker: Broker) -> str:
    return broker.url.split(":", 2)[2].split("@")[0]


def test_nobody_else_gets_in(secured: Broker, connect: Connect, authority: Path, tmp_path: Path) -> None:
    assert not connect(secured.port, None, "nobody").let_in
    assert not connect(secured.tls_port, authority, "nobody").let_in
    assert not connect(secured.certificate_port, authority, "truck-a").let_in
    assert not connect(secured.tls_port, authority, "truck-a", "a guess").let_in
    assert not connect(secured.certificate_port, authority, "zaitu-ingest", password_of(secured)).let_in
    stranger = issue_device(make_authority(NOW), "truck-a", NOW)
    files = files_of(tmp_path, stranger, "stranger")
    assert not connect(secured.certificate_port, authority, "truck-a", files=files).let_in


def test_a_user_name_beside_a_certificate_changes_nothing(
    secured: Broker, connect: Connect, authority: Path, tmp_path: Path
) -> None:
    files = files_of(tmp_path, secured.issue_certificate("truck-a", NOW), "truck-a")
    device = connect(secured.certificate_port, authority, "zaitu-ingest", password_of(secured), files=files)
    assert device.let_in
    device.subscribe("zaitu/v1/+/gps")
    another = connect(secured.port, None, "zaitu-simulator", simulator_password(secured))
    ingest = connect(secured.port, None, "zaitu-ingest", password_of(secured))
    ingest.subscribe("zaitu/v1/+/gps")
    device.subscribe("zaitu/v1/truck-a/cmd")
    another.publish("zaitu/v1/truck-b/gps")
    assert ingest.arrived.get(timeout=WAIT_S) == "zaitu/v1/truck-b/gps"
    ingest.publish("zaitu/v1/truck-a/cmd")
    assert device.arrived.get(timeout=WAIT_S) == "zaitu/v1/truck-a/cmd"


def simulator_password(broker: Broker) -> str:
    return broker.simulator_url.split(":", 2)[2].split("@")[0]


def test_no_device_is_called_like_the_brokers_own_users(secured: Broker) -> None:
    with pytest.raises(StackError, match="own users"):
        secured.add_user("zaitu-ingest", "a password of a device")
    with pytest.raises(StackError, match="own users"):
        secured.issue_certificate("zaitu-ingest", NOW)
