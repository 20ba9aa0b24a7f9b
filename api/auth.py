"""Who asks: the one place that turns a request's credentials into a principal."""

from __future__ import annotations

import hmac
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.problems import Refused
from domain.access import Principal

_bearer = HTTPBearer(auto_error=False, description="the administrator's token")


class Gatekeeper:
    """Knows the administrator's token, by its hash."""

    def __init__(self, admin_token: str) -> None:
        self._admin_hash = sha256(admin_token.encode()).digest()

    def principal_of(self, token: str) -> Principal | None:
        """Whom a token belongs to; takes the same time for every wrong one."""
        if hmac.compare_digest(sha256(token.encode()).digest(), self._admin_hash):
            return Principal(name="admin", role="admin")
        return None


async def staff(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    """The member of staff who asks; refuses everybody else."""
    gatekeeper: Gatekeeper = request.app.state.gatekeeper
    principal = None if credentials is None else gatekeeper.principal_of(credentials.credentials)
    if principal is None:
        raise Refused(
            HTTPStatus.UNAUTHORIZED,
            "Send the administrator's token in the header 'Authorization: Bearer <token>'.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return principal


Staff = Annotated[Principal, Depends(staff)]
