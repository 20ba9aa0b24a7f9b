"""The database or the broker away for a while: ingest stays, holds little, recovers alone and loses nothing.

A few seconds with all other tests; `make chaos` sets ZAITU_CHAOS=full for a minute each.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import psycopg
import pytest
from chaos_world import FULL, PATIENCE_S, Cluster, Sender, counted, day, found_company, say, wait_counted
from company import Company
from ingest_process import IngestRunner

from migrations.runner import migrate
from runtime.stack.mosquitto import Broker

OUTAGE_S = 60.0 if FULL else 2.0
A_SECOND = 500
TRUCKS = 50
RSS_BOUND_MB = 400.0


@dataclass
class World:
    """A fleet's facts, still to be sent, and the process that is to store them."""

    url: str
    broker: Broker
    process: subprocess.Popen[bytes]
    sender: Sender
    facts: Iterator[list[tuple[str, dict[str, object]]]]
    sent: int = 0
    rss_mb: list[float] = field(default_factory=list)

    def send_for(self, seconds: float) -> None:
        """Publish A_SECOND messages a second, noting the process's memory."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            part = next(self.facts)
            self.sender.send(part)
            self.sent += len(part)
            self.rss_mb.append(psutil.Process(self.process.pid).memory_info().rss / 2**20)
            threading.Event().wait(TRUCKS / A_SECOND)

    def settle(self) -> None:
        """Wait until everything is stored, noting the process's memory."""
        wait_counted(self.url, self.sent, "everything sent")
        self.rss_mb.append(psutil.Process(self.process.pid).memory_info().rss / 2**20)


@pytest.fixture
def world(cluster: Cluster, broker: Broker, tmp_path: Path) -> Iterator[World]:
    url = cluster.server.make_anew("outage")
    migrate(url)
    steps = int(OUTAGE_S + 10) * A_SECOND // TRUCKS
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=10 * steps + 120)
    with psycopg.connect(url, autocommit=True) as connection:
        found_company(Company(connection), start, TRUCKS)
    facts = day(start, TRUCKS, steps)
    with closing(IngestRunner(url, tmp_path)) as runner:
        process = runner.start(broker)
        runner.wait_subscribed()
        with closing(Sender(broker)) as sender:
            parts = (facts[place : place + TRUCKS] for place in range(0, len(facts), TRUCKS))
            yield World(url, broker, process, sender, parts)


def outage(world: World, what: str, begin: Callable[[], None], end: Callable[[], object]) -> None:
    """One second of traffic, then the outage with traffic, then the recovery."""
    world.send_for(1.0)
    world.settle()
    before_mb = world.rss_mb[-1]
    begin()
    world.send_for(OUTAGE_S)
    waiting = world.sent - max(counted(world.url), 0)
    end()
    began = time.monotonic()
    world.send_for(0.5)
    world.settle()
    say(
        f"{OUTAGE_S:.0f} s without {what}: {world.sent} messages, {A_SECOND} a second; recovered alone, all "
        f"stored {time.monotonic() - began:.1f} s after its return; "
        f"resident memory {before_mb:.0f} MB before, {max(world.rss_mb):.0f} MB at most"
    )
    assert waiting > 0, "the outage held nothing up"
    assert world.process.poll() is None
    assert counted(world.url) == world.sent
    assert max(world.rss_mb) <= RSS_BOUND_MB
    with psycopg.connect(world.url) as connection:
        assert Company(connection).rows("select * from rejected") == []
        assert Company(connection).value("select count(*) from numbering where missing <> '{}'") == 0


@pytest.mark.timeout(PATIENCE_S * 2)
def test_without_the_database_for_a_while_nothing_is_lost_and_memory_stays_bounded(
    world: World, cluster: Cluster
) -> None:
    outage(world, "the database", cluster.kill, cluster.server.ensure_running)


@pytest.mark.timeout(PATIENCE_S * 2)
def test_without_the_broker_for_a_while_nothing_is_lost_and_memory_stays_bounded(world: World) -> None:
    outage(world, "the broker", world.broker.stop, world.broker.ensure_running)
