"""Kills at random: ingest and PostgreSQL by SIGKILL, the broker by SIGTERM, and nothing lost or done twice.

The short form runs with all other tests; `make chaos` sets ZAITU_CHAOS=full.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import psutil
import psycopg
import pytest
from company import Company, circle, fix, payload, scan
from conftest import BrokerFactory
from ingest_process import IngestRunner
from paho.mqtt.enums import CallbackAPIVersion

from migrations.runner import migrate
from runtime.stack.account import server_account
from runtime.stack.mosquitto import Broker
from runtime.stack.postgres import PostgresServer

FULL = os.environ.get("ZAITU_CHAOS") == "full"
TRUCKS = 50 if FULL else 10
FIXES = 2_000 if FULL else 250
KILLS = 15 if FULL else 5
BROKER_STOPS = 3 if FULL else 1
PATIENCE_S = 600.0 if FULL else 240.0
EVERY_S = 10
Fact = tuple[str, dict[str, Any]]


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
            psutil.wait_procs(family, timeout=10)


@pytest.fixture
def cluster(test_stack: Path) -> Iterator[Cluster]:
    directory = test_stack / f"chaos-{os.getpid()}"
    directory.mkdir()
    server_account().own_directory(directory)
    own = Cluster(PostgresServer(directory / "postgres"))
    own.server.ensure_running()
    yield own
    own.server.stop()


def found_company(company: Company, start: datetime) -> None:
    depot = company.depot()
    since = start - timedelta(days=1)
    metres = {"origin": 0.0, "hub": 6_000.0, "destination": 12_000.0}
    fences = {kind: company.fence(depot, kind, circle(at, 250), since) for kind, at in metres.items()}
    company.device(depot, "scn-1", kind="scanner")
    for number in range(TRUCKS):
        vehicle = company.vehicle(depot, f"V{number}")
        company.assign(company.device(depot, f"trk-{number}"), vehicle, since)
        stops = [(kind, fences[kind], at) for kind, at in metres.items()]
        company.trip(depot, vehicle, start - timedelta(hours=1), stops)
        company.order(depot, since, list(fences.items()), [f"P{number}"])


def day(start: datetime) -> list[Fact]:
    """Trucks that drive to their destinations and stand there, interleaved; a load scan each."""
    facts: list[Fact] = [
        ("scn-1/scan", scan(start, f"P{number}", "load", vehicle=f"V{number}")) for number in range(TRUCKS)
    ]
    for step in range(FIXES):
        at = start + timedelta(seconds=60 + EVERY_S * step)
        for number in range(TRUCKS):
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

    def send(self, facts: Sequence[Fact]) -> None:
        for topic, item in facts:
            self._client.publish(f"zaitu/v1/{topic}", payload(item), qos=1)
            self._sent += 1

    def close(self) -> None:
        wait_for(lambda: self._confirmed == self._sent, "the broker to take everything")
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


def has_counted(url: str, wanted: int) -> bool:
    return counted(url) >= wanted


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:.0f} s for {what}"
        time.sleep(0.05)


@pytest.mark.lasts(35)
@pytest.mark.timeout(PATIENCE_S * 3)
def test_kills_of_ingest_database_and_broker_lose_nothing_and_do_nothing_twice(
    cluster: Cluster,
    broker_factory: BrokerFactory,
    tmp_path: Path,
    company: Company,
    ingest: IngestRunner,
    request: pytest.FixtureRequest,
) -> None:
    chance = random.Random(20261121)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=EVERY_S * FIXES + 120)
    facts = day(start)
    broker = broker_factory()
    url = cluster.server.make_anew("chaos")
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        found_company(Company(connection), start)
    (tmp_path / "disturbed").mkdir()
    runner = IngestRunner(url, tmp_path / "disturbed")
    request.addfinalizer(runner.close)
    process = runner.start(broker, ZAITU_BATCH_MESSAGES="200")
    runner.wait_subscribed()

    ends = ["ingest", "database"] * ((KILLS + 1) // 2) + ["broker"] * BROKER_STOPS
    chance.shuffle(ends)
    parts = [facts[len(facts) * n // len(ends) : len(facts) * (n + 1) // len(ends)] for n in range(len(ends))]
    with closing(Sender(broker)) as sender:
        for end, part in zip(ends, parts, strict=True):
            before = counted(url)
            sender.send(part)
            wanted = before + chance.randint(1, max(len(part) // 2, 1))
            wait_for(partial(has_counted, url, wanted), f"progress before {end} ends")
            if end == "ingest":
                runner.kill(process)
                process = runner.start(broker, ZAITU_BATCH_MESSAGES="200")
            elif end == "database":
                cluster.kill()
                cluster.server.ensure_running()
            else:
                broker.restart()
    wait_for(lambda: counted(url) >= len(facts), "every fact")

    with psycopg.connect(url, autocommit=True) as connection:
        disturbed = Company(connection)
        assert counted(url) == len(facts)
        found_company(company, start)
        calm = ingest.start(broker, ZAITU_MQTT_CLIENT_ID="calm")
        ingest.wait_subscribed()
        with closing(Sender(broker)) as sender:
            sender.send(facts)
        wait_for(lambda: counted(ingest.database_url) >= len(facts), "the calm run")
        assert calm.poll() is None
        assert disturbed.canonical() == company.canonical()
        arrived = "select count(*) from milestone where stage = 'arrived' and actual_at is not null"
        assert disturbed.value(arrived) == TRUCKS
