"""What fences' hours make of a vehicle's crossings: only what happens while a fence is active is told.

The detector says when a vehicle is inside a fence, whatever the hour. Of that is told what lies within the
fence's active times: a vehicle that is inside when they begin was `inside` from then on, one that is inside
when they end has left at the end. Both are known with the first fix at or after that time that shows the
vehicle inside, or with its exit. So the result depends on fixes and their times alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import msgspec

from domain.crossings import Crossing, CrossingKind
from domain.fence_hours import Change, FenceHours
from store.facts import StoredFix


class Presence(msgspec.Struct, array_like=True):
    """A vehicle inside a fence: whether that has been told, and up to when the hours have been applied."""

    told: bool
    judged_until: datetime


def within_hours(
    inside: dict[int, Presence], crossings: Iterable[Crossing], hours: Mapping[int, FenceHours]
) -> list[Crossing]:
    """What is told of one vehicle's crossings, in the order they were decided. Moves `inside` on.

    hours: of the fences, by id, that have any; the others are always active.
    """
    told: list[Crossing] = []
    for crossing in crossings:
        fence_hours = hours.get(crossing.geofence_id)
        if crossing.kind is CrossingKind.EXIT:
            presence = inside.pop(crossing.geofence_id, None)
            if presence is not None and fence_hours is not None:
                changes = fence_hours.changes(presence.judged_until, crossing.at)
                told += _told_of(presence, (c for c in changes if c.at < crossing.at), crossing)
            if presence is None or presence.told:
                told.append(crossing)
        else:
            is_told = fence_hours is None or fence_hours.is_active(crossing.at)
            inside[crossing.geofence_id] = Presence(is_told, crossing.at)
            if is_told:
                told.append(crossing)
    return told


def passed_hours(
    inside: Mapping[int, Presence],
    fix: StoredFix,
    known_at: datetime,
    around: Collection[int],
    hours: Mapping[int, FenceHours],
) -> list[Crossing]:
    """What the hours say of a vehicle whose fix lies within the fences `around`. Moves `inside` on."""
    told: list[Crossing] = []
    for geofence_id in sorted(inside.keys() & hours.keys() & set(around)):
        presence = inside[geofence_id]
        changes = hours[geofence_id].changes(presence.judged_until, fix.device_time)
        seen = Crossing(
            decided_at=known_at,
            at=fix.device_time,
            vehicle_id=fix.vehicle_id,
            geofence_id=geofence_id,
            kind=CrossingKind.INSIDE,
            plus_minus_s=0.0,
            lat=fix.lat,
            lon=fix.lon,
        )
        told += _told_of(presence, changes, seen)
        presence.judged_until = max(presence.judged_until, fix.device_time)
    return told


def _told_of(presence: Presence, changes: Iterable[Change], seen: Crossing) -> Sequence[Crossing]:
    """The beginnings and ends of active times while a vehicle was inside, as `seen` made them known."""
    told = []
    for change in changes:
        if change.active != presence.told:
            kind = CrossingKind.INSIDE if change.active else CrossingKind.EXIT
            told.append(replace(seen, at=change.at, kind=kind, plus_minus_s=0.0))
            presence.told = change.active
    return told
