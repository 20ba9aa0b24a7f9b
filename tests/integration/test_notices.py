"""Notices reach a receiver that fails for a while: signed, on the schedule, and though a sender dies."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import pytest
from standardwebhooks import Webhook

from domain.access import process_principal
from domain.notices import News
from domain.retries import RETRY_AFTER
from store import notices
from store.cipher import Cipher
from store.pool import open_connection
from store.unit_of_work import unit_of_work
from watch.sending import Sender
from watch.transports import Network

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
CIPHER = Cipher(bytes(32))


@dataclass
class Receiver:
    """A partner's server that answers as told: a status, or None to let the caller wait in vain."""

    answers: list[int | None] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:]
        headers = dict(line.lower().split(": ", 1) for line in head if line)
        raw = dict(line.split(": ", 1) for line in head if line)
        body = await reader.readexactly(int(headers["content-length"]))
        answer = self.answers.pop(0) if self.answers else 200
        if answer is None:
            await reader.read()
        else:
            self.got.append(({name.lower(): value for name, value in raw.items()}, body))
            writer.write(f"HTTP/1.1 {answer} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        writer.close()


@asynccontextmanager
async def receiving(answers: list[int | None]) -> AsyncIterator[Receiver]:
    receiver = Receiver(answers)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield receiver


@dataclass
class Post:
    """One order whose partner wants to hear of it, and a clock that can be moved."""

    connection: Any
    client: httpx.AsyncClient
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    order_id: int = 0
    keys: Any = field(default_factory=lambda: count(1))

    async def begin(self, url: str) -> None:
        fetch = self.connection.fetchval
        depot_id = await fetch(
            "insert into depot (public_id, code, name) values (gen_random_uuid(), 'D', 'D')"
            " returning depot_id"
        )
        self.order_id = await fetch(
            "insert into orders (public_id, depot_id, number, received_at, promised_at)"
            " values (gen_random_uuid(), $1, 'N-1', $2, $3) returning order_id",
            depot_id,
            self.now,
            self.now + timedelta(hours=48),
        )
        async with unit_of_work(self.connection) as work:
            await notices.add_endpoint(
                work.connection,
                public_id=uuid4(),
                depot_id=depot_id,
                kind="webhook",
                role=None,
                url=url,
                secret_cipher=notices.sealed_secret(CIPHER, SECRET),
                events=[],
                now=self.now,
            )

    async def tell(self) -> None:
        async with unit_of_work(self.connection) as work:
            news = News("delivered", self.now, str(next(self.keys)))
            await notices.tell(work.connection, {self.order_id: news}, self.now)

    def sender(self, clock: Callable[[], datetime] | None = None) -> Sender:
        return Sender(
            principal=process_principal("watch"),
            cipher=CIPHER,
            transports=Network(self.client, None, "zaitu@localhost"),
            clock=clock or (lambda: self.now),
            new_token=lambda: "t" * 43,
        )

    async def send(self) -> int:
        return await self.sender().send_due(self.connection)

    async def state(self) -> tuple[bool, bool, int]:
        """(sent, given up, attempts) of the newest notice."""
        row = await self.connection.fetchrow(
            "select sent_at is not null, dead_at is not null, attempts from notice"
            " order by notice_id desc limit 1"
        )
        return tuple(row)


@pytest.fixture
async def post(database_url: str) -> AsyncIterator[Post]:
    connection = await open_connection(database_url)
    # Only a receiver that never answers is waited for in vain, so only that wait may be short.
    async with httpx.AsyncClient(timeout=60.0) as client:
        yield Post(connection, client)
    await connection.close()


async def test_a_receiver_that_fails_for_a_while_gets_the_notice_on_the_schedule(post: Post) -> None:
    async with receiving([500, None, 503]) as receiver:
        await post.begin(receiver.url)
        await post.tell()
        for pause, patience_s in zip(RETRY_AFTER[:3], (60.0, 0.5, 60.0), strict=True):
            post.client.timeout = httpx.Timeout(60.0, read=patience_s)
            assert await post.send() == 1
            post.now += pause - timedelta(seconds=1)
            assert await post.send() == 0
            post.now += timedelta(seconds=1)
        assert await post.send() == 1
        assert await post.state() == (True, False, 4)
    statuses = await post.connection.fetch("select status from delivery order by delivery_id")
    assert [row["status"] for row in statuses] == [500, None, 503, 200]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1


async def test_the_signature_verifies_with_the_reference_package(post: Post) -> None:
    async with receiving([]) as receiver:
        await post.begin(receiver.url)
        await post.tell()
        await post.send()
    headers, body = receiver.got[0]
    assert Webhook(SECRET).verify(body, headers)["data"]["number"] == "N-1"
    assert json.loads(body)["type"] == "order.delivered"


async def test_a_notice_whose_sender_died_is_sent_by_the_next_one(post: Post) -> None:
    async with receiving([]) as receiver:
        await post.begin(receiver.url)
        await post.tell()
        async with unit_of_work(post.connection) as work:
            assert len(await notices.lease(work.connection, post.now)) == 1
        assert await post.send() == 0
        post.now += notices.LEASE
        assert await post.send() == 1
        assert await post.state() == (True, False, 2)
    assert len(receiver.got) == 1


async def test_what_never_arrives_is_given_up_after_a_day_and_can_be_replayed(post: Post) -> None:
    async with receiving([500] * 9) as receiver:
        await post.begin(receiver.url)
        began = post.now
        await post.tell()
        for pause in RETRY_AFTER:
            assert await post.send() == 1
            post.now += pause
        assert await post.send() == 1
        assert await post.state() == (False, True, 9)
        assert timedelta(hours=23) < post.now - began < timedelta(hours=26)
        notice = await post.connection.fetchval("select public_id from notice")
        async with unit_of_work(post.connection) as work:
            await notices.replay(work.connection, process_principal("watch"), notice, post.now)
        await post.connection.execute("update endpoint set disabled_at = null, failing_since = null")
        assert await post.send() == 1
        assert await post.state() == (True, False, 1)


async def test_an_endpoint_that_is_gone_is_disabled(post: Post) -> None:
    async with receiving([410]) as receiver:
        await post.begin(receiver.url)
        await post.tell()
        await post.send()
        assert await post.connection.fetchval("select disabled_reason from endpoint") == "answered 410 Gone"
        await post.tell()
        assert await post.send() == 0


async def test_one_event_is_told_once(post: Post) -> None:
    async with receiving([]) as receiver:
        await post.begin(receiver.url)
        for _ in range(3):
            async with unit_of_work(post.connection) as work:
                await notices.tell(work.connection, {post.order_id: News("delivered", post.now)}, post.now)
        assert await post.send() == 1
    assert len(receiver.got) == 1


async def test_what_goes_to_an_endpoint_that_fails_holds_up_no_other(post: Post) -> None:
    async with receiving([]) as receiver:
        await post.begin("http://127.0.0.1:1/failing")
        await post.connection.execute("update endpoint set failing_since = $1", post.now)
        async with unit_of_work(post.connection) as work:
            await notices.add_endpoint(
                work.connection,
                public_id=uuid4(),
                depot_id=await work.connection.fetchval("select depot_id from depot"),
                kind="webhook",
                role=None,
                url=receiver.url,
                secret_cipher=notices.sealed_secret(CIPHER, SECRET),
                events=[],
                now=post.now,
            )
        for _ in range(60):
            await post.tell()
        async with unit_of_work(post.connection) as work:
            leased = await notices.lease(work.connection, post.now)
            standing = await notices.standing(work.connection, post.now + timedelta(seconds=30))
    assert {notice.url for notice in leased} == {receiver.url}
    assert (standing.waiting, standing.longest_due_s, standing.given_up) == (120, 30.0, 0)
