"""Hundreds of orders created at once over HTTP, of the API as the process it is."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

ORDERS = 300
AT_ONCE = 32
BUSY = 503
TOKEN = "an administrator's token of the tests"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "ZAITU_DATA_DIR": str(tmp_path),
        "ZAITU_ADMIN_TOKEN": TOKEN,
        "ZAITU_API_PORT": str(port),
    }
    process = serving(environment)
    limits = httpx.Limits(max_connections=AT_ONCE)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=headers, limits=limits, timeout=110
        ) as client:
            async with asyncio.timeout(60):
                while not await answers(client):
                    assert process.poll() is None, "the API did not start"
                    await asyncio.sleep(0.05)
            yield client
    finally:
        process.terminate()
        process.wait(timeout=60)


def serving(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "api"], env=environment, cwd=ROOT)


async def answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def test_hundreds_of_orders_created_at_once_are_numbered_without_gaps(api: httpx.AsyncClient) -> None:
    depot = (await api.post("/v1/depots", json={"code": "SH1", "name": "上海仓"})).json()["id"]

    async def create(number: int) -> tuple[str, str]:
        channel = "TM" if number % 2 else "JD"
        received_at = "2026-11-21T20:00:00+08:00"
        body = {
            "depot_id": depot,
            "channel": channel,
            "received_at": received_at,
            "client_key": f"key-{number}",
        }
        # Too busy just now is an answer, too: the client tries again, with the same key.
        answer = await api.post("/v1/orders", json=body)
        while answer.status_code == BUSY:
            await asyncio.sleep(0.1)
            answer = await api.post("/v1/orders", json=body)
        assert answer.status_code == 201, answer.text
        return channel, answer.json()["number"]

    made = await asyncio.gather(*(create(number) for number in range(ORDERS)))
    for channel in ("TM", "JD"):
        numbers = sorted(number for of, number in made if of == channel)
        assert numbers == [f"20261121{channel}{serial:06d}" for serial in range(1, ORDERS // 2 + 1)]
