"""When a notice is tried again, and when an endpoint is given up."""

from __future__ import annotations

from datetime import datetime, timedelta

RETRY_AFTER = tuple(
    timedelta(seconds=seconds) for seconds in (5, 60, 300, 1800, 7200, 18_000, 28_800, 30_000)
)
"""Pauses between attempts: 24 hours in all, the last attempt included."""
DISABLE_AFTER = timedelta(hours=24)


def retry_at(attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many attempts; None: it is given up."""
    return now + RETRY_AFTER[attempts - 1] if attempts <= len(RETRY_AFTER) else None


def is_given_up(failing_since: datetime, now: datetime) -> bool:
    """Whether an endpoint has failed for so long that nothing more is sent to it."""
    return now - failing_since >= DISABLE_AFTER
