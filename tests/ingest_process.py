"""Ingest as a process, a publisher and the company it works for, for tests that need the real thing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import psycopg
import pytest
from company import Company
from paho.mqtt.enums import CallbackAPIVersion

from runtime.stack.mosquitto import Broker

ROOT = Path(__file__).resolve().parents[1]
WAIT_S = 60.0
LOCKED = (
    "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
)
"""How many sessions of the test's own database wait for a lock."""


def wait_until(condition: Callable[[], Any], what: str, within_s: float = WAIT_S) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {within_s:.0f} s for {what}"
        time.sleep(0.02)


@pytest.fixture
def company(database_url: str) -> Iterator[Company]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield Company(connection)


class IngestRunner:
    """Starts `python -m ingest` processes and ends those that are left."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.database_url = database_url
        self.folder = folder
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, broker: Broker, **settings: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "MQTT_URL": broker.url,
            "ZAITU_DATA_DIR": str(self.folder),
            "ZAITU_INGEST_METRICS_PORT": "0",
            "ZAITU_DEVICE_HTTP_PORT": "0",
            **settings,
        }
        with (self.folder / "ingest.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "ingest"], cwd=ROOT, env=environment, stderr=log
            )
        self.running.append(process)
        return process

    def wait_subscribed(self) -> None:
        """Wait until the broker keeps messages for ingest: before its first subscription it does not."""
        self.wait_logged("subscribed ")

    def wait_logged(self, event: str) -> None:
        log = self.folder / "ingest.log"
        wait_until(lambda: event in log.read_text(), f"the event {event!r}")

    def http_address(self) -> str:
        """Where the first process's device HTTP listener is, once it listens."""
        self.wait_logged("Uvicorn running on ")
        log = (self.folder / "ingest.log").read_text()
        return str(re.findall(r"Uvicorn running on (http://[\d.:]+)", log)[0])

    def close(self) -> None:
        """End what is left."""
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(WAIT_S)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait(WAIT_S)
        self.running.remove(process)


@pytest.fixture
def ingest(database_url: str, tmp_path: Path) -> Iterator[IngestRunner]:
    with closing(IngestRunner(database_url, tmp_path)) as runner:
        yield runner
    sys.stderr.write((tmp_path / "ingest.log").read_text()[-4000:])


@contextmanager
def publisher(broker: Broker) -> Iterator[Callable[[str, bytes], None]]:
    """A function that publishes with QoS 1; leaving waits until the broker has everything."""
    address = urlsplit(broker.simulator_url)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.username_pw_set(address.username, address.password)
    client.connect(address.hostname or "", address.port or 0)
    client.loop_start()
    sent: list[mqtt.MQTTMessageInfo] = []
    yield lambda topic, body: sent.append(client.publish(f"zaitu/v1/{topic}", body, qos=1))
    for info in sent:
        info.wait_for_publish(WAIT_S)
        assert info.is_published()
    client.disconnect()
    client.loop_stop()
