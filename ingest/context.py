"""What the steps of the pipeline work with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from domain.access import Principal
from domain.facts import Fix
from ingest.batch import Held
from ingest.clocks import DeviceClocks
from ingest.engine import Engine
from ingest.fleet import Fleet, Refold
from ingest.numberings import Numberings
from store import facts
from store.cipher import Cipher
from store.facts import FactKey
from store.pool import Connection
from store.unit_of_work import UnitOfWork


@dataclass
class LastFixes:
    """The newest committed fix time of each device: a fix newer than it cannot be a duplicate."""

    _known: dict[int, datetime | None] = field(default_factory=dict)

    async def learn(self, connection: Connection, device_ids: Iterable[int]) -> None:
        """Look up devices not heard of since the start."""
        unknown = {device_id for device_id in device_ids if device_id not in self._known}
        if unknown:
            found = await facts.last_fix_times(connection, unknown)
            self._known.update({device_id: found.get(device_id) for device_id in unknown})

    def suspects(self, fixes: Iterable[Held[Fix]]) -> list[FactKey]:
        """The fixes that must be looked up before they are called new."""
        known = self._known
        return [
            held.key
            for held in fixes
            if (last := known[held.device.device_id]) is not None and held.fact.stamp.device_time <= last
        ]

    def commit(self, fixes: Iterable[Held[Fix]]) -> None:
        """Note fixes whose transaction has been committed."""
        known = self._known
        for _, device, fix in fixes:
            at, last = fix.stamp.device_time, known.get(device.device_id)
            if last is None or at > last:
                known[device.device_id] = at

    def forget(self) -> None:
        """Read everything from the database again."""
        self._known.clear()


@dataclass
class IngestContext:
    """One writer's tools: its connection, what it knows of the fleet, the fold, the keys.

    `work` is the unit of work in progress; `refold` holds vehicles still to be folded again. `enrols`:
    devices that are not registered are noted, to be approved.
    """

    connection: Connection
    principal: Principal
    fleet: Fleet
    engine: Engine
    cipher: Cipher
    last_fixes: LastFixes
    numberings: Numberings
    clocks: DeviceClocks
    refold: Refold
    work: UnitOfWork
    enrols: bool = False
