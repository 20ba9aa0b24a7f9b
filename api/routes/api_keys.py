"""Shippers, and the keys their systems use."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Response

from api.auth import Staff
from api.schemas.access import AddedApiKey, ApiKey, NewApiKey, NewShipper, Rotation, Shipper
from api.schemas.base import Page
from api.services import Api
from store import api_keys, audit, depots, users

router = APIRouter(prefix="/v1", tags=["access"])


@router.post("/shippers", status_code=HTTPStatus.CREATED)
async def create_shipper(new: NewShipper, api: Api, principal: Staff) -> Shipper:
    """Add a company that sends orders."""
    now, public_id = api.sources.clock(), api.sources.new_id()
    async with api.writing() as work:
        depot = await depots.get(work.connection, principal, new.depot_id)
        await users.add_shipper(
            work.connection, public_id=public_id, depot_id=depot.depot_id, code=new.code, now=now
        )
        await audit.record(work.connection, principal, "add", f"shipper:{public_id}", {}, now)
        return _shipper(await users.shipper(work.connection, principal, public_id))


@router.get("/shippers")
async def list_shippers(api: Api, principal: Staff) -> Page[Shipper]:
    """The companies that send orders, oldest first."""
    async with api.reading() as connection:
        return Page(items=[_shipper(one) for one in await users.shippers(connection, principal)])


@router.post("/api-keys", status_code=HTTPStatus.CREATED)
async def create_api_key(new: NewApiKey, api: Api, principal: Staff) -> AddedApiKey:
    """Make a key; it is shown only this once."""
    now, public_id = api.sources.clock(), api.sources.new_id()
    key = f"{api_keys.PREFIX}{api.sources.new_token()}"
    expires_at = now + timedelta(days=new.expires_in_days)
    async with api.writing() as work:
        shipper = await users.shipper(work.connection, principal, new.shipper_id)
        await api_keys.add(
            work.connection,
            public_id=public_id,
            shipper_id=shipper.shipper_id,
            label=new.label,
            key=key,
            scopes=set(new.scopes),
            now=now,
            expires_at=expires_at,
        )
        await audit.record(
            work.connection, principal, "add", f"api_key:{public_id}", {"scopes": sorted(new.scopes)}, now
        )
    return AddedApiKey(id=public_id, key=key, expires_at=expires_at)


@router.get("/api-keys")
async def list_api_keys(api: Api, principal: Staff) -> Page[ApiKey]:
    """The keys there are and were, oldest first."""
    async with api.reading() as connection:
        found = await api_keys.list_all(connection, principal)
    return Page(
        items=[
            ApiKey(
                id=one.public_id,
                shipper_id=one.shipper_public_id,
                label=one.label,
                scopes=one.scopes,
                created_at=one.created_at,
                expires_at=one.expires_at,
                revoked_at=one.revoked_at,
            )
            for one in found
        ]
    )


@router.post("/api-keys/{key_id}/rotation", status_code=HTTPStatus.CREATED)
async def rotate_api_key(
    key_id: UUID, api: Api, principal: Staff, wanted: Rotation | None = None
) -> AddedApiKey:
    """Replace a key; both work for a while, so that nothing stops meanwhile."""
    wanted = wanted or Rotation()
    now, public_id = api.sources.clock(), api.sources.new_id()
    key = f"{api_keys.PREFIX}{api.sources.new_token()}"
    expires_at = now + timedelta(days=wanted.expires_in_days)
    async with api.writing() as work:
        await api_keys.rotate(
            work.connection,
            principal,
            key_id,
            new_id=public_id,
            key=key,
            now=now,
            old_until=now + timedelta(hours=wanted.overlap_hours),
            expires_at=expires_at,
        )
        detail = {"replaces": str(key_id)}
        await audit.record(work.connection, principal, "rotate", f"api_key:{public_id}", detail, now)
    return AddedApiKey(id=public_id, key=key, expires_at=expires_at)


@router.delete("/api-keys/{key_id}", status_code=HTTPStatus.NO_CONTENT)
async def revoke_api_key(key_id: UUID, api: Api, principal: Staff) -> Response:
    """End a key at once."""
    now = api.sources.clock()
    async with api.writing() as work:
        await api_keys.revoke(work.connection, principal, key_id, now)
        await audit.record(work.connection, principal, "revoke", f"api_key:{key_id}", {}, now)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _shipper(shipper: users.Shipper) -> Shipper:
    return Shipper(
        id=shipper.public_id,
        depot_id=shipper.depot_public_id,
        code=shipper.code,
        created_at=shipper.created_at,
        disabled_at=shipper.disabled_at,
    )
