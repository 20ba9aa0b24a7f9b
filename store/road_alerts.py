"""What is wrong on the road now, looked up in what the vehicles reported."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from domain.access import Principal
from domain.alerts import AlertKind
from domain.road_alerts import RoadTrouble
from domain.rules import AlertLimits
from store.alerts import FRESH
from store.pool import Connection
from store.queries import load

_queries = load("road_alerts")
READINGS_COUNT_FOR = timedelta(hours=1)
SCANS_COUNT_FOR = timedelta(hours=2)
LONGEST_STOP = timedelta(hours=24)
AT_STOP_M = 500.0
"""As near as this to a stop of its trip, a vehicle calls there."""


async def off_route(
    connection: Connection, principal: Principal, limits: AlertLimits, now: datetime
) -> list[RoadTrouble]:
    """Vehicles with orders that have been far from their route for long enough."""
    rows = _queries.off_route(
        connection,
        now=now,
        since=now - timedelta(minutes=limits.off_route_min),
        metres=limits.off_route_m,
        depots=principal.depots,
    )
    return [
        RoadTrouble(
            kind=AlertKind.OFF_ROUTE,
            vehicle_id=row["vehicle_id"],
            depot_id=row["depot_id"],
            order_ids=tuple(row["order_ids"]),
            since=row["since"],
            about="",
            # Coarse on purpose: every fix moves it a little.
            detail={"km": round(row["metres"] / 1000)},
        )
        async for row in rows
    ]


async def restricted(
    connection: Connection, principal: Principal, limits: AlertLimits, now: datetime
) -> list[RoadTrouble]:
    """Vehicles inside a restricted fence."""
    rows = _queries.restricted(connection, now=now, depots=principal.depots)
    return [
        RoadTrouble(
            kind=AlertKind.RESTRICTED_AREA,
            vehicle_id=row["vehicle_id"],
            depot_id=row["depot_id"],
            order_ids=tuple(row["order_ids"]),
            since=row["since"],
            about=f"fence:{row['geofence_id']}",
            detail={"fence": row["fence"]},
        )
        async for row in rows
    ]


async def temperature(
    connection: Connection, principal: Principal, limits: AlertLimits, now: datetime
) -> list[RoadTrouble]:
    """Vehicles whose newest cargo temperature is out of bounds; none where the rules set no bounds."""
    if limits.temperature_min_c is None or limits.temperature_max_c is None:
        return []
    rows = _queries.temperature(
        connection,
        now=now,
        recent=now - READINGS_COUNT_FOR,
        coldest=limits.temperature_min_c,
        warmest=limits.temperature_max_c,
        depots=principal.depots,
    )
    return [
        RoadTrouble(
            kind=AlertKind.TEMPERATURE,
            vehicle_id=row["vehicle_id"],
            depot_id=row["depot_id"],
            order_ids=tuple(row["order_ids"]),
            since=row["since"],
            about="",
            detail={"celsius": round(row["celsius"])},
        )
        async for row in rows
    ]


async def long_stops(
    connection: Connection, principal: Principal, limits: AlertLimits, now: datetime
) -> list[RoadTrouble]:
    """Vehicles with orders that have stood for too long where their trip does not call."""
    limit = timedelta(minutes=limits.long_stop_min)
    rows = _queries.long_stops(
        connection,
        now=now,
        longest_silence=limit,
        lookback=LONGEST_STOP,
        metres=limits.long_stop_m,
        at_stop_m=AT_STOP_M,
        limit=limit,
        depots=principal.depots,
    )
    return [
        RoadTrouble(
            kind=AlertKind.LONG_STOP,
            vehicle_id=row["vehicle_id"],
            depot_id=row["depot_id"],
            order_ids=tuple(row["order_ids"]),
            # It becomes wrong when the limit is passed, not when the vehicle halts.
            since=row["standing_since"] + limit,
            about="",
            detail={"standing_since": row["standing_since"].isoformat()},
        )
        async for row in rows
    ]


async def past_passages(connection: Connection, principal: Principal, now: datetime) -> list[RoadTrouble]:
    """Passages through restricted fences that were heard of late, when they were over."""
    rows = _queries.past_passages(
        connection, recorded_after=now - SCANS_COUNT_FOR, fresh=FRESH, depots=principal.depots
    )
    return [
        RoadTrouble(
            kind=AlertKind.RESTRICTED_AREA,
            vehicle_id=row["vehicle_id"],
            depot_id=row["depot_id"],
            order_ids=tuple(row["order_ids"]),
            since=row["since"],
            about=f"fence:{row['geofence_id']}",
            detail={"fence": row["fence"]},
            over_at=row["over_at"],
        )
        async for row in rows
    ]


async def mismatched_scans(
    connection: Connection, principal: Principal, limits: AlertLimits, now: datetime
) -> list[RoadTrouble]:
    """Scans of open orders heard of lately, far from the vehicle they name or after an impossible move."""
    rows = _queries.mismatched_scans(
        connection, recent=now - SCANS_COUNT_FOR, metres=limits.mismatch_m, depots=principal.depots
    )
    found = {
        (row["vehicle_id"], row["order_id"]): _mismatch(row, "far_from_vehicle", row["vehicle_id"])
        async for row in rows
    }
    moves = _queries.impossible_moves(
        connection,
        recent=now - SCANS_COUNT_FOR,
        metres=limits.mismatch_m,
        mps=limits.impossible_kmh / 3.6,
        depots=principal.depots,
    )
    async for row in moves:
        found.setdefault((None, row["order_id"]), _mismatch(row, "impossible_move", None))
    return list(found.values())


def _mismatch(row: Any, why: str, vehicle_id: int | None) -> RoadTrouble:
    return RoadTrouble(
        kind=AlertKind.SCAN_MISMATCH,
        vehicle_id=vehicle_id,
        depot_id=row["depot_id"],
        order_ids=(row["order_id"],),
        since=row["since"],
        about=f"order:{row['order_id']}",
        detail={"why": why, "km": round(row["metres"] / 1000)},
    )
