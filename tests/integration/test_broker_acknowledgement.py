"""Packet ids belong to a connection: what is acknowledged, and what must not be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from ingest_process import publisher

from ingest.broker import BrokerAddress, BrokerListener
from ingest.inbox import BatchRules, Inbox
from ingest.messages import BrokerReceipt, Message
from runtime.stack.mosquitto import Broker

WAIT_S = 60.0


@asynccontextmanager
async def listening(broker: Broker) -> AsyncIterator[tuple[BrokerListener, Inbox]]:
    inbox = Inbox(BatchRules(), time.monotonic)
    listener = BrokerListener(BrokerAddress.parse(broker.url), "acks", inbox, lambda: datetime.now(UTC))
    running = asyncio.create_task(listener.run())
    await until(lambda: listener.connected)
    try:
        yield listener, inbox
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - the listener announces nothing
            await asyncio.sleep(0.01)


async def received(inbox: Inbox) -> Message:
    async with asyncio.timeout(WAIT_S):
        while not (batch := await inbox.next_batch(0.1)):
            pass
    assert len(batch) == 1
    return batch[0]


def receipt_of(message: Message) -> BrokerReceipt:
    assert message.receipt is not None
    return message.receipt


def send(broker: Broker, body: bytes) -> None:
    with publisher(broker) as publish:
        publish("trk-1/gps", body)


async def test_messages_that_come_among_the_brokers_answers_to_ours_are_all_received(broker: Broker) -> None:
    """paho reads several packets at once while messages of ours are under way; none may be theirs."""
    sent = [str(number).encode() for number in range(3_000)]

    def send_all() -> None:
        with publisher(broker) as publish:
            for body in sent:
                publish("trk-1/gps", body)

    async with listening(broker) as (listener, inbox):
        sending = asyncio.create_task(asyncio.to_thread(send_all))
        came: list[bytes] = []
        async with asyncio.timeout(WAIT_S):
            while len(came) < len(sent):
                for _ in range(20):
                    listener.publish("zaitu/v1/trk-1/cmd", b"{}")
                batch = await inbox.next_batch(0.01)
                came += [message.payload for message in batch]
                listener.acknowledge([receipt_of(message) for message in batch])
        await sending
    assert came == sent


async def test_a_receipt_of_an_earlier_connection_acknowledges_nothing(broker: Broker) -> None:
    async with listening(broker) as (listener, inbox):
        await asyncio.to_thread(send, broker, b"first")
        stale = receipt_of(await received(inbox))

        await asyncio.to_thread(broker.restart)
        await until(lambda: listener.generation == 2)
        again = await received(inbox)

        assert again.payload == b"first"
        assert again.redelivered
        assert receipt_of(again).packet_id == stale.packet_id
        assert listener.acknowledge([stale]) == 0

    async with listening(broker) as (listener, inbox):
        still = await received(inbox)
        assert still.payload == b"first"
        assert listener.acknowledge([receipt_of(still)]) == 1

    async with listening(broker) as (listener, inbox):
        await asyncio.to_thread(send, broker, b"second")
        assert (await received(inbox)).payload == b"second"
