"""Middle steps of the pipeline: tell new facts from duplicates, and store the new ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import TypeVar

from domain.facts import Fix, Reading, Scan
from ingest.batch import Batch, Held
from ingest.context import IngestContext
from store import enrolments, facts
from store.facts import SCAN_CONTEXT, FactKey, ScanToStore
from store.pool import Connection

F = TypeVar("F", Fix, Scan, Reading)
LookUp = Callable[[Connection, Collection[FactKey]], Awaitable[set[FactKey]]]


async def drop_duplicates(batch: Batch, context: IngestContext) -> None:
    """Keep the first of each fact within the batch, and only those the database does not have."""
    await context.last_fixes.learn(context.connection, {held.device.device_id for held in batch.fixes})
    suspects = context.last_fixes.suspects(batch.fixes)
    stored = await facts.existing_positions(context.connection, suspects)
    batch.fixes = _keep_new(batch, batch.fixes, stored)
    batch.scans = await _keep_unstored(batch, batch.scans, facts.existing_scans, context)
    batch.readings = await _keep_unstored(batch, batch.readings, facts.existing_readings, context)


async def store_facts(batch: Batch, context: IngestContext) -> None:
    """Write the new facts, the quarantined and the rejected."""
    connection = context.connection
    await facts.add_positions(connection, [(held.device.device_id, held.fact) for held in batch.fixes])
    await facts.add_readings(connection, [(held.device.device_id, held.fact) for held in batch.readings])
    await facts.add_scans(
        connection,
        [
            ScanToStore(held.device.device_id, held.fact, _private_part(held.fact, context))
            for held in batch.scans
        ],
    )
    await facts.advance_last_fixes(connection, _newest_by_device(batch.fixes))
    await _quarantine(batch, connection)
    await facts.reject(connection, batch.rejected)
    for message in _messages(batch):
        batch.outcomes[message].stored += 1


def _messages(batch: Batch) -> Iterator[int]:
    """The place of the message of each new fact."""
    yield from (held.message for held in batch.fixes)
    yield from (held.message for held in batch.scans)
    yield from (held.message for held in batch.readings)


async def _keep_unstored(
    batch: Batch, helds: Sequence[Held[F]], look_up: LookUp, context: IngestContext
) -> list[Held[F]]:
    stored = await look_up(context.connection, [held.key for held in helds])
    return _keep_new(batch, helds, stored)


def _keep_new(batch: Batch, helds: Sequence[Held[F]], stored: set[FactKey]) -> list[Held[F]]:
    seen = set(stored)
    kept = []
    for held in helds:
        message, device, fact = held
        stamp = fact.stamp
        key = (device.device_id, stamp.device_time, stamp.content_hash)
        if key in seen:
            batch.outcomes[message].duplicates += 1
        else:
            seen.add(key)
            kept.append(held)
    return kept


def _newest_by_device(fixes: Sequence[Held[Fix]]) -> list[tuple[int, Fix]]:
    newest: dict[int, Fix] = {}
    for _, device, fix in fixes:
        known = newest.get(device.device_id)
        if known is None or fix.stamp.device_time > known.stamp.device_time:
            newest[device.device_id] = fix
    return sorted(newest.items(), key=lambda item: item[0])


async def note_newcomers(batch: Batch, context: IngestContext) -> None:
    """Note devices that are not registered, where they may wait for approval."""
    if batch.newcomers:
        await enrolments.note(context.connection, batch.newcomers, batch.now)


async def _quarantine(batch: Batch, connection: Connection) -> None:
    """Set facts apart; one that was there already, or twice in the batch, is a duplicate."""
    new = await facts.quarantine(connection, batch.quarantined)
    for fact in batch.quarantined:
        if fact.key in new:
            new.remove(fact.key)
            batch.outcomes[fact.message].quarantined += 1
        else:
            batch.outcomes[fact.message].duplicates += 1


def _private_part(scan: Scan, context: IngestContext) -> bytes | None:
    named = {"signed_by": scan.signed_by, "note": scan.note, "proof": scan.proof, "reason": scan.reason}
    return context.cipher.seal_texts(named, SCAN_CONTEXT)
