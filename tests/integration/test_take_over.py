"""A standby takes over from a writer that died or fell silent, and there are never two writers."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from chaos_world import FULL, say
from company import Company, fix, payload
from ingest_process import LOCKED, IngestRunner, publisher, wait_until

from runtime.stack.mosquitto import Broker

TAKE_OVERS = 10 if FULL else 1
LOCK_HOLDERS = (
    "select pg_stat_activity.pid, state from pg_locks join pg_stat_activity using (pid) "
    f"where locktype = 'advisory' and granted and objid = {0x5A414954} "
    "and pg_stat_activity.datname = current_database()"
)

RunnerOf = Callable[[str], IngestRunner]


@pytest.fixture
def runner(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> RunnerOf:
    """Makes runners with a log each."""

    def make(name: str) -> IngestRunner:
        (tmp_path / name).mkdir()
        made = IngestRunner(database_url, tmp_path / name)
        request.addfinalizer(made.close)
        return made

    return make


@pytest.fixture
def truck(company: Company) -> Company:
    """A company with a tracker trk-1, and somebody else's connection to look on."""
    since = datetime.now(UTC) - timedelta(days=1)
    company.assign(company.device(company.depot(), "trk-1"), company.vehicle(company.depot(), "V1"), since)
    return company


def stored(company: Company) -> int:
    return int(company.value("select count(*) from position"))


def send(broker: Broker, *seqs: int) -> None:
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    with publisher(broker) as publish:
        for seq in seqs:
            publish("trk-1/gps", payload(fix(start + timedelta(seconds=seq), 10.0 * seq, seq=seq)))


def pause_between_batches(process: subprocess.Popen[bytes], company: Company) -> None:
    """Stop the process as a frozen machine does, at a moment when it is in no transaction."""

    def is_paused_idle() -> bool:
        process.send_signal(signal.SIGSTOP)
        states = [state for _, state in company.rows(LOCK_HOLDERS)]
        if states == ["idle"]:
            return True
        process.send_signal(signal.SIGCONT)
        return False

    wait_until(is_paused_idle, "a moment between two batches")


@pytest.mark.timeout(60 + 30 * TAKE_OVERS)
def test_a_standby_takes_over_from_a_killed_writer(broker: Broker, truck: Company, runner: RunnerOf) -> None:
    writer = runner("0")
    process = writer.start(broker)
    writer.wait_subscribed()
    took_s = []
    for number in range(TAKE_OVERS):
        send(broker, 2 * number)
        wait_until(lambda: stored(truck) == 2 * number + 1, "the writer's commit")  # noqa: B023
        standby = runner(f"{number + 1}")
        next_process = standby.start(broker)
        standby.wait_logged("standing_by")
        assert len(truck.rows(LOCK_HOLDERS)) == 1

        began = time.monotonic()
        writer.kill(process)
        send(broker, 2 * number + 1)
        wait_until(lambda: stored(truck) == 2 * number + 2, "the standby's commit")  # noqa: B023
        took_s.append(time.monotonic() - began)
        writer, process = standby, next_process
        assert len(truck.rows(LOCK_HOLDERS)) == 1
    say(f"taken over {TAKE_OVERS} times, from kill to the next commit: at most {max(took_s):.1f} s")
    if FULL:
        assert max(took_s) <= 5.0


def test_a_writer_that_was_frozen_can_neither_commit_nor_acknowledge_once_it_wakes_up(
    broker: Broker, truck: Company, runner: RunnerOf, database_url: str
) -> None:
    first, second = runner("first"), runner("second")
    frozen = first.start(broker)
    first.wait_subscribed()
    send(broker, 0)
    wait_until(lambda: stored(truck) == 1, "the first commit")
    standby = second.start(broker)
    second.wait_logged("standing_by")

    pause_between_batches(frozen, truck)
    ((frozen_session, _),) = truck.rows(LOCK_HOLDERS)
    with psycopg.connect(database_url) as blocker:
        blocker.execute("lock table position in access exclusive mode")
        began = time.monotonic()
        send(broker, *range(1, 11))
        second.wait_logged("subscribed ")
        took_s = time.monotonic() - began
        wait_until(lambda: truck.value(LOCKED) >= 1, "the second writer to wait in its commit")
        frozen.send_signal(signal.SIGCONT)
        first.wait_logged("standing_by")

        holders = [pid for pid, _ in truck.rows(LOCK_HOLDERS)]
        assert len(holders) == 1
        assert holders != [frozen_session]
        assert "database_lost" in (first.folder / "ingest.log").read_text()
        second.kill(standby)
    wait_until(lambda: stored(truck) == 11, "what neither of them acknowledged")

    say(f"taken over from a frozen writer after {took_s:.1f} s")
    assert frozen.poll() is None
    assert truck.rows("select missing::text from numbering") == [("{}",)]
    assert truck.rows("select array_agg(seq order by seq) from position") == [(list(range(11)),)]
