"""Notices by e-mail, taken by a real SMTP server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiosmtpd.smtp import SMTP

from domain.access import process_principal
from domain.milestones import Evidence, Stage
from domain.notices import News
from domain.retries import RETRY_AFTER
from store import contacts, evidence, notices, rules
from store.cipher import Cipher
from store.contacts import Contact
from store.pool import open_connection
from store.unit_of_work import unit_of_work
from watch.sending import Sender
from watch.transports import Network

CIPHER = Cipher(bytes(32))
WATCH = process_principal("watch")
# 23:30 at the depot: night.
NIGHT = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)


@dataclass
class Mailbox:
    """What the server took; it answers `refusal` instead while that is set."""

    got: list[EmailMessage] = field(default_factory=list)
    refusal: str | None = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refusal is not None:
            return self.refusal
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.got.append(message)
        return "250 OK"


class Post:
    """An order whose customer reads e-mail."""

    def __init__(self, connection: Any, mailbox: Mailbox, port: int) -> None:
        self.connection, self.mailbox = connection, mailbox
        self.now = NIGHT
        client = httpx.AsyncClient()
        network = Network(client, f"smtp://127.0.0.1:{port}", "zaitu@example.test")
        self.sender = Sender(WATCH, CIPHER, network, lambda: self.now, lambda: "t" * 43)
        self.order_id = 0

    async def begin(self) -> None:
        text = (await rules.text_in_force(self.connection)).replace('channel = "sms"', 'channel = "email"')
        await rules.put_in_force(self.connection, text, by="test", now=self.now)
        fetch = self.connection.fetchval
        depot_id = await fetch(
            "insert into depot (public_id, code, name, time_zone)"
            " values (gen_random_uuid(), 'D', 'D', 'Asia/Shanghai') returning depot_id"
        )
        reader = Contact(
            name="张伟", phone=None, address=None, point=None, email="zhang@example.test", language="en"
        )
        contact_id = await contacts.add(
            self.connection, WATCH, CIPHER, public_id=uuid4(), depot_id=depot_id, contact=reader
        )
        self.order_id = await fetch(
            "insert into orders (public_id, depot_id, number, contact_id, received_at, promised_at)"
            " values (gen_random_uuid(), $1, 'N-1', $2, $3, $4) returning order_id",
            depot_id,
            contact_id,
            self.now,
            self.now + timedelta(hours=48),
        )

    async def tell(self, event: str) -> None:
        async with unit_of_work(self.connection) as work:
            await notices.tell(work.connection, {self.order_id: News(event, self.now)}, self.now)

    async def send(self) -> int:
        return await self.sender.send_due(self.connection)

    async def log(self) -> list[str | None]:
        rows = await self.connection.fetch("select error from delivery order by delivery_id")
        return [row["error"] for row in rows]


@pytest.fixture
async def post(database_url: str) -> AsyncIterator[Post]:
    connection = await open_connection(database_url)
    mailbox = Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(mailbox), "127.0.0.1", 0)
    async with server:
        yield Post(connection, mailbox, server.sockets[0].getsockname()[1])
    await connection.close()


async def test_a_notice_is_mailed_once_and_logged(post: Post) -> None:
    await post.begin()
    for _ in range(3):
        await post.tell("dispatched")
    assert await post.send() == 1
    (mail,) = post.mailbox.got
    assert (mail["To"], mail["From"]) == ("zhang@example.test", "zaitu@example.test")
    assert "N-1" in mail.get_content()
    assert await post.log() == [None]
    assert await post.send() == 0


async def test_quiet_hours_hold_back_all_but_the_dispatch(post: Post) -> None:
    await post.begin()
    await post.tell("delivered")
    await post.tell("dispatched")
    assert await post.send() == 1
    assert len(post.mailbox.got) == 1
    # 08:00: the delivery's, and that the order was received, which sending the first one noted.
    post.now = NIGHT + timedelta(hours=8, minutes=30)
    assert await post.send() == 2
    assert len(post.mailbox.got) == 3


async def test_a_mail_server_that_refuses_is_tried_again_on_the_schedule(post: Post) -> None:
    await post.begin()
    post.mailbox.refusal = "451 try again later"
    await post.tell("dispatched")
    assert await post.send() == 1
    assert await post.send() == 0
    post.now += RETRY_AFTER[0]
    post.mailbox.refusal = None
    assert await post.send() == 1
    assert len(post.mailbox.got) == 1
    refused, taken = await post.log()
    assert refused is not None
    assert taken is None


async def test_the_mailed_dispatch_stops_the_clock_of_telling_the_customer(post: Post) -> None:
    await post.begin()
    async with unit_of_work(post.connection) as work:
        said = Evidence(Stage.DISPATCHED, post.now, "api", "k")
        await evidence.add(work.connection, CIPHER, post.order_id, said)
        await evidence.record_evidence(work, [post.order_id], post.now)
    assert await post.send() > 0
    kinds = await post.connection.fetch("select kind from evidence where order_id = $1", post.order_id)
    assert "customer_told" in {row["kind"] for row in kinds}
