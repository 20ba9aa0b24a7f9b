"""Logging in and out, and one's own password (OAuth 2.0, RFC 6749: grants `password` and `refresh_token`)."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response

from api.auth import Gatekeeper, Staff
from api.client_address import client_address
from api.guessing import count_guess
from api.problems import Refused, unusable
from api.schemas.access import Me, NewPassword, Tokens
from api.services import Api, Services
from api.tokens import LIFETIME
from domain.access import Principal, Role
from store import audit, passwords, sessions, users
from store.passwords import WeakPassword
from store.sessions import Limit
from store.users import Account

router = APIRouter(prefix="/v1", tags=["access"])

SESSION = timedelta(days=14)
BY_LOGIN = Limit(most=5, window=timedelta(minutes=15), locked_for=timedelta(minutes=15))
BY_ADDRESS = Limit(most=30, window=timedelta(minutes=15), locked_for=timedelta(minutes=15))
# Hashing a guess takes 50 ms and 64 MiB on purpose: a flood of guesses must not take all of the machine.
_hashing = asyncio.Semaphore(2)

Text = Annotated[str | None, Form(max_length=200)]
Token = Annotated[str | None, Form(max_length=512)]


@router.post("/token")
async def create_token(
    request: Request,
    response: Response,
    api: Api,
    grant_type: Annotated[str, Form(pattern="^(password|refresh_token)$")],
    username: Text = None,
    password: Text = None,
    refresh_token: Token = None,
) -> Tokens:
    """Log in (grant `password`) or go on (grant `refresh_token`, good once: the answer has the next)."""
    response.headers["Cache-Control"] = "no-store"
    if grant_type == "password":
        if not username or not password:
            raise unusable("the grant password needs username and password", "/username")
        return await _log_in(request, api, username, password)
    if not refresh_token:
        raise unusable("the grant refresh_token needs refresh_token", "/refresh_token")
    return await _go_on(request, api, refresh_token)


@router.post("/token/revocation", status_code=HTTPStatus.NO_CONTENT)
async def revoke_token(api: Api, token: Annotated[str, Form(min_length=1, max_length=512)]) -> Response:
    """Log out: the refresh token and all that came of the same login are good no more (RFC 7009)."""
    async with api.writing() as work:
        found = await sessions.find_refresh_token(work.connection, token)
        if found is not None:
            await sessions.revoke_family(work.connection, found.family, api.sources.clock())
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/me")
async def get_me(principal: Staff) -> Me:
    """Who is logged in."""
    scopes = None if principal.scopes is None else sorted(scope.value for scope in principal.scopes)
    return Me(name=principal.name, role=Role(principal.role), scopes=scopes)


@router.post("/me/password", status_code=HTTPStatus.NO_CONTENT)
async def change_password(given: NewPassword, request: Request, api: Api, principal: Staff) -> Response:
    """Change one's own password; every session ends, this one too."""
    if principal.user_id is None:
        raise Refused(HTTPStatus.FORBIDDEN, "Only a person has a password.")
    await checked_account(request, api, principal.name, given.old)
    password_hash = await hashed(given.new)
    now = api.sources.clock()
    async with api.writing() as work:
        await users.set_password(work.connection, principal.user_id, password_hash, now)
        await audit.record(work.connection, principal, "password", f"user:{principal.user_id}", {}, now)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def hashed(password: str) -> str:
    """Hash a new password off the event loop; refuses a weak one."""
    try:
        async with _hashing:
            return await asyncio.to_thread(passwords.hash_password, password)
    except WeakPassword as exc:
        raise unusable(str(exc), "/password") from exc


async def checked_account(request: Request, api: Services, login: str, password: str) -> Account:
    """Whoever has this login and password; refuses everybody else in the same words and time.

    Attempts are counted before they are looked at, for the login and for the address they come from.
    """
    now = api.sources.clock()
    by_login = sessions.subject_of("login", login)
    by_address = sessions.subject_of("address", client_address(request))
    await count_guess(api, {by_login: BY_LOGIN, by_address: BY_ADDRESS}, now)
    async with api.reading() as connection:
        account = await users.by_login(connection, login)
    known = None if account is None or account.disabled else account
    async with _hashing:
        right = await asyncio.to_thread(
            passwords.matches, password, None if known is None else known.password_hash
        )
    if known is None or not right:
        await _note_failure(api, account, now)
        raise Refused(HTTPStatus.BAD_REQUEST, "The login or the password is wrong.")
    async with api.writing() as work:
        await sessions.forgive(work.connection, by_login)
        await sessions.take_back(work.connection, by_address)
    return known


async def begin_session(api: Services, gatekeeper: Gatekeeper, account: Account, how: str) -> Tokens:
    """A new session of somebody who has shown who they are."""
    now = api.sources.clock()
    refresh = api.sources.new_token()
    async with api.writing() as work:
        principal = account.principal()
        await audit.record(work.connection, principal, "login", f"user:{account.user_id}", {"by": how}, now)
        await sessions.add_refresh_token(
            work.connection, account.user_id, refresh, api.sources.new_id(), now, now + SESSION
        )
    return _tokens(gatekeeper, account.public_id, refresh, now)


async def _log_in(request: Request, api: Services, login: str, password: str) -> Tokens:
    account = await checked_account(request, api, login, password)
    return await begin_session(api, request.app.state.gatekeeper, account, "password")


async def _go_on(request: Request, api: Services, refresh_token: str) -> Tokens:
    now, following = api.sources.clock(), api.sources.new_token()
    async with api.writing() as work:
        found = await sessions.find_refresh_token(work.connection, refresh_token)
        account = None
        if found is not None:
            account = await users.by_public_id(work.connection, found.user_public_id)
        if found is not None and account is not None and found.is_good(now) and not account.disabled:
            await sessions.use_refresh_token(work.connection, refresh_token, now)
            await sessions.add_refresh_token(
                work.connection, account.user_id, following, found.family, now, now + SESSION
            )
            return _tokens(request.app.state.gatekeeper, account.public_id, following, now)
        if found is not None and found.used_at is not None:
            await sessions.revoke_family(work.connection, found.family, now)
    raise Refused(HTTPStatus.BAD_REQUEST, "The refresh token is not good (any more). Log in again.")


def _tokens(gatekeeper: Gatekeeper, user: UUID, refresh: str, now: datetime) -> Tokens:
    return Tokens(
        access_token=gatekeeper.tokens.issue(user, now),
        expires_in=int(LIFETIME.total_seconds()),
        refresh_token=refresh,
    )


async def _note_failure(api: Services, account: Account | None, now: datetime) -> None:
    """Write a failed login down; what was typed is not: somebody may have typed a password there.

    Where nobody has the login, too: an answer that came without this would be quicker, and say so.
    """
    subject = "user:unknown" if account is None else f"user:{account.user_id}"
    async with api.writing() as work:
        stranger = Principal(name="unknown", role="nobody")
        await audit.record(work.connection, stranger, "login_failed", subject, {}, now)
