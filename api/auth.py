"""Who asks, and whether they may: turns credentials into a principal and applies the rules."""

from __future__ import annotations

import dataclasses
import hmac
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.access_rules import PUBLIC, RULES, Rule
from api.problems import Refused
from api.services import Services, services
from api.tokens import AccessTokens
from domain.access import OWNERS, Principal
from store import api_keys, ownership, users
from store.errors import Unavailable

_bearer = HTTPBearer(auto_error=False, description="an access token of POST /v1/token, or an API key")
RECHECKED_S = 15.0
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


class Gatekeeper:
    """Knows the installation's own administrator's token, by its hash, and checks everybody else's.

    admin_token: None where an installation has none.
    """

    def __init__(self, admin_token: str | None, tokens: AccessTokens) -> None:
        self._admin_hash = None if admin_token is None else sha256(admin_token.encode()).digest()
        self.tokens = tokens

    async def principal_of(self, api: Services, token: str, now: datetime) -> Principal | None:
        """Whom a token belongs to now; None for one that is wrong, expired, revoked or a disabled user's."""
        if self.is_admin_token(token):
            return Principal(name="admin", role="admin")
        if token.startswith(api_keys.PREFIX):
            async with api.reading() as connection:
                return await api_keys.principal_of(connection, token, now)
        claims = self.tokens.read(token, now)
        if claims is None:
            return None
        async with api.reading() as connection:
            account = await users.by_public_id(connection, claims.user)
        if account is None or account.disabled or claims.issued_at < account.sessions_from:
            return None
        return account.principal()

    def is_admin_token(self, token: str) -> bool:
        """Whether it is the installation's own administrator's token."""
        given = sha256(token.encode()).digest()
        return self._admin_hash is not None and hmac.compare_digest(given, self._admin_hash)


async def admit(
    request: Request,
    api: Annotated[Services, Depends(services)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal | None:
    """Apply the rule of the route that was asked for; every route has this dependency.

    Returns None for public routes. Refuses with 401 whom nobody knows, with 403 whom the rule does not admit,
    and with 404 an owner whose order it is not.
    """
    rule = _rule_of(request)
    if rule is PUBLIC:
        return None
    principal = None
    if credentials is not None:
        gatekeeper: Gatekeeper = request.app.state.gatekeeper
        principal = await gatekeeper.principal_of(api, credentials.credentials, api.sources.clock())
    if principal is None:
        raise Refused(
            HTTPStatus.UNAUTHORIZED,
            "Log in at POST /v1/token, and send the token as in 'Authorization: Bearer <token>'.",
            headers=_CHALLENGE,
        )
    _refuse_outsider(principal, rule)
    if principal.own is None or rule.own != "order":
        return principal
    return await _narrowed(request, api, principal)


async def staff(principal: Annotated[Principal | None, Depends(admit)]) -> Principal:
    """Who asks; the rule of the route has admitted them."""
    if principal is None:
        raise RuntimeError("a public route asks who is there: give it a rule with roles")
    return principal


Staff = Annotated[Principal, Depends(staff)]


async def while_admitted(
    request: Request, principal: Principal, events: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    """These events for as long as the credentials hold and mean the same.

    A stream would otherwise outlive its token, and what somebody was who has been disabled since.
    """
    checked_at = time.monotonic()
    async with aclosing(events):
        async for chunk in events:
            if time.monotonic() - checked_at >= RECHECKED_S:
                if not await _is_still(request, principal):
                    return
                checked_at = time.monotonic()
            yield chunk


async def _is_still(request: Request, principal: Principal) -> bool:
    api, gatekeeper = await services(request), request.app.state.gatekeeper
    token = request.headers["authorization"].partition(" ")[2].strip()
    try:
        found: Principal | None = await gatekeeper.principal_of(api, token, api.sources.clock())
    except Unavailable:
        # Nothing can be read then either; it is asked again with the next event.
        return True
    return found == principal


def _rule_of(request: Request) -> Rule:
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    method = "GET" if request.method == "HEAD" else request.method
    return RULES[f"{method} {route.path}"]


def _refuse_outsider(principal: Principal, rule: Rule) -> None:
    if principal.role not in rule.roles:
        raise Refused(HTTPStatus.FORBIDDEN, f"The role {principal.role} may not do this.")
    if principal.scopes is not None and rule.scope not in principal.scopes:
        wanted = "no API key may do this" if rule.scope is None else f"it lacks the scope {rule.scope}"
        raise Refused(HTTPStatus.FORBIDDEN, f"The API key may not do this: {wanted}.")
    if principal.role in OWNERS and principal.own is None:
        raise RuntimeError("an owner without anything of its own")


async def _narrowed(request: Request, api: Services, principal: Principal) -> Principal:
    given = request.path_params["order_id"]
    try:
        order_id = UUID(given)
    except ValueError:
        # No order has such an id; the route says what is wrong with it, and has nothing to show.
        return dataclasses.replace(principal, depot_ids=())
    async with api.reading() as connection:
        return await ownership.narrowed_to(connection, principal, order_id)
