"""Runs the benchmark and prints its figures; `--part` runs one of the two."""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import psutil
import psycopg
import typer

from bench.api.world import found, token_of
from bench.figures import write
from migrations.runner import migrate
from runtime.settings import load_settings
from runtime.stack.account import reachable_directory, server_account
from runtime.stack.loopback import free_port, wait_until
from runtime.stack.postgres import PostgresServer
from store.cipher import Cipher

PARTS = ("tracking", "sse")
WAIT_S = 120.0
ASKING_CONNECTIONS = 8
ASKED_TOKENS = 200
# A limit that nobody reaches: the middleware that counts is there.
NO_LIMIT = "1000000"

Say = Callable[[str], None]


def run(
    part: Annotated[list[str] | None, typer.Option(help=f"Only these: {', '.join(PARTS)}.")] = None,
    streams: Annotated[int, typer.Option(help="Customers' streams open at once.")] = 2000,
    events: Annotated[int, typer.Option(help="Events a second, each to one stream.")] = 200,
    seconds: Annotated[float, typer.Option(help="Length of the steady part.")] = 30.0,
    repeats: Annotated[int, typer.Option(help="Interleaved repetitions of tracking; medians count.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")] = False,
) -> None:
    """Measure the API: live streams of customers, and the tracking endpoint beside a bare route."""
    wanted = part or list(PARTS)
    say: Say = partial(typer.echo, err=True)
    figures: dict[str, float] = {}
    with _served(Path(load_settings().data_dir), streams, say) as (api, port, database_url):
        if "tracking" in wanted:
            figures |= _tracking(api, port, repeats, say)
        if "sse" in wanted:
            figures |= _sse(api, port, database_url, streams, events, seconds, say)
    write({name: round(value, 3) for name, value in figures.items()}, as_json=as_json)


@contextmanager
def _served(data_dir: Path, orders: int, say: Say) -> Iterator[tuple[psutil.Process, int, str]]:
    """A database of the benchmark's own and the API on it: its process, port and database."""
    data_dir.mkdir(parents=True, exist_ok=True)
    directory = reachable_directory(data_dir.resolve() / "bench", server_account())
    postgres = PostgresServer(directory / "postgres", {"track_commit_timestamp": "on"})
    postgres.ensure_running()
    database_url = postgres.make_anew("zaitu_bench_api")
    migrate(database_url)
    key = bytes(32)
    say(f"founding a company of {orders} orders under way")
    found(database_url, Cipher(key), orders)
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "ZAITU_API_PORT": str(port),
        "ZAITU_CONTACT_KEY": base64.b64encode(key).decode(),
        "ZAITU_ADMIN_TOKEN": "bench-administrator-token-0123456789abcdef",
        "ZAITU_RATE_PER_ADDRESS": NO_LIMIT,
        "ZAITU_RATE_PER_KEY": NO_LIMIT,
        "ZAITU_LOG_FORMAT": "json",
    }
    with (directory / "api.log").open("wb") as log:
        api = psutil.Popen([sys.executable, "-m", "bench.api.served"], env=environment, stderr=log)
        try:
            ready = wait_until(lambda: _answers(f"http://127.0.0.1:{port}/ready"), WAIT_S)
            if not ready:
                raise RuntimeError(f"the API did not become ready: see {directory / 'api.log'}")
            yield api, port, database_url
        finally:
            api.send_signal(signal.SIGTERM)
            api.wait(WAIT_S)
            postgres.stop()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def _tracking(api: psutil.Process, port: int, repeats: int, say: Say) -> dict[str, float]:
    """Answers a second of the tracking endpoint and of the bare route, one after the other, several times.

    The API's CPU time for each answer is said as well: it depends less on what else the machine does.
    """
    tracked = [f"/v1/track/{token_of(order)}" for order in range(1, ASKED_TOKENS + 1)]
    tracking: list[Asked] = []
    bare: list[Asked] = []
    for _ in range(repeats):
        tracking.append(_asked(api, port, tracked))
        bare.append(_asked(api, port, ["/bare"]))
        say(f"tracking {tracking[-1].per_s:.0f}/s, bare {bare[-1].per_s:.0f}/s")
    return {
        "tracking_rps": statistics.median(one.per_s for one in tracking),
        "bare_rps": statistics.median(one.per_s for one in bare),
        "tracking_ratio": statistics.median(a.per_s / b.per_s for a, b in zip(tracking, bare, strict=True)),
        "tracking_cpu_ms": statistics.median(one.cpu_ms for one in tracking),
        "bare_cpu_ms": statistics.median(one.cpu_ms for one in bare),
    }


