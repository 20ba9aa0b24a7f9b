"""The fold: fixes of vehicles, in order of time, into crossings and trip progress. Its state is a cache."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from domain.crossings import Crossing, CrossingKind
from geo.crossings import DEFAULT_RULES, ENTER, EXIT, INSIDE, CrossingDetector
from geo.fences import FenceIndex
from ingest.fences import with_approaches
from ingest.filters import FilterState, sift
from ingest.fleet import Fleet
from ingest.presence import Presence, passed_hours, within_hours
from ingest.progress import SavedProgress, TripFollower
from store.crossings import Checkpoint, Progress
from store.facts import StoredFix

ENGINE_VERSION = 6
"""Raise it when the fold's rules or state change: checkpoints of another version are not read."""

CHECKPOINT_EVERY = timedelta(minutes=15)
_KINDS = {INSIDE: CrossingKind.INSIDE, ENTER: CrossingKind.ENTER, EXIT: CrossingKind.EXIT}
_UNKNOWN = float("nan")


class _SavedVehicle(msgspec.Struct, array_like=True):
    filters: FilterState
    progress: SavedProgress | None
    fences: bytes
    inside: dict[int, Presence]


@dataclass(slots=True)
class _Vehicle:
    slot: int
    filters: FilterState = field(default_factory=FilterState)
    checkpoint_at: datetime | None = None
    inside: dict[int, Presence] = field(default_factory=dict)


@dataclass(slots=True)
class Folded:
    """What a stretch of fixes gave: crossings, newest progress by trip, refused fixes with the rule."""

    crossings: list[Crossing] = field(default_factory=list)
    progress: dict[int, Progress] = field(default_factory=dict)
    refused: list[tuple[str, StoredFix]] = field(default_factory=list)


