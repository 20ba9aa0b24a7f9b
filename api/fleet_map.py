"""The fleet's positions for maps: followed once for the whole process, sent to each stream by box."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from api.live import Gatherer, Subscription
from api.services import Services
from domain.access import Principal, process_principal
from store import fleet_map
from store.errors import StoreError
from store.fleet_map import MapVehicle
from store.public_ids import Noun
from store.vehicles import Box

SHORTEST_GAP_S = 0.4
"""Between two batches of a stream: at most two and a half a second."""

SWEEP_S = 15.0
"""How soon is seen what only time changes: a vehicle that fell silent, a trip that began."""

RETRY_S = 1.0

_WHO = process_principal("fleet map")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A vehicle as it is shown, since which version."""

    vehicle: MapVehicle
    status: str
    version: int


class FleetMap:
    """Where every vehicle is; follows the changes while at least one stream wants to know."""

    def __init__(self) -> None:
        # The least recently changed first.
        self._shown: dict[int, _Shown] = {}
        self._version = 0
        self._is_read = False
        self._ears: set[Subscription] = set()
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def followed(self, api: Services, ear: Subscription) -> Iterator[None]:
        """Wake `ear` whenever a vehicle changed, for the time of the body."""
        self._ears.add(ear)
        if self._task is None:
            self._task = asyncio.create_task(self._follow_for_ever(api), name="follow the fleet")
        try:
            yield
        finally:
            self._ears.discard(ear)
            if not self._ears:
                self._task.cancel()
                self._task = None
                self._is_read = False

    @property
    def version(self) -> int | None:
        """What `since` counts from; None while the fleet has not been read yet."""
        return self._version if self._is_read else None

    def since(self, version: int) -> Iterator[tuple[MapVehicle, str]]:
        """The vehicles that changed after a version, with their status; the newest change first."""
        for shown in reversed(self._shown.values()):
            if shown.version <= version:
                return
            yield shown.vehicle, shown.status

    async def _follow_for_ever(self, api: Services) -> None:
        while True:
            try:
                with api.live.gathering() as gatherer:
                    await self._follow(api, gatherer)
            except StoreError as exc:
                _log.warning("fleet_unavailable", reason=str(exc))
            except Exception:
                # Maps would stand still without a word if this ended.
                _log.exception("following_the_fleet_failed")
            await asyncio.sleep(RETRY_S)

    async def _follow(self, api: Services, gatherer: Gatherer) -> None:
        loop = asyncio.get_running_loop()
        swept_at = float("-inf")
        while not gatherer.closed:
            touched = gatherer.take()
            now = api.sources.clock()
            wanted: set[int] | None = None
            if loop.time() - swept_at >= SWEEP_S:
                swept_at = loop.time()
            else:
                wanted = touched.get("vehicle", set()) | await _concerned(api, touched)
            if wanted is None or wanted:
                async with api.reading() as connection:
                    found = await fleet_map.vehicles(connection, _WHO, now, vehicle_ids=wanted)
                if wanted is None:
                    self._forget_all_but({vehicle.vehicle_id for vehicle in found})
                self._take(found, now)
            await asyncio.sleep(SHORTEST_GAP_S)
            await gatherer.news(SWEEP_S)

    def _forget_all_but(self, vehicle_ids: Set[int]) -> None:
        for vehicle_id in self._shown.keys() - vehicle_ids:
            del self._shown[vehicle_id]

    def _take(self, found: Iterable[MapVehicle], now: datetime) -> None:
        version, changed = self._version + 1, False
        for vehicle in found:
            status = vehicle.status(now)
            known = self._shown.get(vehicle.vehicle_id)
            if known is not None and known.vehicle == vehicle and known.status == status:
                continue
            self._shown.pop(vehicle.vehicle_id, None)
            self._shown[vehicle.vehicle_id] = _Shown(vehicle, status, version)
            changed = True
        if changed:
            self._version = version
        if changed or not self._is_read:
            self._is_read = True
            for ear in self._ears:
                ear.wake()


async def _concerned(api: Services, touched: Mapping[Noun, set[int]]) -> set[int]:
    """The vehicles of the alerts and trips that changed."""
    alert_ids, trip_ids = touched.get("alert", set()), touched.get("trip", set())
    if not alert_ids and not trip_ids:
        return set()
    async with api.reading() as connection:
        return await fleet_map.concerned(connection, alert_ids=alert_ids, trip_ids=trip_ids)


async def batches(
    api: Services, fleet: FleetMap, principal: Principal, box: Box | None, ear: Subscription
) -> AsyncIterator[tuple[str, bytes] | None]:
    """First ("full", JSON) of all in the box, then ("changed", JSON) of what changed; None: still nothing.

    Several changes of a vehicle between two batches are one: the newest.
    """
    seen: int | None = None
    within: dict[int, UUID] = {}
    while not ear.closed:
        ear.settle()
        version = fleet.version
        if version is not None and version != seen:
            inside, left = _sorted_out(fleet.since(seen or 0), principal, box, within)
            if seen is None:
                yield "full", columns(inside)
            elif inside or left:
                yield "changed", columns(inside, left)
            seen = version
            await asyncio.sleep(SHORTEST_GAP_S)
        if not await ear.news(SWEEP_S):
            yield None


def _sorted_out(
    changed: Iterable[tuple[MapVehicle, str]],
    principal: Principal,
    box: Box | None,
    within: dict[int, UUID],
) -> tuple[list[tuple[MapVehicle, str]], list[UUID]]:
    """Those that changed within the box, and those that left it; `within` is brought up to date."""
    inside, left = [], []
    for vehicle, status in changed:
        if principal.depot_ids is not None and vehicle.depot_id not in principal.depot_ids:
            continue
        if box is None or box.holds(vehicle.lat, vehicle.lon):
            within[vehicle.vehicle_id] = vehicle.public_id
            inside.append((vehicle, status))
        elif within.pop(vehicle.vehicle_id, None) is not None:
            left.append(vehicle.public_id)
    return inside, left


def columns(vehicles: Sequence[tuple[MapVehicle, str]], left: list[UUID] | None = None) -> bytes:
    """Vehicles with their statuses as JSON by column (schemas/fleet_map.py); `left` only where given."""
    table: dict[str, object] = {
        "ids": [vehicle.public_id for vehicle, _ in vehicles],
        "labels": [vehicle.label for vehicle, _ in vehicles],
        # 0.1 m, 1 degree, 0.1 m/s: what a map can show.
        "lat": [round(vehicle.lat, 6) for vehicle, _ in vehicles],
        "lon": [round(vehicle.lon, 6) for vehicle, _ in vehicles],
        "heading_deg": [_rounded(vehicle.heading_deg, 0) for vehicle, _ in vehicles],
        "speed_mps": [_rounded(vehicle.speed_mps, 1) for vehicle, _ in vehicles],
        "at_ms": [round(vehicle.at.timestamp() * 1000) for vehicle, _ in vehicles],
        "status": [status for _, status in vehicles],
        "trip_ids": [vehicle.trip_public_id for vehicle, _ in vehicles],
        "risk": [vehicle.risk for vehicle, _ in vehicles],
    }
    if left is not None:
        table["left"] = left
    return msgspec.json.encode(table)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
