"""Step of the pipeline that keeps the loss meter: which of the devices' numbered facts have not come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from ingest.batch import Batch
from ingest.context import IngestContext
from ingest.numberings import Run
from store.numbering import NumberingKey


async def note_numbers(batch: Batch, context: IngestContext) -> None:
    """Note the numbers of the batch's new facts, and of those that came and cannot be used."""
    facts = _numbered(batch)
    if batch.again:
        # They came, but their times are old news: they must not look like the beginning of another numbering.
        facts = ((key, seq, None) for key, seq, _ in facts)
    batch.newly_missing = await context.numberings.take(context.connection, list(_runs(facts)))


def _runs(facts: Iterable[tuple[NumberingKey, int, datetime | None]]) -> Iterator[Run]:
    """Facts gathered into runs, in the order they came; a time that does not rise begins another run."""
    key: NumberingKey | None = None
    first = last = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    for fact_key, seq, at in facts:
        if fact_key == key and seq == last + 1 and at is not None and last_at is not None and at > last_at:
            last, last_at = seq, at
            continue
        if key is not None:
            yield Run(key, first, last, first_at, last_at)
        key, first, last, first_at, last_at = fact_key, seq, seq, at, at
    if key is not None:
        yield Run(key, first, last, first_at, last_at)


def _numbered(batch: Batch) -> Iterator[tuple[NumberingKey, int, datetime | None]]:
    for held in batch.fixes:
        stamp = held.fact.stamp
        if stamp.seq is not None:
            yield (held.device.device_id, "gps"), stamp.seq, stamp.device_time
    for scan in batch.scans:
        stamp = scan.fact.stamp
        if stamp.seq is not None:
            yield (scan.device.device_id, "scan"), stamp.seq, stamp.device_time
    for reading in batch.readings:
        stamp = reading.fact.stamp
        if stamp.seq is not None:
            yield (reading.device.device_id, reading.fact.kind.value), stamp.seq, stamp.device_time
    for fact in batch.quarantined:
        if fact.seq is not None:
            yield (fact.device_id, fact.kind), fact.seq, None
    for (device_id, kind), seq in batch.refused_numbers:
        yield (device_id, kind), seq, None
