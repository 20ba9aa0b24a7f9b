"""Login through the installation's identity provider, where one is configured."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Cookie, Query, Request
from fastapi.responses import RedirectResponse

from api.oidc import LOGIN_WITHIN, IdentityProvider, NoLogin, ProviderAway
from api.problems import Refused
from api.routes.sessions import begin_session
from api.services import Api
from store import users

router = APIRouter(prefix="/v1/oidc", tags=["access"], include_in_schema=False)
COOKIE = "zaitu_oidc"
_PATH = "/v1/oidc"
_log = structlog.stdlib.get_logger(__name__)

Text = Annotated[str, Query(max_length=4096)]


@router.get("/login", response_class=RedirectResponse)
async def begin_login(request: Request, api: Api) -> RedirectResponse:
    """Send the browser to the identity provider."""
    provider = _provider(request)
    try:
        url, cookie = await provider.begin(api.sources.clock())
    except ProviderAway as exc:
        raise _away(exc) from exc
    answer = RedirectResponse(url, HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=int(LOGIN_WITHIN.total_seconds()),
        path=_PATH,
        secure=provider.is_secure,
        httponly=True,
        samesite="lax",
    )
    return answer


@router.get("/callback", response_class=RedirectResponse)
async def end_login(
    request: Request,
    api: Api,
    state: Text = "",
    code: Text = "",
    zaitu_oidc: Annotated[str, Cookie(max_length=4096)] = "",
) -> RedirectResponse:
    """Back from the provider: open a session of the user it names, who must exist here already.

    The page gets the session's first refresh token behind the address's #, which browsers send nowhere; it is
    good once, so what stays in the history is worth nothing.
    """
    provider = _provider(request)
    try:
        if not (state and code and zaitu_oidc):
            raise NoLogin("the provider sent no code, or the login was begun elsewhere")
        subject = await provider.subject(zaitu_oidc, state, code, api.sources.clock())
    except NoLogin as exc:
        raise _refused(str(exc)) from exc
    except ProviderAway as exc:
        raise _away(exc) from exc
    async with api.reading() as connection:
        account = await users.by_oidc_subject(connection, subject)
    if account is None or account.disabled:
        raise _refused("nobody here has this subject, or may log in any more")
    tokens = await begin_session(api, request.app.state.gatekeeper, account, "oidc")
    fragment = urlencode({"refresh_token": tokens.refresh_token})
    answer = RedirectResponse(f"/signin#{fragment}", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(COOKIE, path=_PATH)
    return answer


def _provider(request: Request) -> IdentityProvider:
    found: IdentityProvider | None = request.app.state.identity_provider
    if found is None:
        raise Refused(HTTPStatus.NOT_FOUND, "No identity provider is set up here. Log in with a password.")
    return found


def _refused(reason: str) -> Refused:
    """In the same words whatever the reason: who asks may be guessing."""
    _log.info("oidc_login_refused", reason=reason)
    return Refused(HTTPStatus.FORBIDDEN, "This login was not accepted. Try again, or ask your administrator.")


def _away(exc: ProviderAway) -> Refused:
    _log.warning("identity_provider_away", reason=str(exc))
    return Refused(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The identity provider cannot be used just now. Try again in a moment.",
        headers={"Retry-After": "10"},
    )
