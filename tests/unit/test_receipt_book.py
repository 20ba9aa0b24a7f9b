"""What devices are told: ranges without gaps, once, and never more than there is room for."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from domain.facts import Kind
from ingest.batch import Batch, ReceivedRun, ScanAnswer
from ingest.receipts import MAX_RANGES, ReceiptBook, tell_devices

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Wire:
    """A publisher that keeps what it is given while it is open."""

    def __init__(self) -> None:
        self.open = True
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.full = asyncio.Event()

    def publish(self, topic: str, payload: bytes) -> bool:
        if self.open:
            self.sent.append((topic, json.loads(payload)))
        if len(self.sent) == 3:
            self.full.set()
        return self.open


def committed(*runs: tuple[int, int], device: str = "trk-1", kind: Kind = Kind.GPS) -> Batch:
    batch = Batch([], NOW)
    batch.received = [ReceivedRun(device, kind, first, last) for first, last in runs]
    return batch


def test_runs_that_touch_become_one_receipt_and_a_gap_makes_two() -> None:
    book = ReceiptBook()
    book.note(committed((5, 9), (1, 3), (20, 20)))
    book.note(committed((4, 4), (7, 8)))

    stream = ("trk-1", Kind.GPS)
    assert book.next_receipts(10) == [(stream, (1, 9))]
    assert book.next_receipts(10) == [(stream, (20, 20))]
    assert book.next_receipts(10) == []


def test_each_topic_has_its_own_and_the_longest_waiting_is_told_first() -> None:
    book = ReceiptBook()
    book.note(committed((1, 1), kind=Kind.SCAN))
    book.note(committed((1, 1)))
    book.note(committed((2, 2), kind=Kind.SCAN))
    book.note(committed((7, 7), kind=Kind.CMD_ACK))

    assert book.next_receipts(1) == [(("trk-1", Kind.SCAN), (1, 2))]
    assert book.next_receipts(1) == [(("trk-1", Kind.GPS), (1, 1))]
    assert book.next_receipts(1) == []


def test_a_stream_keeps_a_bounded_number_of_ranges() -> None:
    book = ReceiptBook()
    book.note(committed(*((number, number) for number in range(0, 4 * MAX_RANGES, 2))))

    rounds = 0
    while book.next_receipts(1):
        rounds += 1
    assert rounds == MAX_RANGES


async def test_answers_wait_for_the_connection_and_receipts_follow_once_a_second() -> None:
    book, wire = ReceiptBook(), Wire()
    wire.open = False
    batch = committed((1, 2))
    batch.answers = [
        ScanAnswer("scn-1", "S1", "accepted"),
        ScanAnswer("scn-1", "S2", "rejected", "wrong_type"),
    ]
    telling = asyncio.create_task(tell_devices(book, wire))
    book.note(batch)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert wire.sent == []

    wire.open = True
    book.note(committed((3, 3)))
    book.news.set()
    async with asyncio.timeout(60):
        await wire.full.wait()
    telling.cancel()

    answers = [body for topic, body in wire.sent if topic == "zaitu/v1/scn-1/cmd"]
    receipts = [body for topic, body in wire.sent if topic == "zaitu/v1/trk-1/cmd"]
    assert [answer["scan_id"] for answer in answers] == ["S1", "S2"]
    assert answers[1]["reason"] == "wrong_type"
    assert receipts[0]["type"] == "receipt"
    assert receipts[0]["seq"] == 3
