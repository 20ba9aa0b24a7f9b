"""How well a device is heard: when last, which numbered facts are missing, whether its clock is right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.access import Principal
from domain.alerts import STALE_AT_LEAST
from domain.device_clocks import Proposal, propose
from store import clocks
from store.clocks import CorrectionInForce
from store.errors import NotFound
from store.pool import Connection
from store.queries import load

_queries = load("device_health")
_RECENT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class DeviceName:
    """Which device."""

    device_id: int
    public_id: UUID
    name: str
    kind: str
    status: str
    expected_interval_s: float


@dataclass(frozen=True, slots=True)
class TopicNumbers:
    """The numbers of a device's facts on one topic; `missing` are closed ranges of those that never came."""

    kind: str
    lowest: int
    highest: int
    began_at: datetime | None
    missing: list[tuple[int, int]]
    written_off: int

    @property
    def missing_count(self) -> int:
        """How many are missing now."""
        return sum(last - first + 1 for first, last in self.missing)


@dataclass(frozen=True, slots=True)
class DeviceHealth:
    """How a device does; `quarantined` counts facts set apart for its clock, by reason."""

    device: DeviceName
    last_received_at: datetime | None
    last_fix_at: datetime | None
    topics: list[TopicNumbers]
    quarantined: dict[str, int]
    correction: CorrectionInForce | None
    proposal: Proposal | None


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """A device as one line of a list; counts of what never came, is set apart, and was rejected."""

    device_id: int
    public_id: UUID
    depot_public_id: UUID
    name: str
    kind: str
    status: str
    expected_interval_s: float
    last_fix_at: datetime | None
    last_received_at: datetime | None
    gaps: int
    quarantined: int
    rejected: int
    is_corrected: bool
    is_silent: bool
    vehicle_public_id: UUID | None
    vehicle_label: str | None

    @property
    def clock_state(self) -> str:
        """corrected, doubtful (facts are set apart for their times), or right."""
        return "corrected" if self.is_corrected else "doubtful" if self.quarantined else "right"


async def list_page(
    connection: Connection,
    principal: Principal,
    now: datetime,
    *,
    depot: UUID | None = None,
    vehicle_id: int | None = None,
    trouble: str | None = None,
    after: str | None = None,
    limit: int,
) -> list[DeviceLine]:
    """Devices by name, after the one called `after`; all, those on a vehicle now, those with some trouble.

    trouble: silent, clock, gaps, rejected, or any.
    """
    rows = _queries.list_page(
        connection,
        now=now,
        depots=principal.depots,
        depot=depot,
        silent_after=STALE_AT_LEAST,
        vehicle_id=vehicle_id,
        trouble=trouble,
        after=after,
        limit_rows=limit,
    )
    return [DeviceLine(**row) async for row in rows]


async def named(connection: Connection, principal: Principal, name: str) -> DeviceName:
    """The device of a name; NotFound when there is none or the principal may not see it."""
    row = await _queries.device_named(connection, depots=principal.depots, name=name)
    if row is None:
        raise NotFound(f"There is no device called {name}.")
    return DeviceName(**row)


async def of_public_id(connection: Connection, principal: Principal, public_id: UUID) -> DeviceName:
    """The device of an id; NotFound when there is none or the principal may not see it."""
    row = await _queries.device_of_id(connection, depots=principal.depots, public_id=public_id)
    if row is None:
        raise NotFound(f"There is no device {public_id}.")
    return DeviceName(**row)


async def read(connection: Connection, device: DeviceName, now: datetime) -> DeviceHealth:
    """How a device does now."""
    heard = await _queries.last_heard(connection, device_id=device.device_id, since=now - _RECENT)
    rows = _queries.topics(connection, device_id=device.device_id)
    return DeviceHealth(
        device=device,
        last_received_at=heard["last_received_at"],
        last_fix_at=heard["last_fix_at"],
        topics=[_topic(row) async for row in rows],
        quarantined=await clocks.quarantined_by_reason(connection, device.device_id),
        correction=await clocks.in_force(connection, device.device_id),
        proposal=propose(await clocks.samples(connection, device.device_id, now)),
    )


def _topic(row: Any) -> TopicNumbers:
    missing = list(zip(row["missing_from"], row["missing_to"], strict=True))
    return TopicNumbers(
        row["kind"], row["lowest"], row["highest"], row["began_at"], missing, row["written_off"]
    )
