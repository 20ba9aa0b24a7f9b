"""Steady traffic: how long from publishing to the commit, and to a customer's event stream."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import httpx

from bench.ingest.backlog import Backlog
from bench.ingest.servers import TOKEN, Servers, wait_until
from bench.ingest.world import Size

RATE = 2_000
STREAMS = 50
SETTLE_S = 3.0


def commit_lag_ms(
    servers: Servers, size: Size, backlog: Backlog, seconds: float, say: Callable[[str], None]
) -> float:
    """99th percentile of publish to commit, by the commit times the database keeps; in milliseconds."""
    process = servers.start_ingest()
    started = datetime.now(UTC)
    sent = _publish(servers, size, backlog, seconds).wait_sent()
    backlog.count(sent)
    wait_until(lambda: servers.committed_messages() >= sent, "the steady messages")
    servers.stop(process)
    lags = (
        "select percentile_cont(%s) within group "
        "(order by extract(epoch from pg_xact_commit_timestamp(xmin) - device_time) * 1000) "
        "from position where device_time >= %s"
    )
    p50, p99 = (float(servers.value(lags, share, started)) for share in (0.5, 0.99))
    say(f"  publish to commit, {sent / seconds:.0f} messages a second: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    return p99


def stream_lag_ms(
    servers: Servers, size: Size, backlog: Backlog, seconds: float, say: Callable[[str], None]
) -> float:
    """99th percentile of publish to a customer's event stream, 50 of them open; in milliseconds."""
    if backlog.turn == 0:
        # Out of their origins: only an order that is under way shows where its vehicle is.
        backlog.drained_per_s(10 * size.vehicles, 1)
    processes = [servers.start_ingest(), servers.start_api()]
    publishing = _publish(servers, size, backlog, seconds)
    lags = asyncio.run(_listen(servers, seconds))
    sent = publishing.wait_sent()
    backlog.count(sent)
    wait_until(lambda: servers.committed_messages() >= sent, "the steady messages")
    for process in processes:
        servers.stop(process)
    p50, p99 = statistics.median(lags), statistics.quantiles(lags, n=100)[98]
    say(f"  publish to stream, {len(lags)} views on {STREAMS} streams: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    return p99


class _Publishing:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def wait_sent(self) -> int:
        """Wait for the publisher's end; returns how many messages it sent."""
        output, _ = self._process.communicate()
        if self._process.returncode != 0:
            raise RuntimeError("the publisher failed")
        return int(output)


def _publish(servers: Servers, size: Size, backlog: Backlog, seconds: float) -> _Publishing:
    numbers = [str(size.vehicles), str(RATE), str(seconds), str(backlog.turn)]
    command = [
        sys.executable,
        "-m",
        "bench.ingest.publisher",
        "steady",
        servers.broker.simulator_url,
        *numbers,
    ]
    return _Publishing(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))


async def _listen(servers: Servers, seconds: float) -> list[float]:
    """Open the streams of as many orders; the lag of every view that shows a newer position."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    base = f"http://127.0.0.1:{servers.api_port}"
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30.0, limits=limits) as client:
        orders = (await client.get("/v1/orders", params={"limit": STREAMS})).json()["items"]
        links = [
            (await client.post(f"/v1/orders/{order['id']}/share-links", json={})).json() for order in orders
        ]
        until = time.time() + seconds
        found = await asyncio.gather(*(_lags_of(client, link["token"], until) for link in links))
    return [lag for own in found for lag in own]


async def _lags_of(client: httpx.AsyncClient, token: str, until: float) -> list[float]:
    lags: list[float] = []
    begun, newest = time.time() + SETTLE_S, 0.0
    async with client.stream("GET", f"/v1/track/{token}/events") as response:
        async for line in response.aiter_lines():
            now = time.time()
            if now > until:
                break
            if line.startswith("data:"):
                vehicle = json.loads(line[5:]).get("vehicle") or {}
                at = datetime.fromisoformat(vehicle["at"]).timestamp() if "at" in vehicle else 0.0
                if at > newest and now > begun:
                    lags.append((now - at) * 1000)
                newest = max(at, newest)
    return lags
