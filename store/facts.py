"""Facts as received: written once, looked up by identity, read back for the fold."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from domain.facts import Fix, Reading, Scan
from store.pool import Connection
from store.queries import load

_queries = load("facts")
SCAN_CONTEXT = b"scan.private"
QUARANTINE_CONTEXT = b"quarantine.payload"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FactKey = tuple[int, datetime, int]
"""(device_id, device time as received, content hash): the identity of a fact."""

RejectedKey = tuple[str, bytes, int]
"""(topic, SHA-256 of the payload, item): what makes two rejections the same one."""

POSITION_COLUMNS = (
    "device_id", "device_time", "content_hash", "received_at", "seq", "lat", "lon", "datum", "alt_m",
    "speed_mps", "heading_deg", "accuracy_m", "too_late", "reported_time",
)  # fmt: skip
_SCAN_COLUMNS = (
    "device_id", "device_time", "content_hash", "received_at", "seq", "scan_id", "code", "action", "operator",
    "vehicle", "lat", "lon", "private_cipher", "too_late",
    "reported_time",
)  # fmt: skip
_READING_COLUMNS = (
    "device_id", "device_time", "content_hash", "kind", "received_at", "seq", "body", "too_late",
    "reported_time",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ScanToStore:
    """A scan with its personal part encrypted."""

    device_id: int
    scan: Scan
    private_cipher: bytes | None


@dataclass(frozen=True, slots=True)
class FactToQuarantine:
    """A fact with an unbelievable clock; `payload_cipher` is the fact as decoded, encrypted.

    `message` is the place of its message in the caller's batch.
    """

    device_id: int
    kind: str
    device_time: datetime
    content_hash: int
    received_at: datetime
    reason: str
    payload_cipher: bytes
    message: int
    seq: int | None

    @property
    def key(self) -> tuple[int, str, int, int]:
        """What the table tells duplicates by."""
        return (self.device_id, self.kind, epoch_ms(self.device_time), self.content_hash)


@dataclass(frozen=True, slots=True)
class PayloadToReject:
    """A payload, or item `item` of it (-1: all of it), that cannot be used, and why."""

    source: str
    topic: str
    item: int
    reason: str
    detail: str
    payload_cipher: bytes
    payload_bytes: int
    payload_sha256: bytes
    received_at: datetime
    redelivered: bool

    @property
    def key(self) -> RejectedKey:
        """What tells the same payload, or item, by."""
        return (self.topic, self.payload_sha256, self.item)


class StoredFix(NamedTuple):
    """What the fold needs of a fix; speed_mps as precise as it is stored, 32 bits."""

    vehicle_id: int
    device_time: datetime
    content_hash: int
    lat: float
    lon: float
    accuracy_m: float | None
    speed_mps: float | None = None
    device_kind: str = "tracker"


@dataclass(frozen=True, slots=True)
class LatestPosition:
    """Where a vehicle was last seen."""

    vehicle_id: int
    device_id: int
    fix: Fix


def epoch_ms(at: datetime) -> int:
    """Milliseconds since 1970-01-01T00:00:00Z, rounded down."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


async def existing_positions(connection: Connection, suspects: Collection[FactKey]) -> set[FactKey]:
    """Which of these fixes are stored already."""
    return await _existing(connection, _queries.existing_positions, suspects, bounded=True)


async def existing_readings(connection: Connection, suspects: Collection[FactKey]) -> set[FactKey]:
    """Which of these readings are stored already."""
    return await _existing(connection, _queries.existing_readings, suspects, bounded=True)


async def existing_scans(connection: Connection, suspects: Collection[FactKey]) -> set[FactKey]:
    """Which of these scans are stored already."""
    return await _existing(connection, _queries.existing_scans, suspects, bounded=False)


async def last_fix_times(connection: Connection, device_ids: Collection[int]) -> dict[int, datetime]:
    """The newest committed fix time of each device that has one."""
    rows = _queries.last_fixes(connection, device_ids=sorted(device_ids))
    return {row["device_id"]: row["device_time"] async for row in rows}


async def newest_fix_times(connection: Connection, vehicle_ids: Collection[int]) -> dict[int, datetime]:
    """After which time no fix of a vehicle is stored, for each vehicle that has one."""
    rows = _queries.newest_fixes(connection, vehicle_ids=sorted(vehicle_ids))
    return {row["vehicle_id"]: row["device_time"] async for row in rows}


