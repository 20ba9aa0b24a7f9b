"""Steps of the pipeline that put right the times of devices whose clocks are known to be wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from domain.access import Principal
from domain.device_clocks import Correction
from domain.facts import Fix, Reading, Scan, Stamp
from ingest.batch import Batch, Held
from store import clocks, facts
from store.facts import FactKey
from store.pool import Connection

if TYPE_CHECKING:
    from ingest.context import IngestContext

F = TypeVar("F", Fix, Scan, Reading)
LookUp = Callable[[Connection, Collection[FactKey]], Awaitable[set[FactKey]]]
SETTLED_AFTER = timedelta(seconds=1)


@dataclass
class DeviceClocks:
    """Every correction ever made of a device's clock, as of the last look."""

    _of: dict[int, list[Correction]] = field(default_factory=dict)
    settled_at: datetime | None = None

    async def load(self, connection: Connection, principal: Principal) -> None:
        """Read the corrections again."""
        by_device: dict[int, list[Correction]] = defaultdict(list)
        for correction in await clocks.corrections(connection, principal):
            by_device[correction.device_id].append(correction)
        self._of = dict(by_device)
        begins = [correction.applies_from for known in self._of.values() for correction in known]
        self.settled_at = max(begins) + SETTLED_AFTER if begins else None

    def __bool__(self) -> bool:
        return bool(self._of)

    def of(self, device_id: int) -> Sequence[Correction]:
        """The corrections of a device's clock, oldest first."""
        return self._of.get(device_id, ())

    def numbered(self, correction_id: int) -> Correction | None:
        """A correction by its id."""
        return next(
            (
                correction
                for known in self._of.values()
                for correction in known
                if correction.correction_id == correction_id
            ),
            None,
        )

    def corrected(self, held: Held[F]) -> Held[F]:
        """The fact with the time that the correction in force at its receipt gives it."""
        for correction in self.of(held.device.device_id):
            if correction.covers(held.fact.stamp.received_at):
                return with_correction(held, correction)
        return held


def with_correction(held: Held[F], correction: Correction) -> Held[F]:
    """The fact at its corrected time; the time as received stays in its stamp, and in its content hash."""
    stamp = held.fact.stamp
    right = Stamp(
        correction.adjustment.apply(stamp.as_received),
        stamp.content_hash,
        stamp.received_at,
        stamp.seq,
        reported_time=stamp.as_received,
    )
    return Held(held.message, held.device, held.fact._replace(stamp=right))


async def correct_clocks(batch: Batch, context: IngestContext) -> None:
    """Give facts of devices with corrected clocks the times they count at."""
    known = context.clocks
    if known:
        batch.fixes = [known.corrected(held) for held in batch.fixes]
        batch.scans = [known.corrected(held) for held in batch.scans]
        batch.readings = [known.corrected(held) for held in batch.readings]


async def drop_stored_at_other_times(batch: Batch, context: IngestContext) -> None:
    """Find duplicates of facts that were stored under another correction than the present one."""
    if context.clocks:
        batch.fixes = await _new(batch, batch.fixes, facts.existing_positions, context)
        batch.scans = await _new(batch, batch.scans, facts.existing_scans, context)
        batch.readings = await _new(batch, batch.readings, facts.existing_readings, context)


async def _new(batch: Batch, helds: list[Held[F]], look_up: LookUp, context: IngestContext) -> list[Held[F]]:
    suspects: list[FactKey] = []
    for held in helds:
        suspects.extend(_other_keys(held, context))
    if not suspects:
        return helds
    # The hash covers the time as received: with the device it tells a fact at whatever time it was stored.
    seen = {
        (device_id, content_hash)
        for device_id, _, content_hash in await look_up(context.connection, suspects)
    }
    kept = []
    for held in helds:
        identity = (held.device.device_id, held.fact.stamp.content_hash)
        if identity in seen:
            batch.outcomes[held.message].duplicates += 1
            continue
        if context.clocks.of(held.device.device_id):
            seen.add(identity)
        kept.append(held)
    return kept


def _other_keys(held: Held[F], context: IngestContext) -> list[FactKey]:
    stamp: Stamp = held.fact.stamp
    device_id = held.device.device_id
    known: Sequence[Correction] = context.clocks.of(device_id)
    if not known:
        return []
    times = {stamp.as_received, *(each.adjustment.apply(stamp.as_received) for each in known)}
    return [(device_id, at, stamp.content_hash) for at in sorted(times)]
