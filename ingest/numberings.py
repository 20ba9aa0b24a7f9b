"""What ingest knows of the devices' numberings: a cache of the database's."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from domain.numbering import Numbering
from store import numbering
from store.numbering import NumberingKey
from store.pool import Connection


class Run(NamedTuple):
    """Facts of one device and topic with consecutive numbers, and the device times of the first and the last.

    The times are None where they cannot be believed.
    """

    key: NumberingKey
    first: int
    last: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass
class Numberings:
    """The numberings of devices heard since the start: a cache of the database's."""

    _known: dict[NumberingKey, Numbering] = field(default_factory=dict)

    async def take(self, connection: Connection, runs: Collection[Run]) -> int:
        """Note facts that came and write down what that changes; returns by how much more is missing now."""
        await self._learn(connection, {run.key for run in runs})
        before: dict[NumberingKey, int] = {}
        changed: dict[NumberingKey, Numbering] = {}
        for run in runs:
            known = self._known.get(run.key)
            if known is None:
                known = self._known[run.key] = changed[run.key] = Numbering(
                    run.first, run.first, run.first_at
                )
            if known.follows_in_order(run.first, run.first_at):
                known.highest, known.newest_at = run.last, run.last_at
                # What the newest fix says already is not written twice.
                if run.key[1] != "gps":
                    changed[run.key] = known
                continue
            before.setdefault(run.key, known.missing_count)
            for seq in range(run.first, run.last + 1):
                known.take(seq, run.first_at if seq < run.last else run.last_at)
            changed[run.key] = known
        await numbering.keep(connection, changed)
        return sum(self._known[key].missing_count - count for key, count in before.items())

    def forget(self) -> None:
        """Read everything from the database again."""
        self._known.clear()

    async def _learn(self, connection: Connection, keys: Collection[NumberingKey]) -> None:
        unknown = [key for key in keys if key not in self._known]
        self._known.update(await numbering.read(connection, unknown))
