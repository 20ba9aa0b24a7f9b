"""Steps of the pipeline that note what devices are to be told once the batch is committed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from domain.facts import Kind, Scan
from ingest.batch import Batch, Held, ReceivedRun, ScanAnswer
from ingest.context import IngestContext
from store import codes


async def note_received(batch: Batch, _context: IngestContext) -> None:
    """Note the numbers of all facts, and all scans, before any of them is found to be a duplicate."""
    batch.received.extend(_runs(_numbers(batch)))
    batch.scans_received = list(batch.scans)


async def answer_scans(batch: Batch, context: IngestContext) -> None:
    """Work out what each scanner is told about its scans."""
    if not batch.scans_received:
        return
    known = await codes.known_codes(
        context.connection, context.principal, {held.fact.code for held in batch.scans}
    )
    stored = {_identity(held) for held in batch.scans}
    set_apart = {(fact.device_id, fact.content_hash) for fact in batch.quarantined if fact.kind == Kind.SCAN}
    for held in batch.scans_received:
        identity = _identity(held)
        if identity in set_apart:
            result = "quarantined"
        elif identity not in stored:
            result = "duplicate"
        else:
            result = "accepted" if held.fact.code in known else "unknown_code"
            stored.remove(identity)
        batch.answers.append(ScanAnswer(held.device.name, held.fact.scan_id, result))


def _identity(held: Held[Scan]) -> tuple[int, int]:
    """Which scan it is, whether or not its clock was corrected: the hash covers the time as received."""
    return (held.device.device_id, held.fact.stamp.content_hash)


def _numbers(batch: Batch) -> Iterator[tuple[str, Kind, int | None]]:
    fixes = ((held.device.name, Kind.GPS, held.fact.stamp.seq) for held in batch.fixes)
    scans = ((held.device.name, Kind.SCAN, held.fact.stamp.seq) for held in batch.scans)
    readings = ((held.device.name, held.fact.kind, held.fact.stamp.seq) for held in batch.readings)
    return chain(fixes, scans, readings)


def _runs(numbers: Iterator[tuple[str, Kind, int | None]]) -> Iterator[ReceivedRun]:
    device, kind, first, last = "", Kind.GPS, 0, 0
    for its_device, its_kind, seq in numbers:
        if seq is None:
            continue
        if its_device == device and its_kind is kind and seq == last + 1:
            last = seq
            continue
        if device:
            yield ReceivedRun(device, kind, first, last)
        device, kind, first, last = its_device, its_kind, seq, seq
    if device:
        yield ReceivedRun(device, kind, first, last)
