"""Sessions and guesses: refresh tokens that are used once, and how often somebody guessed wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from store.pool import Connection
from store.queries import load
from store.share_links import token_hash

_queries = load("sessions")

# A page that is loaded anew while it renews its session never sees the answer, and asks once more.
ANSWER_LOST = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Limit:
    """So many failures within a window, then nobody gets in for a while."""

    most: int
    window: timedelta
    locked_for: timedelta


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token as it was found."""

    family: UUID
    user_public_id: UUID
    issued_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    def is_good(self, now: datetime) -> bool:
        """Whether it may be used: once, and again within ten seconds."""
        is_fresh = self.used_at is None or now - self.used_at <= ANSWER_LOST
        return is_fresh and self.revoked_at is None and self.expires_at > now


def subject_of(kind: str, value: str) -> bytes:
    """What attempts are counted under: a hash, as what was typed may be anything."""
    return sha256(f"{kind}:{value}".encode()).digest()


async def count_attempt(
    connection: Connection, subject: bytes, limit: Limit, now: datetime
) -> datetime | None:
    """Count an attempt before it is looked at; returns until when the subject is locked, if it is."""
    row = await _queries.count_attempt(
        connection,
        subject=subject,
        now=now,
        window_start=now - limit.window,
        most=limit.most,
        lock_until=now + limit.locked_for,
    )
    until: datetime | None = row["locked_until"]
    return until if until is not None and until > now else None


async def forgive(connection: Connection, subject: bytes) -> None:
    """Forget the attempts of a subject: one of them was right."""
    await _queries.forgive(connection, subject=subject)


async def take_back(connection: Connection, subject: bytes) -> None:
    """Count one attempt less, that was right: an address others guess from too is not forgiven for it."""
    await _queries.take_back(connection, subject=subject)


async def add_refresh_token(
    connection: Connection, user_id: int, token: str, family: UUID, now: datetime, expires_at: datetime
) -> None:
    """Keep a refresh token by its hash; tokens long past their end are forgotten."""
    await _queries.forget_old(connection, before=now - timedelta(days=7))
    await _queries.add_refresh_token(
        connection,
        token_hash=token_hash(token),
        family=family,
        user_id=user_id,
        now=now,
        expires_at=expires_at,
    )


async def find_refresh_token(connection: Connection, token: str) -> RefreshToken | None:
    """A refresh token, locked until the transaction ends."""
    row = await _queries.refresh_token(connection, token_hash=token_hash(token))
    return None if row is None else RefreshToken(**row)


async def use_refresh_token(connection: Connection, token: str, now: datetime) -> None:
    """Note that a token was used: it is good for a few seconds only, should the answer be lost."""
    await _queries.use_refresh_token(connection, token_hash=token_hash(token), now=now)


async def revoke_family(connection: Connection, family: UUID, now: datetime) -> None:
    """End every refresh token that descends from one login."""
    await _queries.revoke_family(connection, family=family, now=now)
