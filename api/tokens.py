"""Short-lived access tokens: JWTs (RFC 7519) signed with HMAC-SHA-256 under the installation's own key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

LIFETIME = timedelta(minutes=10)
_ALGORITHM = "HS256"
_ISSUER = "zaitu"


@dataclass(frozen=True, slots=True)
class Claims:
    """Whose token it is, and since when; role and depots are looked up, so that changes hold at once."""

    user: UUID
    issued_at: datetime


class AccessTokens:
    """Issues and reads access tokens."""

    def __init__(self, key: bytes) -> None:
        self._key = OctKey.import_key(key)

    def issue(self, user: UUID, now: datetime) -> str:
        """A token of somebody, good for ten minutes from `now`."""
        claims = {
            "iss": _ISSUER,
            "sub": str(user),
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            # Seconds are too coarse to tell a session begun after a new password from one before.
            "iat_us": _microseconds(now),
        }
        return jwt.encode({"alg": _ALGORITHM}, claims, self._key)

    def read(self, token: str, now: datetime) -> Claims | None:
        """What a token says; None for one that is malformed, of another key or algorithm, or expired."""
        try:
            found = jwt.decode(token, self._key, algorithms=[_ALGORITHM]).claims
            if found["iss"] != _ISSUER or not found["exp"] > now.timestamp():
                return None
            issued_at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=found["iat_us"])
            return Claims(UUID(found["sub"]), issued_at)
        except (JoseError, ValueError, KeyError, TypeError):
            return None


def _microseconds(at: datetime) -> int:
    return (at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