async def add_positions(connection: Connection, fixes: Sequence[tuple[int, Fix]]) -> None:
    """Store new fixes, given as (device_id, fix), by COPY: none may be stored already."""
    if fixes:
        records = [position_record(device_id, fix) for device_id, fix in fixes]
        await connection.copy_records_to_table("position", records=records, columns=POSITION_COLUMNS)


async def add_readings(connection: Connection, readings: Sequence[tuple[int, Reading]]) -> None:
    """Store new readings, given as (device_id, reading): none may be stored already."""
    if readings:
        records = [
            (
                device_id, reading.stamp.device_time, reading.stamp.content_hash, reading.kind.value,
                reading.stamp.received_at, reading.stamp.seq, reading.body, reading.stamp.too_late,
                reading.stamp.reported_time,
            )
            for device_id, reading in readings
        ]  # fmt: skip
        await connection.copy_records_to_table("reading", records=records, columns=_READING_COLUMNS)


async def add_scans(connection: Connection, scans: Sequence[ScanToStore]) -> None:
    """Store new scans: none may be stored already."""
    if scans:
        records = [_scan_record(item) for item in scans]
        await connection.copy_records_to_table("scan", records=records, columns=_SCAN_COLUMNS)


async def advance_last_fixes(connection: Connection, newest: Sequence[tuple[int, Fix]]) -> None:
    """Move each device's newest fix time forward; never back."""
    if newest:
        await _queries.advance_last_fixes(
            connection,
            device_ids=[device_id for device_id, _ in newest],
            device_times=[fix.stamp.device_time for _, fix in newest],
            received_ats=[fix.stamp.received_at for _, fix in newest],
            seqs=[fix.stamp.seq for _, fix in newest],
        )


async def advance_latest_positions(connection: Connection, newest: Sequence[LatestPosition]) -> None:
    """Move vehicles' latest positions forward in device time; never back."""
    if newest:
        await _queries.advance_latest_positions(
            connection,
            vehicle_ids=[item.vehicle_id for item in newest],
            device_ids=[item.device_id for item in newest],
            device_times=[item.fix.stamp.device_time for item in newest],
            received_ats=[item.fix.stamp.received_at for item in newest],
            lats=[item.fix.lat for item in newest],
            lons=[item.fix.lon for item in newest],
            speeds_mps=[item.fix.speed_mps for item in newest],
            headings_deg=[item.fix.heading_deg for item in newest],
            accuracies_m=[item.fix.accuracy_m for item in newest],
        )


async def quarantine(
    connection: Connection, facts: Sequence[FactToQuarantine]
) -> set[tuple[int, str, int, int]]:
    """Set facts with unbelievable clocks apart; returns the keys of those that were not there already."""
    if not facts:
        return set()
    rows = _queries.quarantine(
        connection,
        device_ids=[fact.device_id for fact in facts],
        kinds=[fact.kind for fact in facts],
        device_times_ms=[epoch_ms(fact.device_time) for fact in facts],
        content_hashes=[fact.content_hash for fact in facts],
        received_ats=[fact.received_at for fact in facts],
        reasons=[fact.reason for fact in facts],
        payload_ciphers=[fact.payload_cipher for fact in facts],
    )
    return {(row["device_id"], row["kind"], row["device_time_ms"], row["content_hash"]) async for row in rows}


async def reject(connection: Connection, payloads: Iterable[PayloadToReject]) -> None:
    """Keep what cannot be used, with its reason; the same payload again is counted.

    A redelivery of one already here is not counted. Only the one writer rejects.
    """
    told: dict[RejectedKey, list[PayloadToReject]] = {}
    for payload in payloads:
        told.setdefault(payload.key, []).append(payload)
    if not told:
        return
    keys = sorted(told)
    again = _queries.count_again(
        connection,
        topics=[topic for topic, _, _ in keys],
        payload_sha256s=[digest for _, digest, _ in keys],
        items=[item for _, _, item in keys],
        times=[sum(not payload.redelivered for payload in told[key]) for key in keys],
        last_received_ats=[max(payload.received_at for payload in told[key]) for key in keys],
    )
    known = {(row["topic"], row["payload_sha256"], row["item"]) async for row in again}
    new = [key for key in keys if key not in known]
    if new:
        await _reject_new(connection, [told[key] for key in new])