class Asked(NamedTuple):
    """Answers a second, and the API's CPU time for each."""

    per_s: float
    cpu_ms: float


def _asked(api: psutil.Process, port: int, paths: list[str]) -> Asked:
    command = [sys.executable, "-m", "bench.api.asking", str(port), str(ASKING_CONNECTIONS), "3", *paths]
    cpu_s = sum(api.cpu_times()[:2])
    per_s, answers = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return Asked(per_s, 1000 * (sum(api.cpu_times()[:2]) - cpu_s) / answers)


def _sse(
    api: psutil.Process, port: int, database_url: str, streams: int, events: int, seconds: float, say: Say
) -> dict[str, float]:
    """How long an event takes from its transaction to the client, and what the API holds in memory."""
    say(f"opening {streams} streams")
    with subprocess.Popen(
        [sys.executable, "-m", "bench.api.listeners", str(port), str(streams)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as listeners:
        _answer(listeners)
        _publish(database_url, streams, events, 3.0)
        _tell(listeners, "begin")
        say(f"{events} events a second for {seconds:g} s")
        cpu_s = sum(api.cpu_times()[:2])
        sent, took_s = _publish(database_url, streams, events, seconds)
        cpu = (sum(api.cpu_times()[:2]) - cpu_s) / took_s
        rss_mb = api.memory_info().rss / 2**20
        time.sleep(2.0)
        took = sorted(_tell(listeners, "end")["took_s"])
    if len(took) < sent:
        say(f"{sent - len(took)} of {sent} events were seen with a later one of the same stream")
    return {
        "sse_streams": streams,
        "sse_events_per_s": sent / took_s,
        "sse_heard": len(took) / sent,
        "sse_p50_ms": 1000 * took[len(took) // 2],
        "sse_p99_ms": 1000 * took[int(len(took) * 0.99)],
        "sse_rss_mb": rss_mb,
        "sse_api_cores": cpu,
    }


def _publish(database_url: str, streams: int, events: int, seconds: float) -> tuple[int, float]:
    """Move one truck a transaction, at this rate; returns how many, and how long that took."""
    rng = random.Random(1)
    began_s, sent = time.perf_counter(), 0
    with psycopg.connect(database_url, autocommit=True) as connection:
        while (elapsed_s := time.perf_counter() - began_s) < seconds:
            ahead_s = sent / events - elapsed_s
            if ahead_s > 0:
                time.sleep(ahead_s)
            with connection.pipeline(), connection.transaction():
                vehicle, now = rng.randint(1, streams), datetime.now(UTC)
                connection.execute(
                    "update latest_position set device_time = %s, received_at = %s, lat = 31 + random() / 10 "
                    "where vehicle_id = %s",
                    [now, now, vehicle],
                )
                connection.execute("insert into change (kind, ids) values ('position', %s)", [[vehicle]])
                connection.execute("notify zaitu_change")
            sent += 1
    return sent, time.perf_counter() - began_s


def _tell(process: subprocess.Popen[str], what: str) -> Any:
    assert process.stdin is not None
    process.stdin.write(f"{what}\n")
    process.stdin.flush()
    return _answer(process)


def _answer(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("the listeners ended")
    return json.loads(line)


if __name__ == "__main__":
    typer.run(run)
