"""First steps of the pipeline: from bytes to facts of known devices, or to reasons why not."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

import msgspec
import numpy as np

from domain.facts import Fix, Kind, Reading, Scan, believable_times, clock_fault, kind_of
from geo.datum import gcj02_to_wgs84
from ingest.batch import Batch, Held, ReceivedRun, ScanAnswer
from ingest.context import IngestContext
from ingest.fleet import Fleet
from ingest.formats.fields import Refusal
from ingest.formats.zaitu import MAX_PAYLOAD_BYTES, WHOLE, decode
from ingest.messages import Message, parse_topic
from store.enrolments import PENDING
from store.facts import QUARANTINE_CONTEXT, FactToQuarantine, PayloadToReject
from store.fleet import Device
from store.rejected import KEPT_PAYLOAD_BYTES, REJECTED_CONTEXT

LONGEST_TOPIC = 400
GCJ02 = "gcj02"
F = TypeVar("F", Fix, Scan, Reading)


async def decode_messages(batch: Batch, context: IngestContext) -> None:
    """Turn every payload into facts of a registered device, or reject it or its bad items with the reason."""
    topics = [parse_topic(message.topic) for message in batch.messages]
    await context.fleet.learn_devices(context.connection, {topic[0] for topic in topics if topic})
    for place, topic in enumerate(topics):
        if topic is None:
            _reject(batch, context, place, WHOLE, Refusal("unknown_topic", "not a topic devices publish on"))
            continue
        name, kind = topic
        device = context.fleet.device(name)
        if device is None or device.status != "active":
            _reject(batch, context, place, WHOLE, _refused_device(device, enrols=context.enrols))
            if device is None and context.enrols:
                batch.newcomers.add((name, kind.value))
            continue
        _decode_message(batch, context, place, device, kind)


def decode_ahead(message: Message, fleet: Fleet) -> None:
    """Decode a message that waits, if its device is known already."""
    topic = parse_topic(message.topic)
    device = fleet.device(topic[0]) if topic is not None else None
    if topic is not None and device is not None:
        decoded = decode(topic[1], message.payload, device.name, device.datum, message.received_at)
        message.decoded = (device, decoded)


def _decode_message(batch: Batch, context: IngestContext, place: int, device: Device, kind: Kind) -> None:
    message = batch.messages[place]
    if message.decoded is not None and message.decoded[0] is device:
        decoded = message.decoded[1]
    else:
        decoded = decode(kind, message.payload, device.name, device.datum, message.received_at)
    for item, refusal in decoded.refusals:
        _reject(batch, context, place, item, refusal)
        _note_refused(batch, device, kind, refusal)
    for _, fact in decoded.facts:
        if isinstance(fact, Fix):
            batch.fixes.append(Held(place, device, fact))
        elif isinstance(fact, Scan):
            batch.scans.append(Held(place, device, fact))
        else:
            batch.readings.append(Held(place, device, fact))


def _note_refused(batch: Batch, device: Device, kind: Kind, refusal: Refusal) -> None:
    """Its device is to know of the item's end, and its number is not missing."""
    if refusal.seq is not None:
        batch.refused_numbers.append(((device.device_id, kind.value), refusal.seq))
        batch.received.append(ReceivedRun(device.name, kind, refusal.seq, refusal.seq))
    if refusal.scan_id is not None:
        batch.answers.append(ScanAnswer(device.name, refusal.scan_id, "rejected", refusal.reason))


async def convert_datums(batch: Batch, context: IngestContext) -> None:
    """Bring fixes sent in GCJ-02 to WGS-84, all at once; `datum` keeps what was sent."""
    places = [place for place, held in enumerate(batch.fixes) if held.fact.datum == GCJ02]
    if not places:
        return
    lats, lons = gcj02_to_wgs84(
        np.array([batch.fixes[place].fact.lat for place in places]),
        np.array([batch.fixes[place].fact.lon for place in places]),
    )
    for place, lat, lon in zip(places, lats.tolist(), lons.tolist(), strict=True):
        held = batch.fixes[place]
        batch.fixes[place] = Held(held.message, held.device, held.fact._replace(lat=lat, lon=lon))


