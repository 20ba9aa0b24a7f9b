"""Devices' clocks: what speaks for one being wrong, corrections, and the facts they bring back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.access import Principal
from domain.device_clocks import Adjustment, Correction, Sample
from store.pool import Connection
from store.queries import load

_queries = load("clocks")
_MILLISECOND = timedelta(milliseconds=1)
SAMPLES_FOR = timedelta(days=2)
SAMPLES_OF_A_KIND = 300


@dataclass(frozen=True, slots=True)
class QuarantinedFact:
    """A fact set apart, encrypted as it was decoded, and the correction it is to be tried under."""

    quarantine_id: int
    device: str
    kind: str
    received_at: datetime
    payload_cipher: bytes
    correction_id: int


@dataclass(frozen=True, slots=True)
class CorrectionInForce:
    """The correction of a device's clock that holds now, and why it was made."""

    correction: Correction
    reason: str
    evidence: int


async def corrections(connection: Connection, principal: Principal) -> list[Correction]:
    """Every correction ever made, oldest first."""
    return [_correction(row) async for row in _queries.corrections(connection, depots=principal.depots)]


async def in_force(connection: Connection, device_id: int) -> CorrectionInForce | None:
    """The correction of a device's clock that has no end yet."""
    row = await _queries.in_force(connection, device_id=device_id)
    return None if row is None else CorrectionInForce(_correction(row), row["reason"], row["evidence"])


async def correct(
    connection: Connection,
    device_id: int,
    adjustment: Adjustment,
    *,
    reason: str,
    evidence: int,
    applies_from: datetime,
) -> int:
    """Correct a device's clock for what is received from a time on; ends the correction before. Its id."""
    await end(connection, device_id, applies_from)
    return int(
        await _queries.add_correction(
            connection,
            device_id=device_id,
            offset_ms=adjustment.offset // _MILLISECOND,
            drift_ppm=adjustment.drift_ppm,
            reference_at=adjustment.reference_at,
            reason=reason,
            evidence=evidence,
            applies_from=applies_from,
        )
    )


async def end(connection: Connection, device_id: int, at: datetime) -> bool:
    """End the correction of a device's clock; False when there was none."""
    return await _queries.end_correction(connection, device_id=device_id, at=at) is not None


async def samples(connection: Connection, device_id: int, now: datetime) -> list[Sample]:
    """The times of a device's newest facts, believed or not."""
    rows = _queries.samples(
        connection,
        device_id=device_id,
        since=now - SAMPLES_FOR,
        until=now + timedelta(hours=1),
        limit_rows=SAMPLES_OF_A_KIND,
    )
    return [Sample(**row) async for row in rows]


async def quarantined_by_reason(connection: Connection, device_id: int) -> dict[str, int]:
    """How many facts of a device are set apart, by reason."""
    rows = _queries.quarantined_by_reason(connection, device_id=device_id)
    return {row["reason"]: row["facts"] async for row in rows}


async def waiting_in_quarantine(connection: Connection, limit: int) -> list[QuarantinedFact]:
    """Facts that a correction may make usable, oldest first."""
    rows = _queries.waiting_in_quarantine(connection, limit_rows=limit)
    return [QuarantinedFact(**row) async for row in rows]


async def settle(
    connection: Connection,
    tried: Sequence[tuple[QuarantinedFact, datetime | None]],
    now: datetime,
) -> None:
    """Note what became of facts set apart: the corrected time they now count at, or None: not yet usable."""
    if tried:
        await _queries.settle_quarantined(
            connection,
            now=now,
            quarantine_ids=[fact.quarantine_id for fact, _ in tried],
            correction_ids=[fact.correction_id for fact, _ in tried],
            corrected_times=[at for _, at in tried],
        )


def _correction(row: Any) -> Correction:
    adjustment = Adjustment(row["offset_ms"] * _MILLISECOND, row["reference_at"], row["drift_ppm"])
    return Correction(
        row["correction_id"], row["device_id"], adjustment, row["applies_from"], row["ended_at"]
    )
