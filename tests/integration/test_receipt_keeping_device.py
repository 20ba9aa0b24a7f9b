"""A device that keeps its facts until their receipts loses none, even when the broker's machine fails."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from company import Company, fix
from ingest_process import IngestRunner, wait_until

from runtime.stack.mosquitto import Broker
from simulators.clock import SystemClock
from simulators.keeper import PATIENCE_S, Keeper
from simulators.messages import Encoding, Message
from simulators.outbox import Connections, Outbox


def test_a_broker_killed_before_it_saved_costs_such_a_device_nothing(
    broker: Broker, company: Company, ingest: IngestRunner
) -> None:
    device = company.device(company.depot(), "trk-1")
    company.assign(device, company.vehicle(company.depot(), "V1"), datetime.now(UTC) - timedelta(days=1))
    process = ingest.start(broker)
    ingest.wait_subscribed()
    broker.save()
    start = datetime.now(UTC) - timedelta(minutes=10)
    keeper = Keeper()

    with Outbox[Message](
        broker.simulator_url, "gateway", Connections.SHARED, SystemClock(threading.Event()), listen=True
    ) as outbox:

        def send(message: Message) -> None:
            keeper.keep(message, 0.0)
            assert outbox.send(message.device, message.topic, message.payload(), message)

        def hear() -> bool:
            for topic, payload in outbox.heard():
                keeper.hear(topic, payload)
            return len(keeper) == 0

        def fact(seq: int) -> Message:
            item = fix(start + timedelta(seconds=seq), 10.0 * seq, seq=seq)
            return Message(0.0, "trk-1", "gps", (item,), False, Encoding.JSON, {"stored": 1})

        for seq in range(20):
            send(fact(seq))
        wait_until(hear, "receipts of the first facts")

        ingest.kill(process)
        for seq in range(20, 40):
            send(fact(seq))
        wait_until(lambda: outbox.collect() is not None and outbox.unconfirmed == 0, "the broker's word")
        broker.kill()
        broker.ensure_running()
        ingest.start(broker)
        wait_until(lambda: outbox.reconnected(), "the device to connect again")
        assert len(keeper) == 20
        for message in keeper.due(PATIENCE_S, reconnected=True):
            outbox.send(message.device, message.topic, message.payload(), message)
        wait_until(hear, "receipts of what was sent again")

    assert company.value("select count(*) from position") == 40
    assert company.rows("select missing::text from numbering") == [("{}",)]
