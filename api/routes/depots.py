"""Depots."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter

from api.auth import Staff
from api.schemas.base import Page
from api.schemas.fleet import Depot, NewDepot
from api.services import Api
from store import audit, depots

router = APIRouter(prefix="/v1/depots", tags=["fleet"])


@router.post("", status_code=HTTPStatus.CREATED)
async def create_depot(new: NewDepot, api: Api, principal: Staff) -> Depot:
    """Add a depot."""
    public_id = api.sources.new_id()
    async with api.writing() as work:
        await depots.create(
            work.connection,
            principal,
            public_id=public_id,
            code=new.code,
            name=new.name,
            time_zone=new.time_zone,
        )
        detail = {"code": new.code}
        now = api.sources.clock()
        await audit.record(work.connection, principal, "add", f"depot:{public_id}", detail, now)
        return _depot(await depots.get(work.connection, principal, public_id))


@router.get("")
async def list_depots(api: Api, principal: Staff) -> Page[Depot]:
    """All depots, oldest first."""
    async with api.reading() as connection:
        return Page(items=[_depot(depot) for depot in await depots.list_all(connection, principal)])


@router.get("/{depot_id}")
async def get_depot(depot_id: UUID, api: Api, principal: Staff) -> Depot:
    """One depot."""
    async with api.reading() as connection:
        return _depot(await depots.get(connection, principal, depot_id))


def _depot(depot: depots.Depot) -> Depot:
    return Depot(
        id=depot.public_id,
        code=depot.code,
        name=depot.name,
        time_zone=depot.time_zone,
        created_at=depot.created_at,
    )
