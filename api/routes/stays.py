"""Where a vehicle stood, and its trips between, worked out from its fixes when asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from api.auth import Staff
from api.problems import FieldProblem, Refused
from api.schemas.fleet import Drive, Movements, Stay
from api.services import Api
from geo.stops import StopRules, find_drives, find_stays
from store import positions, vehicles
from store.positions import TrackPoint

LONGEST = timedelta(days=7)
MOST_FIXES = 100_000

router = APIRouter(prefix="/v1/vehicles", tags=["fleet"])


@router.get("/{vehicle_id}/stays")
async def get_stays(
    vehicle_id: UUID,
    api: Api,
    principal: Staff,
    from_: Annotated[
        AwareDatetime | None, Query(alias="from", description="default: a day before `to`")
    ] = None,
    to: Annotated[AwareDatetime | None, Query(description="default: now; at most 7 days later")] = None,
    radius_m: Annotated[float, Query(ge=5, le=5_000, description="a stay keeps within")] = 50.0,
    least_s: Annotated[float, Query(ge=10, le=86_400, description="and lasts at least")] = 180.0,
) -> Movements:
    """The stays of a vehicle by device time in [`from`, `to`), and its drives between them."""
    until_at = to or api.sources.clock()
    from_at = from_ or until_at - timedelta(days=1)
    if not timedelta() < until_at - from_at <= LONGEST:
        raise _refused("must be before 'to', by at most 7 days")
    async with api.reading() as connection:
        internal_id = await vehicles.internal_id(connection, principal, vehicle_id)
        track = await positions.track(
            connection, principal, internal_id, from_at, until_at, limit=MOST_FIXES + 1
        )
    if len(track) > MOST_FIXES:
        raise _refused(f"there are more than {MOST_FIXES:,} fixes since; ask for a shorter time")
    return await asyncio.to_thread(_movements, track, StopRules(radius_m=radius_m, least_s=least_s))


def _refused(detail: str) -> Refused:
    return Refused(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"'from' {detail}",
        errors=[FieldProblem(detail=detail, parameter="from")],
    )


def _movements(track: Sequence[TrackPoint], rules: StopRules) -> Movements:
    columns = (
        [point.at.timestamp() for point in track],
        [point.lat for point in track],
        [point.lon for point in track],
    )
    stays = find_stays(*columns, rules=rules)
    drives = find_drives(*columns, stays, rules=rules)
    return Movements(
        stays=[
            Stay(from_=_at(stay.from_s), to=_at(stay.until_s), lat=stay.lat, lon=stay.lon) for stay in stays
        ],
        drives=[
            Drive(from_=_at(drive.from_s), to=_at(drive.until_s), distance_m=drive.distance_m)
            for drive in drives
        ],
    )


def _at(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)
