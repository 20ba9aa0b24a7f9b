"""Where the demo's data goes: a database of its own and a broker session that nothing is left in."""

from __future__ import annotations

import contextlib
import fcntl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from runtime.demo.children import DemoError
from runtime.settings import Settings
from runtime.stack.embedded import EmbeddedStack
from runtime.stack.loopback import LOOPBACK, free_port, is_port_free

DATABASE = "zaitu_demo"
_ANSWER_S = 10.0


@dataclass(frozen=True, slots=True)
class Servers:
    """URLs of the database and of the broker, as ingest and as simulators know it; `notes` for people."""

    database_url: str
    mqtt_url: str
    simulator_mqtt_url: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the demo's processes listen."""

    api: int
    device_http: int
    ingest_metrics: int
    watch_metrics: int


def provide(settings: Settings) -> Servers:
    """Find the servers named in the settings, or start the embedded ones with an empty database."""
    stack = EmbeddedStack(settings.data_dir)
    notes = []
    if settings.database_url is None:
        stack.start_database()
        database_url = stack.postgres.make_anew(DATABASE)
    else:
        database_url = settings.database_url
        notes.append("DATABASE_URL is set: the demo adds its fleet to what is in that database.")
    if settings.mqtt_url is None:
        broker = stack.start_broker()
        mqtt_url, simulator_url = broker.url, broker.simulator_url
    else:
        mqtt_url, simulator_url = settings.mqtt_url, settings.simulator_mqtt_url or settings.mqtt_url
        notes.append("MQTT_URL is set: the demo publishes to that broker.")
    return Servers(database_url, mqtt_url, simulator_url, tuple(notes))


def choose_ports(settings: Settings) -> Ports:
    """Take the ports of the settings where they are free, so that a page left open goes on working."""
    return Ports(
        api=_free(settings.api_port),
        device_http=_free(settings.device_http_port),
        ingest_metrics=_free(settings.ingest_metrics_port),
        watch_metrics=_free(settings.watch_metrics_port),
    )


def _free(wanted: int) -> int:
    return wanted if wanted and is_port_free(wanted) else free_port()


def local(port: int) -> str:
    """The address of something that listens on this machine."""
    return f"http://{LOOPBACK}:{port}"


@contextlib.contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Refuse a second demo in the same data directory: it would empty the first one's database."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "demo.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise DemoError(f"a demo already runs in {data_dir}: stop it first") from exc
        yield


def forget_session(mqtt_url: str, client_id: str) -> None:
    """Have the broker throw a client's session away: it would queue whatever is published later."""
    parts = urlsplit(mqtt_url)
    answered = threading.Event()
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True, protocol=mqtt.MQTTv311
    )
    if parts.username:
        client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
    if parts.scheme == "mqtts":
        client.tls_set()
    client.on_connect = lambda *_: answered.set()
    try:
        client.connect(parts.hostname or "", parts.port or (8883 if parts.scheme == "mqtts" else 1883))
    except OSError as exc:
        raise DemoError(f"no broker answers at {parts.hostname}:{parts.port}: is MQTT_URL right?") from exc
    client.loop_start()
    if not answered.wait(_ANSWER_S):
        raise DemoError(f"{parts.hostname}:{parts.port} accepts connections but does not answer MQTT")
    client.disconnect()
    client.loop_stop()
