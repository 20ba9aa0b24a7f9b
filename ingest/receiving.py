"""Steps of the pipeline that note what devices are to be told once the batch is committed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeVar

from domain.conflicts import ConflictKind
from domain.facts import Fix, Kind, Reading, Scan, kind_of
from ingest.batch import Batch, Held, ReceivedRun, ScanAnswer
from ingest.context import IngestContext
from store import codes, conflicts

F = TypeVar("F", Fix, Scan, Reading)


async def note_received(batch: Batch, _context: IngestContext) -> None:
    """Note the numbers of all facts, and all scans, before any of them is found to be a duplicate."""
    for runs in (_runs(batch.fixes), _runs(batch.scans), _runs(batch.readings)):
        batch.received.extend(runs)
    batch.scans_received = list(batch.scans)


async def answer_scans(batch: Batch, context: IngestContext) -> None:
    """Work out what each scanner is told about its scans."""
    if not batch.scans_received:
        return
    known = await codes.known_codes(
        context.connection, context.principal, {held.fact.code for held in batch.scans}
    )
    stored = {_identity(held) for held in batch.scans}
    contradicted = await conflicts.of_scans(context.connection, known)
    set_apart = {(fact.device_id, fact.content_hash) for fact in batch.quarantined if fact.kind == Kind.SCAN}
    for held in batch.scans_received:
        identity = _identity(held)
        if identity in set_apart:
            result = "quarantined"
        elif identity not in stored:
            result = "duplicate"
        else:
            result = _result(held, known, contradicted)
            stored.remove(identity)
        batch.answers.append(ScanAnswer(held.device.name, held.fact.scan_id, result))


def _result(
    held: Held[Scan], known: Collection[str], contradicted: Mapping[str, Collection[ConflictKind]]
) -> str:
    """What a scan that was stored now comes to, by what it contradicts."""
    if held.fact.code not in known:
        return "unknown_code"
    device_id, at, content_hash = held.key
    contradicts = contradicted.get(f"{device_id}/{at.isoformat()}/{content_hash}", ())
    if ConflictKind.CLOSED in contradicts:
        return "closed"
    return "wrong_vehicle" if contradicts else "accepted"


def _identity(held: Held[Scan]) -> tuple[int, int]:
    """Which scan it is, whether or not its clock was corrected: the hash covers the time as received."""
    return (held.device.device_id, held.fact.stamp.content_hash)


def _runs(helds: Iterable[Held[F]]) -> Iterator[ReceivedRun]:
    """The numbers of the facts gathered into runs, in the order they came."""
    device, kind, first, last = "", Kind.GPS, 0, 0
    for _, its_device, fact in helds:
        seq = fact.stamp.seq
        if seq is None:
            continue
        name, its_kind = its_device.name, kind_of(fact)
        if seq == last + 1 and name == device and its_kind is kind:
            last = seq
            continue
        if device:
            yield ReceivedRun(device, kind, first, last)
        device, kind, first, last = name, its_kind, seq, seq
    if device:
        yield ReceivedRun(device, kind, first, last)
