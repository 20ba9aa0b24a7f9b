"""The whole fleet on a map: at once, and live."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from api.auth import Staff, while_admitted
from api.boxes import BoxText, box_of
from api.fleet_map import FleetMap, batches, columns
from api.schemas.fleet_map import FleetPositions
from api.services import Api, Services
from api.streams import HEARTBEAT, RETRY, EventStream, event, event_stream
from domain.access import Principal
from store import fleet_map
from store.vehicles import Box

router = APIRouter(prefix="/v1/fleet", tags=["fleet"])


async def fleet_of(request: Request) -> FleetMap:
    """The application's map of the fleet."""
    known: FleetMap = request.app.state.fleet_map
    return known


@router.get("/positions", response_model=FleetPositions)
async def get_fleet_positions(api: Api, principal: Staff, bbox: BoxText = None) -> Response:
    """Where every vehicle was last seen, by column; those in a box, or all of them."""
    box, now = box_of(bbox), api.sources.clock()
    async with api.reading() as connection:
        found = await fleet_map.vehicles(connection, principal, now)
    shown = [
        (vehicle, vehicle.status(now))
        for vehicle in found
        if box is None or box.holds(vehicle.lat, vehicle.lon)
    ]
    return Response(columns(shown), media_type="application/json")


@router.get("/events", response_class=EventStream)
async def follow_fleet(
    request: Request,
    api: Api,
    principal: Staff,
    fleet: Annotated[FleetMap, Depends(fleet_of)],
    bbox: BoxText = None,
) -> EventStream:
    """Event `full` as `GET /v1/fleet/positions`, then `changed` with what changed and the ids that `left`.

    At most two and a half a second. After a reconnect `full` comes again: nothing is missed.
    """
    return event_stream(while_admitted(request, principal, _events(api, fleet, principal, box_of(bbox))))


async def _events(
    api: Services, fleet: FleetMap, principal: Principal, box: Box | None
) -> AsyncGenerator[bytes, None]:
    with (
        api.metrics.streams.labels("fleet").track_inprogress(),
        api.live.subscription() as ear,
        fleet.followed(api, ear),
    ):
        yield RETRY
        async for batch in batches(api, fleet, principal, box, ear):
            yield HEARTBEAT if batch is None else event(batch[0], batch[1].decode())