async def _reject_new(connection: Connection, told: Sequence[Sequence[PayloadToReject]]) -> None:
    first = [payloads[0] for payloads in told]
    await _queries.reject(
        connection,
        sources=[payload.source for payload in first],
        topics=[payload.topic for payload in first],
        items=[payload.item for payload in first],
        reasons=[payload.reason for payload in first],
        details=[payload.detail for payload in first],
        payload_ciphers=[payload.payload_cipher for payload in first],
        payload_bytes=[payload.payload_bytes for payload in first],
        payload_sha256s=[payload.payload_sha256 for payload in first],
        received_ats=[payload.received_at for payload in first],
        last_received_ats=[max(payload.received_at for payload in payloads) for payloads in told],
        times=[max(sum(not payload.redelivered for payload in payloads), 1) for payloads in told],
    )


async def positions_of_vehicles(
    connection: Connection, between: Mapping[int, tuple[datetime, datetime]]
) -> list[StoredFix]:
    """Foldable fixes of vehicles, each after its own first time and up to its own second one.

    They come by vehicle, then time, then content hash.
    """
    if not between:
        return []
    afters, untils = zip(*between.values(), strict=True)
    rows = _queries.positions_of_vehicles(
        connection,
        vehicle_ids=list(between.keys()),
        afters=list(afters),
        untils=list(untils),
        earliest=min(afters),
        latest=max(untils),
    )
    return [StoredFix(**row) async for row in rows]


async def count_positions_after(connection: Connection, after: Mapping[int, datetime]) -> dict[int, int]:
    """How many foldable fixes of each vehicle are stored after its own time."""
    if not after:
        return {}
    rows = _queries.count_positions_after(
        connection,
        vehicle_ids=list(after.keys()),
        afters=list(after.values()),
        earliest=min(after.values()),
    )
    return {row["vehicle_id"]: int(row["count"]) async for row in rows}


async def vehicles_seen_since(connection: Connection, since: datetime) -> set[int]:
    """Vehicles whose newest fix is not older than `since`."""
    return {row["vehicle_id"] async for row in _queries.vehicles_seen_since(connection, since=since)}


async def seen_since(connection: Connection, since: Mapping[int, datetime]) -> set[int]:
    """Those vehicles whose newest fix is not older than each one's own time."""
    if not since:
        return set()
    rows = _queries.seen_since(connection, vehicle_ids=list(since.keys()), sinces=list(since.values()))
    return {row["vehicle_id"] async for row in rows}


async def place_latest_positions(connection: Connection, last_seen: Mapping[int, StoredFix | None]) -> None:
    """Set vehicles' latest positions to these fixes, or to none, whatever they were.

    A fix that is no longer kept leaves a position of its time as it is.
    """
    if not last_seen:
        return
    await _queries.forget_other_positions(
        connection,
        vehicle_ids=list(last_seen.keys()),
        device_times=[None if fix is None else fix.device_time for fix in last_seen.values()],
    )
    fixes = [fix for fix in last_seen.values() if fix is not None]
    if fixes:
        await _queries.place_latest_positions(
            connection,
            vehicle_ids=[fix.vehicle_id for fix in fixes],
            device_times=[fix.device_time for fix in fixes],
            content_hashes=[fix.content_hash for fix in fixes],
            earliest=min(fix.device_time for fix in fixes),
            latest=max(fix.device_time for fix in fixes),
        )


async def _existing(
    connection: Connection, query: Any, suspects: Collection[FactKey], *, bounded: bool
) -> set[FactKey]:
    if not suspects:
        return set()
    device_ids, device_times, content_hashes = zip(*suspects, strict=True)
    bounds = {"earliest": min(device_times), "latest": max(device_times)} if bounded else {}
    rows = query(
        connection,
        device_ids=list(device_ids),
        device_times=list(device_times),
        content_hashes=list(content_hashes),
        **bounds,
    )
    return {(row["device_id"], row["device_time"], row["content_hash"]) async for row in rows}


def position_record(device_id: int, fix: Fix) -> tuple[object, ...]:
    """A row of `position` as COPY takes it, in the order of POSITION_COLUMNS."""
    stamp = fix.stamp
    return (
        device_id, stamp.device_time, stamp.content_hash, stamp.received_at, stamp.seq, fix.lat, fix.lon,
        fix.datum, fix.alt_m, fix.speed_mps, fix.heading_deg, fix.accuracy_m, stamp.too_late,
        stamp.reported_time,
    )  # fmt: skip


def _scan_record(item: ScanToStore) -> tuple[object, ...]:
    scan, stamp = item.scan, item.scan.stamp
    return (
        item.device_id, stamp.device_time, stamp.content_hash, stamp.received_at, stamp.seq, scan.scan_id,
        scan.code, scan.action.value, scan.operator, scan.vehicle, scan.lat, scan.lon,
        item.private_cipher, stamp.too_late, stamp.reported_time,
    )  # fmt: skip
