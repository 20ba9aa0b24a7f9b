"""Notices: where they go, what became of them, and sending them again."""

from __future__ import annotations

import base64
import hashlib
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.auth import Staff
from api.schemas.base import Page
from api.schemas.notices import AddedEndpoint, Delivery, Endpoint, NewEndpoint, Notice
from api.services import Api, Limit
from store import audit, depots, notices

router = APIRouter(prefix="/v1", tags=["notices"])


@router.post("/endpoints", status_code=HTTPStatus.CREATED)
async def add_endpoint(new: NewEndpoint, api: Api, principal: Staff) -> AddedEndpoint:
    """Add where notices go; every one is signed as Standard Webhooks say, with the secret of this answer."""
    now, public_id = api.sources.clock(), api.sources.new_id()
    key = hashlib.sha256(api.sources.new_token().encode()).digest()
    secret = f"whsec_{base64.b64encode(key).decode('ascii')}"
    async with api.writing() as work:
        depot = await depots.get(work.connection, principal, new.depot_id)
        await notices.add_endpoint(
            work.connection,
            public_id=public_id,
            depot_id=depot.depot_id,
            kind=new.kind,
            role=new.role,
            url=new.url,
            secret_cipher=notices.sealed_secret(api.cipher, secret),
            events=new.events,
            now=now,
        )
        await audit.record(work.connection, principal, "add", f"endpoint:{public_id}", {}, now)
    return AddedEndpoint(id=public_id, secret=secret)


@router.get("/endpoints")
async def list_endpoints(api: Api, principal: Staff) -> Page[Endpoint]:
    """Where notices go."""
    async with api.reading() as connection:
        found = await notices.list_endpoints(connection, principal)
    return Page(items=[Endpoint(**_with_ids(row, depot_public_id="depot_id")) for row in found])


@router.post("/endpoints/{endpoint_id}/enable", status_code=HTTPStatus.NO_CONTENT)
async def enable_endpoint(endpoint_id: UUID, api: Api, principal: Staff) -> Response:
    """Send to an endpoint again."""
    return await _set_enabled(endpoint_id, api, principal, enabled=True)


@router.post("/endpoints/{endpoint_id}/disable", status_code=HTTPStatus.NO_CONTENT)
async def disable_endpoint(endpoint_id: UUID, api: Api, principal: Staff) -> Response:
    """Send nothing more to an endpoint."""
    return await _set_enabled(endpoint_id, api, principal, enabled=False)


@router.get("/notices")
async def list_notices(
    api: Api,
    principal: Staff,
    order_id: UUID | None = None,
    dead: Annotated[bool, Query(description="only those given up")] = False,
    limit: Limit = 100,
) -> Page[Notice]:
    """Notices, the newest first."""
    async with api.reading() as connection:
        found = await notices.list_page(connection, principal, order_id=order_id, only_dead=dead, limit=limit)
    renamed = {"order_public_id": "order_id", "number": "order_number", "endpoint_public_id": "endpoint_id"}
    return Page(items=[Notice(**_with_ids(row, **renamed)) for row in found])


@router.get("/notices/{notice_id}/deliveries")
async def list_deliveries(notice_id: UUID, api: Api, principal: Staff) -> Page[Delivery]:
    """The attempts to send a notice."""
    async with api.reading() as connection:
        found = await notices.deliveries(connection, principal, notice_id)
    return Page(items=[Delivery(**row) for row in found])


@router.post("/notices/{notice_id}/replay", status_code=HTTPStatus.NO_CONTENT)
async def replay_notice(notice_id: UUID, api: Api, principal: Staff) -> Response:
    """Send a notice again, from the first attempt on."""
    now = api.sources.clock()
    async with api.writing() as work:
        await notices.replay(work.connection, principal, notice_id, now)
        await audit.record(work.connection, principal, "replay", f"notice:{notice_id}", {}, now)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _set_enabled(endpoint_id: UUID, api: Api, principal: Staff, *, enabled: bool) -> Response:
    now = api.sources.clock()
    async with api.writing() as work:
        await notices.set_enabled(work.connection, principal, endpoint_id, enabled=enabled, now=now)
        action = "enable" if enabled else "disable"
        await audit.record(work.connection, principal, action, f"endpoint:{endpoint_id}", {}, now)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _with_ids(row: dict[str, Any], **names: str) -> dict[str, Any]:
    return {{"public_id": "id", **names}.get(name, name): value for name, value in row.items()}