async def quarantine_wrong_clocks(batch: Batch, context: IngestContext) -> None:
    """Set apart every fact whose device time cannot be believed, before it can move anything."""
    batch.fixes = _believed(batch, context, batch.fixes)
    batch.scans = _believed(batch, context, batch.scans)
    batch.readings = _believed(batch, context, batch.readings)


def _believed(batch: Batch, context: IngestContext, helds: Sequence[Held[F]]) -> list[Held[F]]:
    believed = []
    received_at = None
    for held in helds:
        stamp = held.fact.stamp
        # Messages that were read together share the time of receipt.
        if stamp.received_at is not received_at:
            received_at = stamp.received_at
            earliest, latest = believable_times(received_at)
        if earliest <= stamp.device_time <= latest:
            believed.append(held)
        else:
            _quarantine(batch, context, held)
    return believed


def _quarantine(batch: Batch, context: IngestContext, held: Held[F]) -> None:
    stamp = held.fact.stamp
    fault = clock_fault(stamp.device_time, stamp.received_at)
    assert fault is not None
    batch.quarantined.append(
        FactToQuarantine(
            device_id=held.device.device_id,
            kind=kind_of(held.fact).value,
            device_time=stamp.as_received,
            content_hash=stamp.content_hash,
            received_at=stamp.received_at,
            reason=fault.value,
            payload_cipher=context.cipher.encrypt(_as_received(held.fact), QUARANTINE_CONTEXT),
            message=held.message,
            seq=stamp.seq,
        )
    )


def _as_received(fact: Fix | Scan | Reading) -> bytes:
    """The fact as JSON, with the time it came with."""
    stamp = fact.stamp
    if stamp.reported_time is not None:
        stamp = stamp._replace(device_time=stamp.reported_time, reported_time=None)
    return msgspec.json.encode(fact._replace(stamp=stamp))


def reject_whole(batch: Batch, context: IngestContext, place: int, reason: str, detail: str) -> None:
    """Reject the batch's message at `place` as a whole."""
    _reject(batch, context, place, WHOLE, Refusal(reason, detail))


def _reject(batch: Batch, context: IngestContext, place: int, item: int, refusal: Refusal) -> None:
    message = batch.messages[place]
    batch.outcomes[place].reject(item, refusal.reason, refusal.detail)
    kept = message.payload if refusal.content is None else refusal.content
    batch.rejected.append(
        PayloadToReject(
            source=message.source,
            topic=_storable_topic(message),
            item=item,
            reason=refusal.reason,
            detail=refusal.detail,
            payload_cipher=context.cipher.encrypt(kept[: _most_kept(refusal)], REJECTED_CONTEXT),
            payload_bytes=len(message.payload),
            payload_sha256=batch.digest(place),
            received_at=message.received_at,
            redelivered=message.redelivered,
        )
    )


def _most_kept(refusal: Refusal) -> int:
    """What waits for approval is kept whole, so that it can be used: it may be all there is."""
    return MAX_PAYLOAD_BYTES if refusal.reason == PENDING else KEPT_PAYLOAD_BYTES


def _storable_topic(message: Message) -> str:
    """The topic as text the database takes: MQTT allows U+0000, and lengths that do not fit an index."""
    topic = message.topic.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if len(topic) <= LONGEST_TOPIC:
        return topic
    return f"{topic[:LONGEST_TOPIC]}… {sha256(topic.encode()).hexdigest()}"


def _refused_device(device: Device | None, *, enrols: bool) -> Refusal:
    if device is None and enrols:
        return Refusal(PENDING, "the device waits for approval; this is kept until then")
    if device is None:
        return Refusal("unknown_device", "no device of this name is registered")
    return Refusal("unknown_device", f"the device is {device.status}")
