"""What is wrong on the road now, looked up in what the vehicles reported."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.access import Principal
from domain.alerts import AlertKind
from domain.road_alerts import RoadTrouble
from domain.rules import AlertLimits
from store.pool import Connection
from store.queries import load

_queries = load("road_alerts")
READINGS_COUNT_FOR = timedelta(hours=1)
SCANS_COUNT_FOR = timedelta(hours=2)


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


async def mismatched_scans(
    connection: Connection, principal: Principal, limits: AlertLimits, now: datetime
) -> list[RoadTrouble]:
    """Recent scans of open orders, made far from the vehicle they name."""
    rows = _queries.mismatched_scans(
        connection, recent=now - SCANS_COUNT_FOR, metres=limits.mismatch_m, depots=principal.depots
    )
    found = {
        (row["vehicle_id"], row["order_id"]): RoadTrouble(
            kind=AlertKind.SCAN_MISMATCH,
            vehicle_id=row["vehicle_id"],
            depot_id=row["depot_id"],
            order_ids=(row["order_id"],),
            since=row["since"],
            about=f"order:{row['order_id']}",
            detail={"km": round(row["metres"] / 1000)},
        )
        async for row in rows
    }
    return list(found.values())
