"""Servers to be killed, a fleet's day, and a publisher that does not mind, for tests of faults.

The short forms run with all other tests; `make chaos` sets ZAITU_CHAOS=full for the long ones.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import psutil
import psycopg
import pytest
from company import Company, circle, fix, payload, scan
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from runtime.stack.account import server_account
from runtime.stack.mosquitto import Broker
from runtime.stack.postgres import PostgresServer

FULL = os.environ.get("ZAITU_CHAOS") == "full"
PATIENCE_S = 600.0 if FULL else 240.0
EVERY_S = 10
MOST_UNCONFIRMED = 60_000
Fact = tuple[str, dict[str, Any]]


def say(text: str) -> None:
    """Progress and figures: seen at once with `-s`, as `make chaos` has it."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


@dataclass
class Cluster:
    """A PostgreSQL of this test's own, to be killed as a whole."""

    server: PostgresServer

    def kill(self) -> None:
        """End the postmaster and all it started, as a power cut would."""
        pid = int((self.server.directory / "data" / "postmaster.pid").read_text().split()[0])
        with suppress(psutil.NoSuchProcess):
            postmaster = psutil.Process(pid)
            family = [postmaster, *postmaster.children(recursive=True)]
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(family, timeout=60)


@pytest.fixture
def cluster(test_stack: Path) -> Iterator[Cluster]:
    directory = test_stack / f"chaos-{uuid.uuid4().hex[:8]}"
    directory.mkdir()
    server_account().own_directory(directory)
    own = Cluster(PostgresServer(directory / "postgres"))
    own.server.ensure_running()
    yield own
    own.server.stop()
    shutil.rmtree(directory)


def found_company(company: Company, start: datetime, trucks: int) -> None:
    """Trucks from an origin over a hub to a destination, a package on each."""
    depot = company.depot()
    since = start - timedelta(days=1)
    metres = {"origin": 0.0, "hub": 6_000.0, "destination": 12_000.0}
    fences = {kind: company.fence(depot, kind, circle(at, 250), since) for kind, at in metres.items()}
    company.device(depot, "scn-1", kind="scanner")
    for number in range(trucks):
        vehicle = company.vehicle(depot, f"V{number}")
        company.assign(company.device(depot, f"trk-{number}"), vehicle, since)
        stops = [(kind, fences[kind], at) for kind, at in metres.items()]
        company.trip(depot, vehicle, start - timedelta(hours=1), stops)
        company.order(depot, since, list(fences.items()), [f"P{number}"])


def day(start: datetime, trucks: int, fixes: int) -> list[Fact]:
    """Trucks that drive to their destinations and stand there, interleaved; a load scan each."""
    facts: list[Fact] = [
        ("scn-1/scan", scan(start, f"P{number}", "load", vehicle=f"V{number}")) for number in range(trucks)
    ]
    for step in range(fixes):
        at = start + timedelta(seconds=60 + EVERY_S * step)
        for number in range(trucks):
            metres = min(12_000.0, max(0.0, 120.0 * (step - number % 7)))
            facts.append((f"trk-{number}/gps", fix(at, metres, seq=step)))
    return facts


class Sender:
    """Publishes everything in order through whatever happens to the broker."""

    def __init__(self, broker: Broker) -> None:
        address = urlsplit(broker.simulator_url)
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, f"chaos-{os.getpid()}", clean_session=False, protocol=mqtt.MQTTv311
        )
        self._client.username_pw_set(address.username, address.password)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_publish = self._on_publish
        self._client.connect(address.hostname or "", address.port or 0)
        self._client.loop_start()
        self._sent = self._confirmed = 0

    @property
    def unconfirmed(self) -> int:
        """Messages that the broker has not taken yet."""
        return self._sent - self._confirmed

    def send(self, facts: Sequence[Fact]) -> None:
        """Publish with QoS 1; waits while so much is under way that paho would run out of packet ids."""
        for topic, item in facts:
            if self.unconfirmed >= MOST_UNCONFIRMED:
                wait_for(lambda: self.unconfirmed < MOST_UNCONFIRMED // 2, "the broker to take more")
            published = self._client.publish(f"zaitu/v1/{topic}", payload(item), qos=1)
            assert published.rc in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN)
            self._sent += 1

    def close(self) -> None:
        """End once the broker has everything."""
        wait_for(lambda: self.unconfirmed == 0, "the broker to take everything")
        self._client.disconnect()
        self._client.loop_stop()

    def _on_publish(self, *_: Any) -> None:
        self._confirmed += 1


def counted(url: str) -> int:
    """How many facts are stored; -1 while the database is away."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute(
                "select (select count(*) from position) + (select count(*) from scan)"
            ).fetchone()
    except psycopg.OperationalError:
        return -1
    return int(row[0]) if row else -1


def wait_counted(url: str, wanted: int, what: str) -> None:
    """Wait until so many facts are stored, saying how far it is every few seconds."""
    deadline = time.monotonic() + PATIENCE_S
    said_at = time.monotonic()
    while (found := counted(url)) < wanted:
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:.0f} s for {what}: {found} of {wanted}"
        if time.monotonic() > said_at + 10:
            say(f"waiting for {what}: {found} of {wanted}")
            said_at = time.monotonic()
        time.sleep(0.01)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait with a chaos test's patience."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:.0f} s for {what}"
        time.sleep(0.05)
