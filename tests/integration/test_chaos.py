"""Kills at random: ingest and PostgreSQL by SIGKILL, the broker by SIGTERM, and nothing lost or done twice.

The short form runs with all other tests; `make chaos` sets ZAITU_CHAOS=full.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from chaos_world import (
    EVERY_S,
    FULL,
    PATIENCE_S,
    Cluster,
    Sender,
    counted,
    day,
    found_company,
    say,
    wait_counted,
)
from company import Company
from conftest import BrokerFactory
from ingest_process import IngestRunner

from migrations.runner import migrate

TRUCKS = 50 if FULL else 10
FIXES = 2_000 if FULL else 250
KILLS = 16 if FULL else 4
BROKER_STOPS = 3 if FULL else 1
FACTS = """
    select name, device_time, content_hash from position join device using (device_id)
    union all
    select name, device_time, content_hash from scan join device using (device_id)
    order by 1, 2, 3
"""


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
    facts = day(start, TRUCKS, FIXES)
    broker = broker_factory()
    url = cluster.server.make_anew("chaos")
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        found_company(Company(connection), start, TRUCKS)
    (tmp_path / "disturbed").mkdir()
    runner = IngestRunner(url, tmp_path / "disturbed")
    request.addfinalizer(runner.close)
    process = runner.start(broker, ZAITU_BATCH_MESSAGES="200")
    runner.wait_subscribed()
    began = time.monotonic()

    ends = ["ingest", "database"] * (KILLS // 2) + ["broker"] * BROKER_STOPS
    chance.shuffle(ends)
    done: Counter[str] = Counter()
    mid_stream = sent = 0
    parts = [facts[len(facts) * n // len(ends) : len(facts) * (n + 1) // len(ends)] for n in range(len(ends))]
    with closing(Sender(broker)) as sender:
        for end, part in zip(ends, parts, strict=True):
            before = counted(url)
            sender.send(part)
            wanted = before + chance.randint(0, len(part) // 2)
            wait_counted(url, wanted, f"progress before {end} ends")
            mid_stream += counted(url) < (sent := sent + len(part))
            if end == "ingest":
                runner.kill(process)
                process = runner.start(broker, ZAITU_BATCH_MESSAGES="200")
            elif end == "database":
                cluster.kill()
                cluster.server.ensure_running()
            else:
                broker.restart()
            done[end] += 1
            say(f"{end} ended, {sum(done.values())} of {len(ends)}; stored {counted(url)} of {len(facts)}")
    wait_counted(url, len(facts), "every fact")
    disturbed_s = time.monotonic() - began

    found_company(company, start, TRUCKS)
    calm = ingest.start(broker, ZAITU_MQTT_CLIENT_ID="calm")
    ingest.wait_subscribed()
    with closing(Sender(broker)) as sender:
        sender.send(facts)
    wait_counted(ingest.database_url, len(facts), "the calm run")
    assert calm.poll() is None
    with psycopg.connect(url, autocommit=True) as connection:
        disturbed = Company(connection)
        kept, due = disturbed.rows(FACTS), company.rows(FACTS)
        lost, twice = set(due) - set(kept), len(kept) - len(set(kept))
        say(
            f"chaos: {len(facts)} messages in {disturbed_s:.0f} s; killed ingest {done['ingest']} times, "
            f"PostgreSQL {done['database']} times, stopped Mosquitto {done['broker']} times, {mid_stream} of "
            f"these in mid-stream; lost {len(lost)}, twice {twice}"
        )
        assert (len(lost), twice, len(kept)) == (0, 0, len(facts))
        assert disturbed.canonical() == company.canonical()
        assert disturbed.value("select count(*) from rejected") == 0
        arrived = "select count(*) from milestone where stage = 'arrived' and actual_at is not null"
        assert disturbed.value(arrived) == TRUCKS
