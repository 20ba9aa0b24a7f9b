"""The broker killed by SIGKILL: who waits for receipts loses nothing, and what others lose is counted.

The short form runs with all other tests; `make chaos` sets ZAITU_CHAOS=full.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from chaos_world import FULL, PATIENCE_S, say, wait_for
from company import Company, fix
from ingest_process import IngestRunner

from runtime.stack.mosquitto import Broker
from simulators.clock import SystemClock
from simulators.keeper import PATIENCE_S as KEEPER_PATIENCE_S
from simulators.keeper import Keeper
from simulators.messages import Encoding, Message
from simulators.outbox import Connections, Outbox

KILLS = 2
DEVICES = 20 if FULL else 4
FACTS_A_STRETCH = 200 if FULL else 25
KEEPING = [f"keep-{number}" for number in range(DEVICES)]
PLAIN = [f"plain-{number}" for number in range(DEVICES)]


class Fleet:
    """Devices behind one gateway: some keep each fact until its receipt, the others trust the broker."""

    def __init__(self, outbox: Outbox[Message], start: datetime) -> None:
        self._outbox = outbox
        self._start = start
        self._numbers = count()
        self._keeper = Keeper()
        self.sent: set[tuple[str, int]] = set()

    def report(self, facts: int) -> None:
        """Have every device send so many facts."""
        for seq in (next(self._numbers) for _ in range(facts)):
            item = fix(self._start + timedelta(seconds=seq), 2.0 * seq, seq=seq)
            for device in (*KEEPING, *PLAIN):
                message = Message(0.0, device, "gps", (item,), False, Encoding.JSON, {"stored": 1})
                self.sent.add((device, seq))
                if device in KEEPING:
                    self._keeper.keep(message, 0.0)
                self._send([message])

    def send_again(self) -> None:
        """As those devices do after a reconnect that keep facts without a receipt."""
        self._send(self._keeper.due(KEEPER_PATIENCE_S, reconnected=True))

    def wait_for_broker(self) -> None:
        wait_for(
            lambda: self._outbox.collect() is not None and self._outbox.unconfirmed == 0, "the broker's word"
        )

    def wait_for_receipts(self) -> None:
        wait_for(self._has_all_receipts, "receipts")

    def wait_for_reconnect(self) -> None:
        wait_for(self._outbox.reconnected, "the gateway to connect again")

    def _send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            assert self._outbox.send(message.device, message.topic, message.payload(), message)

    def _has_all_receipts(self) -> bool:
        for topic, payload in self._outbox.heard():
            self._keeper.hear(topic, payload)
        return len(self._keeper) == 0


def stored(company: Company) -> set[tuple[str, int]]:
    return set(company.rows("select name, seq from position join device using (device_id)"))


def found_missing(company: Company) -> set[tuple[str, int]]:
    """What the loss meter says never came."""
    ranges = company.rows(
        "select name, lower(part), upper(part) from numbering join device using (device_id), "
        "unnest(missing) as part"
    )
    return {(name, seq) for name, first, end in ranges for seq in range(first, end)}


@pytest.mark.timeout(PATIENCE_S * 2)
def test_a_broker_killed_twice_costs_devices_that_wait_for_receipts_nothing_and_others_what_the_meter_says(
    broker: Broker, company: Company, ingest: IngestRunner
) -> None:
    depot, start = company.depot(), datetime.now(UTC) - timedelta(hours=6)
    for device in (*KEEPING, *PLAIN):
        company.assign(company.device(depot, device), company.vehicle(depot, device), start)
    process = ingest.start(broker)
    ingest.wait_subscribed()
    clock = SystemClock(threading.Event())
    with Outbox[Message](broker.simulator_url, "gateway", Connections.SHARED, clock, listen=True) as outbox:
        fleet = Fleet(outbox, start)
        fleet.report(FACTS_A_STRETCH)
        wait_for(lambda: stored(company) == fleet.sent, "the first facts")
        fleet.wait_for_receipts()
        for kill in range(KILLS):
            broker.save()
            ingest.kill(process)
            fleet.report(FACTS_A_STRETCH)
            fleet.wait_for_broker()
            broker.kill()
            broker.ensure_running()
            fleet.wait_for_reconnect()
            process = ingest.start(broker)
            fleet.send_again()
            fleet.report(FACTS_A_STRETCH)
            fleet.wait_for_broker()
            fleet.wait_for_receipts()
            found = len(stored(company))
            say(f"broker killed {kill + 1} of {KILLS} times; stored {found} of {len(fleet.sent)}")
        last = {max(sent for sent in fleet.sent if sent[0] == device) for device in (*KEEPING, *PLAIN)}
        wait_for(lambda: last <= stored(company), "the last fact of every device")
        wait_for(lambda: fleet.sent - stored(company) == found_missing(company), "the loss meter to agree")

    lost = fleet.sent - stored(company)
    lost_keeping = {device for device, _ in lost if device in KEEPING}
    say(
        f"broker killed {KILLS} times: {len(fleet.sent)} facts; lost by devices that wait for receipts "
        f"{len(lost_keeping)}, by others {len(lost)}, which the loss meter names one by one"
    )
    assert not lost_keeping
    assert lost == found_missing(company)
    assert lost, "nothing was lost at all: the broker was not killed before it saved"
    assert company.value("select count(*) from position") == len(fleet.sent) - len(lost)
