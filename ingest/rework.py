"""Second chances: facts set apart whose device's clock has been corrected, and rejected payloads after a fix.

Each is a batch of its own that begins by taking in what waits, goes through the same steps as any other, and
ends by noting what became of it.
"""

from __future__ import annotations

import msgspec

from domain.facts import Fix, Kind, Reading, Scan
from ingest.batch import Batch, Held
from ingest.clocks import correct_clocks, drop_stored_at_other_times, with_correction
from ingest.context import IngestContext
from ingest.decoding import convert_datums, decode_messages, quarantine_wrong_clocks
from ingest.formats.zaitu import WHOLE
from ingest.loss_meter import note_numbers
from ingest.messages import Message, Outcome
from ingest.storing import drop_duplicates, store_facts
from ingest.tracking import fold_vehicles, record_evidence, store_tracks
from store import clocks, rejected
from store.clocks import QuarantinedFact
from store.facts import QUARANTINE_CONTEXT
from store.rejected import REJECTED_CONTEXT

AT_ONCE = 500
_STORING = (
    drop_stored_at_other_times,
    drop_duplicates,
    note_numbers,
    store_facts,
    fold_vehicles,
    store_tracks,
    record_evidence,
)


async def rework_quarantine(batch: Batch, context: IngestContext) -> None:
    """Take in facts set apart, store and fold those whose times can be believed now, and note which."""
    waiting_now = await clocks.waiting_in_quarantine(context.connection, AT_ONCE)
    # A correction this process has not heard of yet: its facts wait until it has.
    taken = [waiting for waiting in waiting_now if context.clocks.numbered(waiting.correction_id)]
    _take_in(batch, [_message(waiting) for waiting in taken])
    for place, waiting in enumerate(taken):
        _hold(batch, context, place, waiting)
    await quarantine_wrong_clocks(batch, context)
    # They are in the quarantine already.
    batch.quarantined = []
    times = {held.message: held.fact.stamp.device_time for held in batch.fixes}
    times |= {held.message: held.fact.stamp.device_time for held in batch.scans}
    times |= {held.message: held.fact.stamp.device_time for held in batch.readings}
    for step in _STORING:
        await step(batch, context)
    settled = [(waiting, times.get(place)) for place, waiting in enumerate(taken)]
    await clocks.settle(context.connection, settled, batch.now)


async def retry_rejected(batch: Batch, context: IngestContext) -> None:
    """Take in rejected payloads with the time they first came, and note which are usable now."""
    taken = await rejected.asked_for_retry(context.connection, AT_ONCE)
    messages = [
        Message(
            waiting.topic,
            context.cipher.decrypt(waiting.payload_cipher, REJECTED_CONTEXT),
            waiting.received_at,
            redelivered=True,
        )
        for waiting in taken
    ]
    _take_in(batch, messages)
    await decode_messages(batch, context)
    # An item kept by itself has its row in the store already, under the array it came in.
    alone = {batch.digest(place) for place, waiting in enumerate(taken) if waiting.item != WHOLE}
    batch.rejected = [again for again in batch.rejected if again.payload_sha256 not in alone]
    for step in (convert_datums, correct_clocks, quarantine_wrong_clocks, *_STORING):
        await step(batch, context)
    usable = {
        waiting.rejected_id: not _is_refused_again(waiting.item, outcome)
        for waiting, outcome in zip(taken, batch.outcomes, strict=True)
    }
    await rejected.settle(context.connection, usable, batch.now)


def _is_refused_again(item: int, outcome: Outcome) -> bool:
    """Whether what was tried again is refused: an item kept alone, or a payload as a whole."""
    refused = [place for place, _, _ in outcome.rejections or ()]
    return WHOLE in refused if item == WHOLE else bool(refused)


def _take_in(batch: Batch, messages: list[Message]) -> None:
    batch.again = True
    batch.messages = messages
    batch.outcomes = [Outcome() for _ in messages]


def _message(waiting: QuarantinedFact) -> Message:
    """What a fact set apart came in, for the steps that ask."""
    return Message(f"zaitu/v1/{waiting.device}/{waiting.kind}", b"", waiting.received_at, redelivered=True)


def _hold(batch: Batch, context: IngestContext, place: int, waiting: QuarantinedFact) -> None:
    device = context.fleet.device(waiting.device)
    correction = context.clocks.numbered(waiting.correction_id)
    if device is None or correction is None:
        return
    payload = context.cipher.decrypt(waiting.payload_cipher, QUARANTINE_CONTEXT)
    if waiting.kind == Kind.GPS:
        fix = Held(place, device, msgspec.json.decode(payload, type=Fix))
        batch.fixes.append(with_correction(fix, correction))
    elif waiting.kind == Kind.SCAN:
        scan = Held(place, device, msgspec.json.decode(payload, type=Scan))
        batch.scans.append(with_correction(scan, correction))
    else:
        reading = Held(place, device, msgspec.json.decode(payload, type=Reading))
        batch.readings.append(with_correction(reading, correction))
