"""What ingest knows of the fleet, kept in step with the database: devices, assignments, fences, trips."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

from domain.access import Principal
from domain.facts import REFOLD_HORIZON
from domain.fence_hours import FenceHours
from domain.fix_filters import FixFilters
from geo.fences import FenceIndex
from geo.progress import Route
from ingest.fences import FAR_AHEAD, LONG_AGO, KnownFence, hours_of, known_fence
from store import changes, facts, fleet, rules
from store.fleet import Assignment, Device, FenceRow, TripRow
from store.pool import Connection

TRIPS_KEPT_LONGER = timedelta(days=1)
"""Than the refold horizon: a refold begins at a checkpoint before it."""


@dataclass(frozen=True, slots=True)
class Trip:
    """A planned trip as the fold follows it."""

    row: TripRow
    route: Route

    def covers(self, at: datetime) -> bool:
        """Whether its vehicle is on it at this time."""
        return (self.row.from_at or LONG_AGO) <= at < (self.row.until_at or FAR_AHEAD)


@dataclass
class Refold:
    """What changes asked for: vehicles to fold again, each from a device time on but none from before
    `earliest`, and what to derive again: orders, and those of trips and of scanners since a time.
    """

    earliest: datetime
    since: dict[int, datetime] = field(default_factory=dict)
    orders: set[int] = field(default_factory=set)
    trips: set[int] = field(default_factory=set)
    scanners: dict[int, datetime] = field(default_factory=dict)

    def merge(self, other: Refold) -> None:
        """Ask for everything `other` asks for as well."""
        for vehicle_id, since in other.since.items():
            self.add([vehicle_id], since)
        self.earliest = max(self.earliest, other.earliest)
        self.orders |= other.orders
        self.trips |= other.trips
        for device_id, since in other.scanners.items():
            self.add_scanner(device_id, since)

    def some(self, limit: int) -> dict[int, datetime]:
        """Up to `limit` of the vehicles, with their times."""
        return dict(islice(self.since.items(), limit))

    def done(self, vehicle_ids: Iterable[int]) -> None:
        """Take off vehicles that have been folded again, and the rest, which every batch does whole."""
        self.orders.clear()
        self.trips.clear()
        self.scanners.clear()
        for vehicle_id in vehicle_ids:
            self.since.pop(vehicle_id, None)

    def add(self, vehicle_ids: Iterable[int], since: datetime) -> None:
        """Ask for vehicles to be folded again from `since`, or from earlier where that was asked before."""
        since = max(since, self.earliest)
        for vehicle_id in vehicle_ids:
            self.since[vehicle_id] = min(since, self.since.get(vehicle_id, since))

    def add_scanner(self, device_id: int, since: datetime) -> None:
        """Ask for the orders a scanner loaded from `since` on."""
        since = max(since, self.earliest)
        self.scanners[device_id] = min(since, self.scanners.get(device_id, since))


class Fleet:
    """Devices, assignments, fences and trips as of the last refresh.

    Facts are judged by what was valid at their own time, so a refresh that brings something valid since
    earlier says which vehicles must be folded again. `heard` are the kinds of change the last one brought.
    """

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._devices: dict[str, Device] = {}
        self._assignments: dict[int, list[Assignment]] = defaultdict(list)
        self._fences: dict[tuple[int, int], KnownFence] = {}
        self._trips: dict[int, Trip] = {}
        self._trips_of: dict[int, list[Trip]] = defaultdict(list)
        self.fences = FenceIndex(())
        self.fence_hours: Mapping[int, FenceHours] = {}
        self.filters = FixFilters()
        self._filters_may_be_new = False
        self.heard: frozenset[str] = frozenset()
        self._cursor = changes.Cursor(0, 0)

    async def load(self, connection: Connection, now: datetime) -> None:
        """Read everything; changes from the stored cursor on are worked in by the next refresh."""
        stored = await changes.ingest_cursor(connection)
        newest = await changes.newest_cursor(connection)
        self._cursor = stored if stored is not None else newest
        await changes.advance_ingest_cursor(connection, self._cursor)
        self._devices = {device.name: device for device in await fleet.devices(connection, self._principal)}
        self._assignments.clear()
        for assignment in await fleet.assignments(connection, self._principal):
            self._assignments[assignment.device_id].append(assignment)
        self.filters = (await rules.in_force(connection)).filters
        self._filters_may_be_new = False
        self._fences, self.fences = {}, FenceIndex(())
        self._take_fences(await fleet.fence_versions(connection, self._principal))
        kept_since = now - REFOLD_HORIZON - TRIPS_KEPT_LONGER
        rows = await fleet.trips_ending_after(connection, self._principal, kept_since)
        self._trips = {row.trip_id: _trip(row) for row in rows}
        await self._unlearn_news(connection)
        self._index_trips(kept_since)

    async def refresh(self, connection: Connection, now: datetime) -> Refold:
        """Take in what changed since the last refresh; returns what must be folded again.

        The caller commits: the cursor moves with the refolds it has done or noted.
        """
        refold = Refold(earliest=now - REFOLD_HORIZON)
        news = await changes.read_after(connection, self._cursor)
        self.heard = frozenset(change.kind for change in news)
        if not news:
            return refold
        touched: dict[str, set[int]] = defaultdict(set)
        for change in news:
            touched[change.kind].update(change.ids)
        if touched["device"]:
            await self._reload_devices(connection)
        if touched["assignment"]:
            await self._reload_assignments(connection, touched["assignment"], refold)
        if touched["geofence"]:
            await self._reload_fences(connection, touched["geofence"], refold)
        if touched["trip"]:
            await self._reload_trips(connection, touched["trip"], refold)
        if touched["rules"]:
            await self._reload_filters(connection, refold)
        refold.orders.update(touched["plan"])
        self._cursor = news[-1].cursor
        return refold

    async def _unlearn_news(self, connection: Connection) -> None:
        """Forget what changed after the stored cursor, so that a later refresh sees it as a change.

        Also what a refresh cannot read yet: it was loaded with the rest.
        """
        for kind, changed_ids in await changes.committed_after(connection, self._cursor):
            self._filters_may_be_new |= kind == "rules"
            for changed_id in changed_ids:
                if kind == "assignment":
                    self._assignments.pop(changed_id, None)
                elif kind == "trip":
                    self._trips.pop(changed_id, None)
                elif kind == "geofence":
                    self._fences = {key: kept for key, kept in self._fences.items() if key[0] != changed_id}

    async def save_cursor(self, connection: Connection) -> None:
        """Say that all changes taken in so far are worked into the fold."""
        await changes.advance_ingest_cursor(connection, self._cursor)

    async def learn_devices(self, connection: Connection, names: Collection[str]) -> None:
        """Look up devices not heard of yet: they may have been registered a moment ago."""
        unknown = [name for name in names if name not in self._devices]
        if not unknown:
            return
        found = await fleet.devices_named(connection, self._principal, unknown)
        self._devices.update({device.name: device for device in found})
        for assignment in await fleet.assignments(
            connection, self._principal, [device.device_id for device in found]
        ):
            if assignment not in self._assignments[assignment.device_id]:
                self._assignments[assignment.device_id].append(assignment)

    def device(self, name: str) -> Device | None:
        """The device of this name, if it is registered."""
        return self._devices.get(name)

    def vehicle_at(self, device_id: int, at: datetime) -> int | None:
        """The vehicle a device speaks for at a time."""
        for assignment in self._assignments.get(device_id, ()):
            if (assignment.from_at or LONG_AGO) <= at < (assignment.until_at or FAR_AHEAD):
                return assignment.vehicle_id
        return None

    def trip(self, trip_id: int) -> Trip | None:
        """A trip by its id, if it still matters to the fold."""
        return self._trips.get(trip_id)

    def trip_at(self, vehicle_id: int, at: datetime) -> Trip | None:
        """The trip a vehicle is on at a time."""
        for trip in self._trips_of.get(vehicle_id, ()):
            if trip.covers(at):
                return trip
        return None

    async def _reload_devices(self, connection: Connection) -> None:
        self._devices = {device.name: device for device in await fleet.devices(connection, self._principal)}

    async def _reload_assignments(
        self, connection: Connection, device_ids: Collection[int], refold: Refold
    ) -> None:
        now_valid: dict[int, list[Assignment]] = defaultdict(list)
        for assignment in await fleet.assignments(connection, self._principal, device_ids):
            now_valid[assignment.device_id].append(assignment)
        last_fixes = await facts.last_fix_times(connection, device_ids)
        for device_id in device_ids:
            before, after = self._assignments.get(device_id, []), now_valid[device_id]
            self._assignments[device_id] = after
            for vehicle_id, since in _reassigned(before, after):
                refold.add_scanner(device_id, since)
                if last_fixes.get(device_id, LONG_AGO) >= since:
                    refold.add([vehicle_id], since)

    async def _reload_fences(
        self, connection: Connection, geofence_ids: Collection[int], refold: Refold
    ) -> None:
        before = {key: known.row for key, known in self._fences.items() if key[0] in geofence_ids}
        rows = await fleet.fence_versions(connection, self._principal, geofence_ids)
        after = {(row.geofence_id, row.version): row for row in rows}
        differing = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
        if not differing:
            return
        for key in before:
            del self._fences[key]
        self._take_fences(rows, geofence_ids)
        since = min(_first_difference(before.get(key), after.get(key)) for key in differing)
        refold.add(await facts.vehicles_seen_since(connection, since), since)

    async def _reload_filters(self, connection: Connection, refold: Refold) -> None:
        """Other limits judge every fix that is still folded."""
        before, self.filters = self.filters, (await rules.in_force(connection)).filters
        if self.filters != before or self._filters_may_be_new:
            refold.add(await facts.vehicles_seen_since(connection, refold.earliest), refold.earliest)
        self._filters_may_be_new = False

    async def _reload_trips(self, connection: Connection, trip_ids: Collection[int], refold: Refold) -> None:
        rows = {row.trip_id: row for row in await fleet.trips(connection, self._principal, trip_ids)}
        changed: dict[int, datetime] = {}
        for trip_id in trip_ids:
            before, after = self._trips.pop(trip_id, None), rows.get(trip_id)
            for row in (before.row if before else None, after):
                if row is not None and (before is None or before.row != after):
                    since = row.from_at or LONG_AGO
                    changed[row.vehicle_id] = min(since, changed.get(row.vehicle_id, since))
            if after is not None:
                self._trips[trip_id] = _trip(after)
        self._index_trips(refold.earliest - TRIPS_KEPT_LONGER)
        refold.trips.update(trip_ids)
        for vehicle_id in await facts.seen_since(connection, changed):
            refold.add([vehicle_id], changed[vehicle_id])

    def _take_fences(self, rows: Iterable[FenceRow], geofence_ids: Collection[int] = ()) -> None:
        """Index stored versions, instead of what there was of these fences and their zones."""
        taken = {(row.geofence_id, row.version): known_fence(row) for row in rows}
        self._fences.update(taken)
        gone = {sign * geofence_id for geofence_id in geofence_ids for sign in (1, -1)}
        self.fences = self.fences.changed(
            add=[version for known in taken.values() for version in known.versions], remove=gone
        )
        self.fence_hours = hours_of(known.row for known in self._fences.values())

    def _index_trips(self, kept_since: datetime) -> None:
        """Find trips by their vehicles, and forget those over before a time that no fold reaches back to."""
        self._trips = {
            trip_id: trip
            for trip_id, trip in self._trips.items()
            if (trip.row.until_at or FAR_AHEAD) >= kept_since
        }
        self._trips_of = defaultdict(list)
        for trip in self._trips.values():
            if not trip.row.cancelled:
                self._trips_of[trip.row.vehicle_id].append(trip)


def _trip(row: TripRow) -> Trip:
    return Trip(row, Route(row.route_lats, row.route_lons))


def _first_difference(before: FenceRow | None, after: FenceRow | None) -> datetime:
    """The earliest time at which two states of a fence version judge differently."""
    if before is not None and after is not None and _only_ends_differ(before, after):
        return min(before.valid_until or FAR_AHEAD, after.valid_until or FAR_AHEAD)
    return min(row.valid_from or LONG_AGO for row in (before, after) if row is not None)


def _only_ends_differ(before: FenceRow, after: FenceRow) -> bool:
    return replace(before, valid_until=after.valid_until) == after


def _reassigned(before: Iterable[Assignment], after: Iterable[Assignment]) -> Iterable[tuple[int, datetime]]:
    """Vehicles whose facts from a device change, and from when on."""
    old = {(item.vehicle_id, item.from_at): item.until_at for item in before}
    new = {(item.vehicle_id, item.from_at): item.until_at for item in after}
    for key in old.keys() | new.keys():
        if key in old and key in new:
            if old[key] != new[key]:
                yield key[0], min(old[key] or FAR_AHEAD, new[key] or FAR_AHEAD)
        else:
            yield key[0], key[1] or LONG_AGO
