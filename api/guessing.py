"""Guesses, at logins and orders, are counted before they are looked at; who guesses too often waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus

from api.problems import Refused
from api.services import Services
from store import sessions
from store.sessions import Limit


async def count_guess(api: Services, limits: Mapping[bytes, Limit], now: datetime) -> None:
    """Count a guess for each subject; refuses it (429) where one of them is locked."""
    async with api.writing() as work:
        found = [
            await sessions.count_attempt(work.connection, subject, limit, now)
            for subject, limit in sorted(limits.items())
        ]
    locked = max((until for until in found if until is not None), default=None)
    if locked is not None:
        raise _too_many(locked, now)


def _too_many(until: datetime, now: datetime) -> Refused:
    wait_s = max(1, int((until - now).total_seconds()))
    return Refused(
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many attempts. Wait, then try again.",
        headers={"Retry-After": str(wait_s)},
    )
