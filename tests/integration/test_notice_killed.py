"""A watch that is killed while it sends loses no notice."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import subprocess
import sys
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from domain.notices import News
from store import notices
from store.cipher import Cipher
from store.pool import open_connection
from store.unit_of_work import unit_of_work

KEY = bytes(32)
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
ORDERS = 30
LEFT = "select count(*) from notice where sent_at is null"


def watching(database_url: str, directory: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "ZAITU_DATA_DIR": str(directory),
        "ZAITU_CONTACT_KEY": base64.b64encode(KEY).decode(),
        "ZAITU_WATCH_METRICS_PORT": "0",
    }
    return subprocess.Popen([sys.executable, "-m", "watch"], env=environment)


async def test_a_watch_killed_while_sending_loses_no_notice(database_url: str, tmp_path: Path) -> None:
    got: set[str] = set()
    first_came = asyncio.Event()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            await reader.readexactly(int(headers["content-length"]))
            if not first_came.is_set():
                # No answer: its sender is killed while it waits.
                first_came.set()
                await reader.read()
                return
            got.add(headers["webhook-id"])
            writer.write(b"HTTP/1.1 204 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()

    connection = await open_connection(database_url)
    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await write_notices(connection, f"http://127.0.0.1:{port}/")
        first = watching(database_url, tmp_path)
        async with asyncio.timeout(60):
            await first_came.wait()
        first.send_signal(signal.SIGKILL)
        first.wait()
        await connection.execute("update notice set leased_until = now() where leased_until is not null")
        second = watching(database_url, tmp_path)
        async with asyncio.timeout(60):
            while await connection.fetchval(LEFT):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        second.terminate()
        second.wait()
    assert len(got) == ORDERS
    await connection.close()


async def write_notices(connection: object, url: str) -> None:
    now = datetime.now(UTC)
    async with unit_of_work(connection) as work:
        fetch = work.connection.fetchval
        depot_id = await fetch(
            "insert into depot (public_id, code, name) values (gen_random_uuid(), 'D', 'D')"
            " returning depot_id"
        )
        await notices.add_endpoint(
            work.connection,
            public_id=uuid4(),
            depot_id=depot_id,
            kind="webhook",
            role=None,
            url=url,
            secret_cipher=notices.sealed_secret(Cipher(KEY), SECRET),
            events=[],
            now=now,
        )
        news = {}
        for number in range(ORDERS):
            order_id = await fetch(
                "insert into orders (public_id, depot_id, number, received_at, promised_at)"
                " values (gen_random_uuid(), $1, $2, $3, $4) returning order_id",
                depot_id,
                f"N-{number}",
                now,
                now + timedelta(hours=48),
            )
            news[order_id] = News("delivered", now)
        await notices.tell(work.connection, news, now)
