"""Stored fences as the fold judges by them: their versions, their zones of approach, their hours."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from domain.crossings import Crossing, CrossingKind
from domain.fence_hours import FenceHours, Validity, weekly_hours
from geo.approach import approach_zone
from geo.fences import FenceVersion
from geo.stored_fences import stored_fence
from store.fleet import FenceRow

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class KnownFence:
    """A stored fence version as rows of the index: itself and, where it has one, its zone of approach."""

    row: FenceRow
    versions: tuple[FenceVersion, ...]


def known_fence(row: FenceRow) -> KnownFence:
    """The index's rows of a stored version; a zone of approach is indexed under the negative of the id."""
    version = FenceVersion(
        fence_id=row.geofence_id,
        version=row.version,
        valid_from_s=row.valid_from.timestamp() if row.valid_from else -math.inf,
        valid_until_s=row.valid_until.timestamp() if row.valid_until else math.inf,
        geometry=stored_fence(row.geometry),
    )
    if row.approach_m is None:
        return KnownFence(row, (version,))
    zone = replace(
        version, fence_id=-row.geofence_id, geometry=approach_zone(version.geometry, row.approach_m)
    )
    return KnownFence(row, (version, zone))


def hours_of(rows: Iterable[FenceRow]) -> dict[int, FenceHours]:
    """The hours of the fences, and their zones, that have any in one of their versions."""
    by_fence: dict[int, list[FenceRow]] = defaultdict(list)
    for row in rows:
        by_fence[row.geofence_id].append(row)
    found: dict[int, FenceHours] = {}
    for geofence_id, versions in by_fence.items():
        if any(row.schedule is not None for row in versions):
            hours = FenceHours(tuple(_validity(row) for row in versions))
            found[geofence_id] = found[-geofence_id] = hours
    return found


def with_approaches(crossings: Iterable[Crossing]) -> list[Crossing]:
    """Crossings of fences as they are; entering a zone of approach becomes an approach to its fence.

    Being in a zone from the first, and leaving it, says nothing.
    """
    told = []
    for crossing in crossings:
        if crossing.geofence_id > 0:
            told.append(crossing)
        elif crossing.kind is CrossingKind.ENTER:
            told.append(replace(crossing, geofence_id=-crossing.geofence_id, kind=CrossingKind.APPROACH))
    return told


def _validity(row: FenceRow) -> Validity:
    rules = None
    if row.schedule is not None:
        windows = ((hours["days"], hours["from"], hours["to"]) for hours in row.schedule)
        rules = weekly_hours(windows, ZoneInfo(row.time_zone))
    return Validity(row.valid_from or LONG_AGO, row.valid_until or FAR_AHEAD, rules)
