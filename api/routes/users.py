"""People who may log in."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter

from api.auth import Staff
from api.routes.sessions import hashed
from api.schemas.access import NewUser, User, UserChange
from api.schemas.base import Page
from api.services import After, Api, Limit
from domain.access import Principal, Role
from store import audit, depots, duties, users
from store.errors import NotFound
from store.pool import Connection

router = APIRouter(prefix="/v1/users", tags=["access"])


@router.post("", status_code=HTTPStatus.CREATED)
async def create_user(new: NewUser, api: Api, principal: Staff) -> User:
    """Let somebody in: with a password, through the identity provider, or not yet."""
    password_hash = None if new.password is None else await hashed(new.password)
    now, public_id = api.sources.clock(), api.sources.new_id()
    async with api.writing() as work:
        shipper_id = None
        if new.shipper_id is not None:
            shipper_id = (await users.shipper(work.connection, principal, new.shipper_id)).shipper_id
        user_id = await users.create(
            work.connection,
            api.cipher,
            users.NewUser(
                public_id=public_id,
                login=new.login,
                role=new.role,
                depot_ids=await _depots(work.connection, principal, new.depot_ids),
                password_hash=password_hash,
                oidc_subject=new.oidc_subject,
                name=new.name,
                phone=new.phone,
                superior_login=new.superior,
                shipper_id=shipper_id,
            ),
            now,
        )
        await duties.give(work.connection, user_id, new.duties)
        detail = {"role": new.role.value}
        await audit.record(work.connection, principal, "add", f"user:{user_id}", detail, now)
        return _user(await users.get(work.connection, api.cipher, public_id))


@router.get("")
async def list_users(api: Api, principal: Staff, after: After = None, limit: Limit = 100) -> Page[User]:
    """Everybody who may log in or might once, in the order they were added."""
    async with api.reading() as connection:
        found = await users.list_page(connection, api.cipher, after=after, limit=limit)
    following = str(found[-1].public_id) if len(found) == limit else None
    return Page(items=[_user(user) for user in found], next=following)


@router.get("/{user_id}")
async def get_user(user_id: UUID, api: Api, principal: Staff) -> User:
    """One person."""
    async with api.reading() as connection:
        return _user(await users.get(connection, api.cipher, user_id))


@router.patch("/{user_id}")
async def change_user(user_id: UUID, wanted: UserChange, api: Api, principal: Staff) -> User:
    """Change how somebody logs in or is called, what they see, who is their superior; or keep them out."""
    password_hash = None if wanted.password is None else await hashed(wanted.password)
    now = api.sources.clock()
    async with api.writing() as work:
        account = await users.by_public_id(work.connection, user_id)
        if account is None:
            raise NotFound(f"There is no user {user_id}.")
        if password_hash is not None:
            await users.set_password(work.connection, account.user_id, password_hash, now)
        if wanted.name is not None:
            await users.set_name(work.connection, api.cipher, account, wanted.name)
        if wanted.phone is not None:
            await users.set_phone(work.connection, api.cipher, account, wanted.phone)
        if wanted.depot_ids is not None:
            depot_ids = await _depots(work.connection, principal, wanted.depot_ids)
            await users.set_depots(work.connection, account.user_id, depot_ids)
        if wanted.duties is not None:
            await duties.give(work.connection, account.user_id, wanted.duties)
        if wanted.superior is not None:
            await users.set_superior(work.connection, account.user_id, wanted.superior)
        if wanted.disabled is not None:
            await users.set_disabled(work.connection, account.user_id, now, disabled=wanted.disabled)
        detail = {"fields": sorted(wanted.model_dump(exclude_none=True))}
        await audit.record(work.connection, principal, "change", f"user:{account.user_id}", detail, now)
        return _user(await users.get(work.connection, api.cipher, user_id))


async def _depots(connection: Connection, principal: Principal, ids: Sequence[UUID]) -> tuple[int, ...]:
    return tuple([(await depots.get(connection, principal, one)).depot_id for one in ids])


def _user(user: users.User) -> User:
    return User(
        id=user.public_id,
        login=user.login,
        role=Role(user.role),
        name=user.name,
        depot_ids=user.depot_public_ids,
        shipper_id=user.shipper_public_id,
        superior=user.superior_login,
        duties=user.duties,
        created_at=user.created_at,
        disabled_at=user.disabled_at,
    )
