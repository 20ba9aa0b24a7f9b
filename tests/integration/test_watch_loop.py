import asyncio
import json
import os
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from store import changes
from store.locks import take_chores_lock
from store.pool import Connection, open_connection
from store.unit_of_work import UnitOfWork, unit_of_work
from watch import chores, held_back, loop
from watch.chores import Chore
from watch.measures import WatchMeasures
from watch.schedule import Duty, Heard, Turn

WITHIN_S = 60.0
HOUR = timedelta(hours=1)


class Diary:
    """Duties that write down what they were asked to look at: everything, if it was not news."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, Heard | None]] = []

    def duty(self, name: str, *, fails: int = 0) -> Duty:
        """A duty that fails so many times."""
        failures = repeat(True, fails)

        async def run(work: UnitOfWork, now: datetime, turn: Turn) -> None:
            self.entries.append((name, turn.heard or None))
            if next(failures, False):
                raise ValueError("a mistake")

        return Duty(name, run, timedelta(hours=1), frozenset({"order"}), at_most_every=timedelta(0))

    async def shows(self, *entry: Any) -> None:
        await until(lambda: self._has(entry))

    async def _has(self, entry: Any) -> bool:
        return entry in self.entries


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@asynccontextmanager
async def watching(database_url: str, *duties: Duty) -> AsyncIterator[WatchMeasures]:
    measures = WatchMeasures(CollectorRegistry())
    task = asyncio.create_task(loop.keep_watch(database_url, duties, lambda: datetime.now(UTC), measures))
    try:
        yield measures
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def tell_of_order(database_url: str, order_id: int) -> None:
    connection = await open_connection(database_url)
    async with unit_of_work(connection) as work:
        work.tell("order", [order_id])
    await connection.close()


async def test_a_duty_runs_at_the_start_and_on_news(database_url: str) -> None:
    diary = Diary()
    async with watching(database_url, diary.duty("late")):
        await diary.shows("late", None)
        await tell_of_order(database_url, 7)
        await diary.shows("late", {"order": frozenset({7})})


async def test_a_duty_that_fails_does_not_stop_the_others(database_url: str) -> None:
    diary = Diary()
    async with watching(database_url, diary.duty("broken", fails=10**9), diary.duty("late")) as measures:
        await diary.shows("late", None)
        await tell_of_order(database_url, 7)
        await diary.shows("late", {"order": frozenset({7})})
    assert measures.duty_failures.labels("broken")._value.get() >= 2


async def test_what_a_duty_heard_of_when_it_failed_it_hears_of_again(database_url: str) -> None:
    diary = Diary()
    heard: tuple[str, Heard] = ("late", {"order": frozenset({7})})
    async with watching(database_url, diary.duty("late", fails=2)):
        await diary.shows("late", None)
        await tell_of_order(database_url, 7)
        await until(lambda: _count(diary, heard, 2))


async def _count(diary: Diary, entry: tuple[str, Heard | None], times: int) -> bool:
    return diary.entries.count(entry) == times


async def test_a_second_watch_stands_by_until_the_first_is_gone(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "STAND_BY_S", 0.05)
    first, second = Diary(), Diary()
    async with AsyncExitStack() as first_watch:
        await first_watch.enter_async_context(watching(database_url, first.duty("first")))
        await first.shows("first", None)
        async with watching(database_url, second.duty("second")):
            await tell_of_order(database_url, 7)
            await first.shows("first", {"order": frozenset({7})})
            assert second.entries == []
            await first_watch.aclose()
            await second.shows("second", None)


async def test_watching_goes_on_after_the_database_cut_the_connections(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "STAND_BY_S", 0.05)
    diary = Diary()
    async with watching(database_url, diary.duty("late")):
        await diary.shows("late", None)
        diary.entries.clear()
        await kill_other_connections(database_url)
        await tell_of_order(database_url, 7)
        await diary.shows("late", None)


async def test_a_chore_that_takes_long_holds_up_neither_duties_nor_news(database_url: str) -> None:
    diary, started, may_end = Diary(), asyncio.Event(), asyncio.Event()

    async def lasts(connection: Connection, now: datetime) -> None:
        started.set()
        await may_end.wait()
        async with unit_of_work(connection) as work:
            work.tell("order", [8])

    async with watching(database_url, diary.duty("late")), doing(database_url, Chore("long", lasts, HOUR)):
        await asyncio.wait_for(started.wait(), WITHIN_S)
        await diary.shows("late", None)
        await tell_of_order(database_url, 7)
        await diary.shows("late", {"order": frozenset({7})})
        may_end.set()
        await diary.shows("late", {"order": frozenset({8})})


async def test_a_chore_that_fails_does_not_stop_the_others_and_has_its_next_turn(database_url: str) -> None:
    done: list[str] = []

    async def fails(connection: Connection, now: datetime) -> None:
        done.append("fails")
        await connection.execute("select 1 / 0")

    async def works(connection: Connection, now: datetime) -> None:
        done.append("works")

    often = timedelta(0)
    async with doing(database_url, Chore("a", fails, often), Chore("b", works, often)) as measures:
        await until(lambda: _has(done, ["fails", "works", "fails", "works"]))
    assert measures.duty_failures.labels("a")._value.get() >= 2


async def test_only_one_process_does_the_chores(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "STAND_BY_S", 0.05)
    other = await open_connection(database_url)
    assert await take_chores_lock(other)
    done: list[str] = []

    async def works(connection: Connection, now: datetime) -> None:
        done.append("works")

    async with doing(database_url, Chore("a", works, HOUR)):
        await until(lambda: _stands_by(other))
        assert done == []
        await other.close()
        await until(lambda: _has(done, ["works"]))


async def _stands_by(connection: Connection) -> bool:
    """Whether somebody else has asked for the lock."""
    asked = await connection.fetchval(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and pid <> pg_backend_pid() and query like '%pg_try_advisory_lock%'"
    )
    return bool(asked)


async def _has(done: list[str], expected: list[str]) -> bool:
    return done[: len(expected)] == expected


@asynccontextmanager
async def doing(database_url: str, *wanted: Chore) -> AsyncIterator[WatchMeasures]:
    measures = WatchMeasures(CollectorRegistry())
    task = asyncio.create_task(chores.keep_doing(database_url, wanted, lambda: datetime.now(UTC), measures))
    try:
        yield measures
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_the_age_of_a_transaction_that_holds_readers_back_is_shown(database_url: str) -> None:
    writer, reader = await open_connection(database_url), await open_connection(database_url)
    measures = WatchMeasures(CollectorRegistry())
    async with writer.transaction():
        await changes.append(writer, {"order": [1]})
        age_s = "select extract(epoch from clock_timestamp() - now())::float8"
        at_least_s = await writer.fetchval(age_s)
        async with unit_of_work(reader) as work:
            await held_back.run(work, measures)
        # Other tests may have older ones on the same server.
        assert measures.oldest_writer_s._value.get() >= at_least_s > 0
    await writer.close()
    await reader.close()


async def kill_other_connections(database_url: str) -> None:
    connection = await open_connection(database_url)
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()"
    )
    await connection.close()


async def test_the_process_starts_shows_its_metrics_and_ends_on_sigterm(
    database_url: str, tmp_path: Path
) -> None:
    settings = {
        "DATABASE_URL": database_url, "ZAITU_WATCH_METRICS_PORT": "0", "ZAITU_LOG_FORMAT": "json",
        "ZAITU_DATA_DIR": str(tmp_path),
    }  # fmt: skip
    with (tmp_path / "watch.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "watch", env={**os.environ, **settings}, stderr=log
        )
    try:
        await until(lambda: _has_port(tmp_path / "watch.log"))
        port = _port(tmp_path / "watch.log")
        assert port is not None
        await until(lambda: _shows(port, "zaitu_watch_is_working 1.0"))
        await until(lambda: _shows(port, 'zaitu_watch_duty_seconds_count{duty="compression"} 1.0'))
        assert not await _shows(port, "zaitu_watch_duty_failures_total{")
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), WITHIN_S) == 0
    finally:
        with suppress(ProcessLookupError):
            process.kill()


async def _has_port(log: Path) -> bool:
    return _port(log) is not None


def _port(log: Path) -> int | None:
    """The port of the metrics, once it is logged."""
    events = [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return next((int(event["port"]) for event in events if event["event"] == "metrics_shown"), None)


async def _shows(port: int, line: str) -> bool:
    try:
        page = await asyncio.to_thread(_metrics, port)
    except OSError:
        return False
    return line in page


def _metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        return str(answer.read().decode())
