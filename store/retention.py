"""Forgetting and compressing what has grown old; nothing inside the refold horizon is ever touched."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from domain.facts import REFOLD_HORIZON
from store.pool import Connection
from store.queries import load

_queries = load("retention")

Hypertable = Literal["position", "reading"]
HYPERTABLES: tuple[Hypertable, ...] = ("position", "reading")


async def forget_rejected(connection: Connection, before: datetime, *, limit: int) -> int:
    """Delete rejected payloads last seen before then, at most `limit`; returns how many."""
    return int(await _queries.forget_rejected(connection, before=before, limit_rows=limit))


async def forget_quarantined(connection: Connection, before: datetime, *, limit: int) -> int:
    """Delete facts set apart, used since or not, received before then; at most `limit`; returns how many."""
    return int(await _queries.forget_quarantined(connection, before=before, limit_rows=limit))


async def forget_checkpoints(connection: Connection, now: datetime, *, limit: int) -> int:
    """Delete the checkpoints no rebuild can start at any more, at most `limit`; returns how many."""
    return int(await _queries.forget_checkpoints(connection, horizon=now - REFOLD_HORIZON, limit_rows=limit))


async def drop_oldest_chunk(
    connection: Connection, hypertable: Hypertable, before: datetime, now: datetime
) -> bool:
    """Drop the oldest chunk of facts if all of it is older than `before`, and than the refold horizon."""
    limit = min(before, now - REFOLD_HORIZON)
    return await _queries.drop_oldest_chunk(connection, hypertable=hypertable, before=limit) is not None


async def can_compress(connection: Connection) -> bool:
    """Whether this TimescaleDB is the edition with compression."""
    return bool(await _queries.edition(connection) == "timescale")


async def allow_compression(connection: Connection) -> None:
    """Set up compression of the facts where it is not yet."""
    waiting = {row["hypertable"] async for row in _queries.uncompressed_hypertables(connection)}
    if "position" in waiting:
        await _queries.allow_compression_of_position(connection)
    if "reading" in waiting:
        await _queries.allow_compression_of_reading(connection)


async def compress_oldest_chunk(connection: Connection, now: datetime) -> bool:
    """Compress the oldest chunk that lies wholly beyond the refold horizon; False when there is none."""
    return await _queries.compress_oldest_chunk(connection, before=now - REFOLD_HORIZON) is not None
