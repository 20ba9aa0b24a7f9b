"""The part of the fold that follows vehicles along the routes of their trips."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from geo.eta import RECENT_S, recent_pace_s_per_m
from geo.progress import RouteProgress
from ingest.fleet import Fleet, Trip
from store.crossings import Progress
from store.facts import StoredFix

SAMPLE_EVERY_S = 20.0
_UNKNOWN = float("nan")


class SavedProgress(msgspec.Struct, array_like=True):
    """A vehicle's place on its trip, and (epoch s, m) samples of the last minutes for its recent pace."""

    trip_id: int
    kernel: bytes
    samples: list[tuple[float, float]]
    newest: Progress | None


class _Following(msgspec.Struct):
    trip_id: int
    samples: list[tuple[float, float]]
    newest: Progress | None = None


class TripFollower:
    """Progress of every vehicle that is on a trip; slots are the engine's."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._kernel = RouteProgress()
        self._following: dict[int, _Following] = {}

    def fold(self, fixes: Sequence[StoredFix], slots: Sequence[int]) -> dict[int, Progress]:
        """Fold fixes sorted by vehicle and time; the newest progress of each trip some vehicle is on."""
        newest: dict[int, Progress] = {}
        pending: list[tuple[int, StoredFix]] = []
        for slot, fix in zip(slots, fixes, strict=True):
            trip = self._fleet.trip_at(fix.vehicle_id, fix.device_time)
            if trip is None and slot not in self._following:
                continue
            if self._changes_trip(slot, trip):
                self._advance(pending, newest)
                pending = []
                self._assign(slot, trip)
            if trip is not None:
                pending.append((slot, fix))
        self._advance(pending, newest)
        return newest

    def save(self, slot: int) -> SavedProgress | None:
        """The slot's progress; None off any trip."""
        following = self._following.get(slot)
        if following is None:
            return None
        kernel = self._kernel.save_state(slot)
        return SavedProgress(following.trip_id, kernel, following.samples, following.newest)

    def newest(self, slot: int) -> Progress | None:
        """The slot's progress on the trip it is on; None off any trip, or before the first fix on it."""
        following = self._following.get(slot)
        return None if following is None else following.newest

    def load(self, slot: int, saved: SavedProgress | None) -> None:
        """Continue from saved progress; a trip that is no longer known starts over."""
        self.clear(slot)
        trip = None if saved is None else self._fleet.trip(saved.trip_id)
        if saved is None or trip is None:
            return
        self._kernel.assign(slot, trip.route)
        self._kernel.load_state(slot, saved.kernel)
        self._following[slot] = _Following(saved.trip_id, list(saved.samples), saved.newest)

    def clear(self, slot: int) -> None:
        """Forget the slot."""
        if self._following.pop(slot, None) is not None:
            self._kernel.clear(slot)

    def _changes_trip(self, slot: int, trip: Trip | None) -> bool:
        following = self._following.get(slot)
        now_on = None if following is None else following.trip_id
        return now_on != (None if trip is None else trip.row.trip_id)

    def _assign(self, slot: int, trip: Trip | None) -> None:
        self.clear(slot)
        if trip is not None:
            self._kernel.assign(slot, trip.route)
            self._following[slot] = _Following(trip.row.trip_id, [])

    def _advance(self, pending: Sequence[tuple[int, StoredFix]], newest: dict[int, Progress]) -> None:
        if not pending:
            return
        times_s = [fix.device_time.timestamp() for _, fix in pending]
        columns = self._kernel.advance(
            [slot for slot, _ in pending],
            times_s,
            [fix.lat for _, fix in pending],
            [fix.lon for _, fix in pending],
            [_UNKNOWN if fix.accuracy_m is None else fix.accuracy_m for _, fix in pending],
        )
        rows = zip(
            pending,
            times_s,
            columns.distance_m.tolist(),
            columns.off_route_m.tolist(),
            columns.off_route_since_s.tolist(),
            columns.on_trip.tolist(),
            strict=True,
        )
        for (slot, fix), time_s, distance_m, off_route_m, off_since_s, on_trip in rows:
            following = self._following[slot]
            if on_trip:
                _sample(following.samples, time_s, distance_m)
                newest[following.trip_id] = Progress(
                    trip_id=following.trip_id,
                    vehicle_id=fix.vehicle_id,
                    fix_at=fix.device_time,
                    distance_m=distance_m,
                    off_route_m=off_route_m,
                    off_route_since=None
                    if math.isnan(off_since_s)
                    else datetime.fromtimestamp(off_since_s, UTC),
                    recent_pace_s_per_m=None,
                )
        self._add_paces([slot for slot, _ in pending], newest)

    def _add_paces(self, slots: Sequence[int], newest: dict[int, Progress]) -> None:
        for slot in set(slots):
            following = self._following[slot]
            progress = newest.get(following.trip_id)
            if progress is not None and following.samples:
                pace = recent_pace_s_per_m(*zip(*following.samples, strict=True))
                following.newest = newest[following.trip_id] = dataclasses.replace(
                    progress, recent_pace_s_per_m=None if math.isnan(pace) else pace
                )


def _sample(samples: list[tuple[float, float]], time_s: float, distance_m: float) -> None:
    """Keep the last place of each SAMPLE_EVERY_S of the clock over the last RECENT_S.

    By the clock, so that a late fix changes the samples near it, and not which of the later ones are kept.
    """
    if samples and samples[-1][0] // SAMPLE_EVERY_S == time_s // SAMPLE_EVERY_S:
        samples.pop()
    samples.append((time_s, distance_m))
    while samples[0][0] < time_s - RECENT_S:
        samples.pop(0)
