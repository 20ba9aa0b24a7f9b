"""Whatever the broker holds or floods us with: what waits in memory is bounded, and the rest comes later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.broker import BrokerAddress, BrokerListener
from ingest.buffered_client import RECEIVE_BYTES
from ingest.inbox import MESSAGE_BYTES, BatchRules, Inbox
from runtime.stack.mosquitto import Broker

WAIT_S = 120.0
PROBE = b"probe"
ENOUGH = 2_000_000
RULES = BatchRules(max_messages=1_000, max_bytes=500_000, max_age_s=0.01, enough_bytes=ENOUGH)


def send(broker: Broker, payload: bytes, count: int, qos: int) -> None:
    address = urlsplit(broker.simulator_url)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.username_pw_set(address.username, address.password)
    client.connect(address.hostname or "", address.port or 0)
    client.loop_start()
    sent = [client.publish("zaitu/v1/trk-1/gps", payload, qos=qos) for _ in range(count)]
    for info in sent:
        info.wait_for_publish(WAIT_S)
        assert info.is_published()
    client.disconnect()
    client.loop_stop()


@pytest.mark.parametrize(
    ("size", "count", "qos"),
    [(1_000_000, 20, 1), (1_000_000, 20, 0), (100, 30_000, 0)],
    ids=["large payloads", "large payloads without acknowledgement", "a flood without acknowledgement"],
)
async def test_what_waits_is_bounded_by_bytes_and_everything_comes_in_the_end(
    broker: Broker, size: int, count: int, qos: int
) -> None:
    inbox = Inbox(RULES, time.monotonic)
    listener = BrokerListener(BrokerAddress.parse(broker.url), "bounded", inbox, lambda: datetime.now(UTC))
    running = asyncio.create_task(listener.run())
    try:
        async with asyncio.timeout(WAIT_S):
            while not len(inbox):
                await asyncio.to_thread(send, broker, PROBE, 1, 1)
            probes = await inbox.next_batch(0.1)
            listener.acknowledge([message.receipt for message in probes if message.receipt])
            sending = asyncio.create_task(asyncio.to_thread(send, broker, bytes(size), count, qos))
            while not inbox.has_enough:  # noqa: ASYNC110 - the inbox announces batches only
                await asyncio.sleep(0.01)
            came, most = 0, 0
            while came < count:
                most = max(most, inbox.waiting_bytes)
                batch = await inbox.next_batch(0.1)
                came += sum(message.payload != PROBE for message in batch)
                listener.acknowledge([message.receipt for message in batch if message.receipt])
            await sending
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    # What one read of the socket brings may come on top.
    messages_a_read = RECEIVE_BYTES // size + 2
    assert ENOUGH <= most <= ENOUGH + RECEIVE_BYTES + messages_a_read * MESSAGE_BYTES + size


async def test_what_the_broker_holds_is_told_by_its_own_count(
    broker_factory: Callable[..., Broker],
) -> None:
    broker = broker_factory({"sys_interval": "1"})
    inbox, said = Inbox(RULES, time.monotonic), list[int]()
    listener = BrokerListener(
        BrokerAddress.parse(broker.url), "told", inbox, lambda: datetime.now(UTC), on_queue=said.append
    )
    running = asyncio.create_task(listener.run())
    try:
        async with asyncio.timeout(WAIT_S):
            while not said:  # noqa: ASYNC110 - the broker speaks when it likes
                await asyncio.sleep(0.01)
            await asyncio.to_thread(send, broker, PROBE, 500, 1)
            while said[-1] < 500:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            held = await inbox.next_batch(0.1)
            while len(held) < 500:
                held += await inbox.next_batch(0.1)
            listener.acknowledge([message.receipt for message in held if message.receipt])
            while said[-1] >= 500:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert {message.payload for message in held} == {PROBE}
