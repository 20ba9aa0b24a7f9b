"""What devices are told after a commit: which facts are safe, how scans fared (docs/wire-format.md, 10).

The writer notes each committed batch in the book, which only remembers; a task of its own publishes from it,
so that telling devices never delays a commit. What is lost here, in a crash or for want of room, costs a
device nothing but sending again: it is told then.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from typing import Protocol

import msgspec

from domain.facts import Kind
from ingest.batch import Batch, ScanAnswer

INTERVAL_S = 1.0
RECEIPTS_A_ROUND = 250
"""A share of the broker that leaves the facts their way: 15,000 devices are told within a minute."""

MAX_ANSWERS = 5_000
MAX_STREAMS = 100_000
MAX_RANGES = 64
_SENTENCES = {
    "unknown_code": "No order or package has this code",
    "wrong_vehicle": "It is meant for, or rides on, another vehicle",
    "closed": "The order is closed",
    "quarantined": "The clock of this device is wrong",
}

Stream = tuple[str, Kind]
"""A device's name and a topic of its."""


class Publisher(Protocol):
    """What is needed of the broker's side."""

    def publish(self, topic: str, payload: bytes) -> bool:
        """Publish with QoS 1; False when it cannot be taken now."""
        ...


class ReceiptBook:
    """What is committed and has not been told yet; the longest waiting is told first."""

    def __init__(self) -> None:
        self._waiting: dict[Stream, list[tuple[int, int]]] = {}
        self._answers: deque[ScanAnswer] = deque(maxlen=MAX_ANSWERS)
        self.news = asyncio.Event()

    def note(self, batch: Batch) -> None:
        """Take in a batch whose transaction has been committed."""
        for run in batch.received:
            if run.kind is not Kind.CMD_ACK:
                self._add((run.device, run.kind), run.first, run.last)
        if batch.answers:
            self._answers.extend(batch.answers)
            self.news.set()

    def next_answers(self) -> Iterator[ScanAnswer]:
        """Take scan answers out, oldest first."""
        while self._answers:
            yield self._answers.popleft()

    def give_back(self, answer: ScanAnswer) -> None:
        """Put an answer back that could not be sent."""
        self._answers.appendleft(answer)

    def next_receipts(self, limit: int) -> list[tuple[Stream, tuple[int, int]]]:
        """Take out one range of each of up to `limit` streams."""
        taken = []
        for stream in list(self._waiting)[:limit]:
            ranges = self._waiting.pop(stream)
            taken.append((stream, ranges.pop(0)))
            if ranges:
                self._waiting[stream] = ranges
        return taken

    def _add(self, stream: Stream, first: int, last: int) -> None:
        ranges = self._waiting.setdefault(stream, [])
        if not ranges or first > ranges[-1][1] + 1:
            ranges.append((first, last))
        else:
            _unite(ranges, first, last)
        if len(ranges) > MAX_RANGES:
            ranges.pop(0)
        if len(self._waiting) > MAX_STREAMS:
            del self._waiting[next(iter(self._waiting))]


def _unite(ranges: list[tuple[int, int]], first: int, last: int) -> None:
    """Add a range to ascending, disjoint ones, joining those it touches."""
    low = bisect_left(ranges, first - 1, key=lambda kept: kept[1])
    high = low
    while high < len(ranges) and ranges[high][0] <= last + 1:
        first, last = min(first, ranges[high][0]), max(last, ranges[high][1])
        high += 1
    ranges[low:high] = [(first, last)]


async def tell_devices(book: ReceiptBook, publisher: Publisher) -> None:
    """Publish scan answers as they come and, once a second, a receipt for each device and topic; for ever."""
    loop = asyncio.get_running_loop()
    next_round_s = loop.time()
    while True:
        _send_answers(book, publisher)
        if loop.time() >= next_round_s:
            _send_receipts(book, publisher)
            next_round_s = loop.time() + INTERVAL_S
        book.news.clear()
        try:
            await asyncio.wait_for(book.news.wait(), max(next_round_s - loop.time(), 0))
        except TimeoutError:
            continue


def _send_answers(book: ReceiptBook, publisher: Publisher) -> None:
    for answer in book.next_answers():
        body = {"type": "scan_answer", "scan_id": answer.scan_id, "result": answer.result}
        if answer.reason is not None:
            body["reason"] = answer.reason
        if answer.result in _SENTENCES:
            body["message"] = _SENTENCES[answer.result]
        if not publisher.publish(_topic(answer.device), msgspec.json.encode(body)):
            book.give_back(answer)
            return


def _send_receipts(book: ReceiptBook, publisher: Publisher) -> None:
    # What cannot be sent is forgotten: without a receipt, the device sends those facts again.
    for (device, kind), (first, last) in book.next_receipts(RECEIPTS_A_ROUND):
        body = {"type": "receipt", "topic": kind.value, "from_seq": first, "seq": last}
        publisher.publish(_topic(device), msgspec.json.encode(body))


def _topic(device: str) -> str:
    return f"zaitu/v1/{device}/cmd"