class Engine:
    """The fold's state for every vehicle seen since the start.

    Splitting fixes into batches differently changes nothing. After an error the touched vehicles are
    forgotten, and rebuilt from the database when they are next needed.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._fences = fleet.fences
        self._detector = CrossingDetector(fleet.fences)
        self._trips = TripFollower(fleet)
        self._vehicles: dict[int, _Vehicle] = {}
        self._aside: dict[int, _Vehicle] = {}
        self._free_slots: list[int] = []
        self._next_slot = 0

    def knows(self, vehicle_id: int) -> bool:
        """Whether the vehicle's state is loaded."""
        return vehicle_id in self._vehicles

    def seen_at(self, vehicle_id: int) -> datetime | None:
        """Device time of the newest fix folded for a known vehicle."""
        return self._vehicles[vehicle_id].filters.seen_at

    def believed(self, vehicle_id: int) -> StoredFix | None:
        """The newest fix of a known vehicle that was not refused: where it was last seen."""
        return self._vehicles[vehicle_id].filters.believed

    def progress(self, vehicle_id: int) -> Progress | None:
        """A known vehicle's progress on the trip it is on, if it is on one."""
        return self._trips.newest(self._vehicles[vehicle_id].slot)

    def fold(self, fixes: Sequence[StoredFix]) -> Folded:
        """Fold fixes of known vehicles, sorted by vehicle, device time and content hash.

        Each vehicle's fixes must be newer than its `seen_at`, or as new with a higher content hash.
        """
        folded = Folded()
        believed: list[StoredFix] = []
        known_at: list[datetime] = []
        for fix in fixes:
            limits = self._fleet.filters.of(fix.device_kind)
            released, refusal = sift(self._vehicles[fix.vehicle_id].filters, fix, limits)
            believed.extend(released)
            known_at.extend([fix.device_time] * len(released))
            if refusal is not None:
                folded.refused.append((refusal, fix))
        slots = [self._vehicles[fix.vehicle_id].slot for fix in believed]
        found = self._find_crossings(believed, slots, known_at)
        folded.crossings = with_approaches(self._within_hours(believed, known_at, found))
        folded.progress = self._trips.fold(believed, slots)
        return folded

    def start(self, vehicle_id: int) -> None:
        """Know a vehicle that never had a fix."""
        self.forget([vehicle_id])
        self._vehicles[vehicle_id] = _Vehicle(slot=self._take_slot())

    def load(self, checkpoint: Checkpoint) -> None:
        """Know a vehicle as it was at its checkpoint."""
        saved = msgspec.msgpack.decode(checkpoint.state, type=_SavedVehicle)
        self.start(checkpoint.vehicle_id)
        vehicle = self._vehicles[checkpoint.vehicle_id]
        vehicle.filters, vehicle.checkpoint_at = saved.filters, checkpoint.at
        vehicle.inside = saved.inside
        self._trips.load(vehicle.slot, saved.progress)
        self._detector.load_state(vehicle.slot, saved.fences)

    def state(self, vehicle_id: int) -> Checkpoint:
        """The present state of a known vehicle that had a fix; the same fixes always give the same bytes."""
        vehicle = self._vehicles[vehicle_id]
        seen_at = vehicle.filters.seen_at
        if seen_at is None:
            raise ValueError(f"vehicle {vehicle_id} had no fix yet")
        return Checkpoint(vehicle_id, seen_at, self._save(vehicle))

    def set_aside(self, vehicle_id: int) -> None:
        """Keep the present state of a known vehicle by while it is folded again from an earlier one."""
        self._aside[vehicle_id] = self._vehicles.pop(vehicle_id)

    def resume(self, vehicle_id: int) -> None:
        """Go back to the state set aside."""
        self.forget([vehicle_id])
        self._vehicles[vehicle_id] = self._aside.pop(vehicle_id)

    def forget(self, vehicle_ids: Iterable[int]) -> None:
        """Drop vehicles' states; the next need for them is a rebuild."""
        for vehicle_id in vehicle_ids:
            self._clear(self._vehicles.pop(vehicle_id, None))

    def forget_aside(self) -> None:
        """Drop every state set aside and not resumed."""
        for vehicle in self._aside.values():
            self._clear(vehicle)
        self._aside.clear()

    def forget_all(self) -> None:
        """Drop every state, as after a take-over or a lost connection."""
        self.forget(list(self._vehicles))
        self.forget_aside()

    def replace_fences(self, fences: FenceIndex) -> None:
        """Judge from now on by other fences."""
        self._fences = fences
        self._detector.replace_index(fences)

    def due_checkpoints(
        self, vehicle_ids: Iterable[int], every: timedelta = CHECKPOINT_EVERY
    ) -> list[Checkpoint]:
        """Checkpoints of those vehicles whose last one is so much older than their state, noted as taken."""
        due = []
        for vehicle_id in sorted(vehicle_ids):
            vehicle = self._vehicles[vehicle_id]
            seen_at, taken_at = vehicle.filters.seen_at, vehicle.checkpoint_at
            if seen_at is not None and (taken_at is None or seen_at - taken_at >= every):
                vehicle.checkpoint_at = seen_at
                due.append(Checkpoint(vehicle_id, seen_at, self._save(vehicle)))
        return due

    def checkpoints(self) -> list[Checkpoint]:
        """Checkpoints of all vehicles that moved on since their last one."""
        return self.due_checkpoints(self._vehicles, every=timedelta(microseconds=1))

    def _clear(self, vehicle: _Vehicle | None) -> None:
        if vehicle is not None:
            self._detector.clear(vehicle.slot)
            self._trips.clear(vehicle.slot)
            self._free_slots.append(vehicle.slot)

    def _save(self, vehicle: _Vehicle) -> bytes:
        return msgspec.msgpack.encode(
            _SavedVehicle(
                vehicle.filters,
                self._trips.save(vehicle.slot),
                self._detector.save_state(vehicle.slot),
                dict(sorted(vehicle.inside.items())),
            )
        )

    def _find_crossings(
        self, fixes: Sequence[StoredFix], slots: Sequence[int], known_at: Sequence[datetime]
    ) -> list[tuple[int, Crossing]]:
        """The crossings of these fixes, whatever the hour, each with the place of the fix that decided it.

        Each is decided at the time of the fix that made it known.
        """
        found = self._detector.process(
            slots,
            [fix.device_time.timestamp() for fix in fixes],
            [fix.lat for fix in fixes],
            [fix.lon for fix in fixes],
            [_UNKNOWN if fix.accuracy_m is None else fix.accuracy_m for fix in fixes],
        )
        rows = zip(
            found.decided_index.tolist(),
            found.fence_id.tolist(),
            found.kind.tolist(),
            found.at_s.tolist(),
            found.plus_minus_s.tolist(),
            found.lat.tolist(),
            found.lon.tolist(),
            strict=True,
        )
        return [
            (
                decided,
                Crossing(
                    decided_at=known_at[decided],
                    at=datetime.fromtimestamp(round(at_s, 3), UTC),
                    vehicle_id=fixes[decided].vehicle_id,
                    geofence_id=fence_id,
                    kind=_KINDS[kind],
                    plus_minus_s=plus_minus_s,
                    lat=lat,
                    lon=lon,
                ),
            )
            for decided, fence_id, kind, at_s, plus_minus_s, lat, lon in rows
        ]

    def _within_hours(
        self, fixes: Sequence[StoredFix], known_at: Sequence[datetime], found: Sequence[tuple[int, Crossing]]
    ) -> list[Crossing]:
        """Of what was found, what lies within the fences' hours, with their beginnings and ends."""
        hours = self._fleet.fence_hours
        told: list[Crossing] = []
        by_fix: dict[int, list[Crossing]] = {}
        for decided, crossing in found:
            by_fix.setdefault(decided, []).append(crossing)
        # Where no fence has hours only the fixes that decided something matter.
        for place in range(len(fixes)) if hours else by_fix:
            fix = fixes[place]
            inside = self._vehicles[fix.vehicle_id].inside
            told += within_hours(inside, by_fix.get(place, ()), hours)
            if inside.keys() & hours.keys() and (fix.accuracy_m or 0.0) <= DEFAULT_RULES.max_accuracy_m:
                around = self._fences.containing(fix.lat, fix.lon, fix.device_time.timestamp())
                told += passed_hours(inside, fix, known_at[place], around, hours)
        return told

    def _take_slot(self) -> int:
        if self._free_slots:
            return self._free_slots.pop()
        self._next_slot += 1
        return self._next_slot - 1
