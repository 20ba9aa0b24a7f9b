"""The numberings of devices' facts, and with them the numbers that are missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from domain.numbering import Numbering
from store.pool import Connection
from store.queries import load

_queries = load("numbering")

NumberingKey = tuple[int, str]
"""(device_id, kind): a device counts its facts by topic."""


async def read(connection: Connection, keys: Collection[NumberingKey]) -> dict[NumberingKey, Numbering]:
    """The numberings of these devices and topics that have begun."""
    if not keys:
        return {}
    rows = _queries.numberings(
        connection, device_ids=[device_id for device_id, _ in keys], kinds=[kind for _, kind in keys]
    )
    return {
        (row["device_id"], row["kind"]): _numbering(row) async for row in rows if row["lowest"] is not None
    }


async def keep(connection: Connection, numberings: Mapping[NumberingKey, Numbering]) -> None:
    """Write numberings down, replacing what was known of them."""
    if not numberings:
        return
    values = numberings.values()
    await _queries.keep_numberings(
        connection,
        device_ids=[device_id for device_id, _ in numberings],
        kinds=[kind for _, kind in numberings],
        lowests=[numbering.lowest for numbering in values],
        highests=[numbering.highest for numbering in values],
        newest_ats=[numbering.newest_at for numbering in values],
        began_ats=[numbering.began_at for numbering in values],
        missings=[_multirange(numbering) for numbering in values],
        written_offs=[numbering.written_off for numbering in values],
    )


def _numbering(row: Any) -> Numbering:
    """A stored numbering, moved on by the fixes that have come in order since it was written."""
    numbering = Numbering(
        lowest=row["lowest"],
        highest=row["highest"],
        newest_at=row["newest_at"],
        began_at=row["began_at"],
        missing=[(part.lower, part.upper - 1) for part in row["missing"]],
        written_off=row["written_off"],
    )
    last_seq, last_at = row["last_fix_seq"], row["last_fix_at"]
    if last_seq is not None and last_seq > numbering.highest:
        numbering.highest = last_seq
        numbering.newest_at = max(last_at, numbering.newest_at or last_at)
    return numbering


def _multirange(numbering: Numbering) -> str:
    return "{" + ",".join(f"[{first},{last}]" for first, last in numbering.missing) + "}"
