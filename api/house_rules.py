"""The company's rules for routes that are asked often: read again every few seconds, not every time."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.rules import Rules
from store import rules
from store.pool import Connection

READ_AGAIN_AFTER = timedelta(seconds=10)


class HouseRules:
    """The rules in force, at most ten seconds behind."""

    def __init__(self) -> None:
        self._rules: Rules | None = None
        self._read_at: datetime | None = None

    async def in_force(self, connection: Connection, now: datetime) -> Rules:
        """The rules of a moment ago."""
        if self._rules is None or self._read_at is None or now - self._read_at >= READ_AGAIN_AFTER:
            self._rules, self._read_at = await rules.in_force(connection), now
        return self._rules
