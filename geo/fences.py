"""Geofences: versions with a validity, and the index that answers which of them contain a point.

A point on a fence's edge is inside. Edges are straight lines in longitude and latitude, as in GeoJSON; a
circle is measured on the sphere. Fences that cross the antimeridian or reach beyond 85 degrees of latitude
are refused when they are parsed (geo/geojson.py).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.columns import float_column
from geo.geojson import FenceError, FenceGeometry, parse_fence, to_geojson
from geo.kernels import FenceGrid

__all__ = ["FenceError", "FenceGeometry", "FenceIndex", "FenceVersion", "parse_fence", "to_geojson"]

FEW_FENCES = 256
MOST_CHANGED = 256
CHANGED_SHARE = 50
"""All fences are laid out anew while they are few, and after changes to more than 256 of them, or to a
fiftieth if that is more."""


@dataclass(frozen=True, slots=True, eq=False)
class FenceVersion:
    """One version of a fence, in force from `valid_from_s` (epoch s) until before `valid_until_s`."""

    fence_id: int
    version: int
    valid_from_s: float
    valid_until_s: float
    geometry: FenceGeometry

    def __post_init__(self) -> None:
        if math.isnan(self.valid_from_s) or not self.valid_from_s < self.valid_until_s:
            raise FenceError(f"fence {self.fence_id} version {self.version} ends before it begins")


class FenceIndex:
    """An immutable index of fence versions; changed fences make a new one.

    `versions` is sorted by fence, then by start: the `version_index` of every answer is a place in it. Where
    two versions of a fence overlap in time the one that starts later counts.
    """

    def __init__(self, versions: Iterable[FenceVersion]) -> None:
        self.versions = tuple(sorted(versions, key=_by_fence_and_start))
        self.grid = _grid(self.versions)
        self._laid = _Laid(self.grid, np.array([v.fence_id for v in self.versions], dtype=np.int64))
        self._changed: frozenset[int] = frozenset()
        # Of the grid's numbers of versions, the place of each in `versions` (-1: none), and the other way;
        # None where they are the same.
        self._places: NDArray[np.int64] | None = None
        self._numbers: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.versions)

    def changed(self, *, add: Iterable[FenceVersion] = (), remove: Collection[int] = ()) -> FenceIndex:
        """An index without the fences of these ids and with these versions.

        This one goes on answering, meanwhile and afterwards. A replaced fence is removed and added. Only what
        changed since all fences were last laid out is laid out anew; all are once that is too much.
        """
        added, removed = list(add), frozenset(remove)
        touched = removed.union(version.fence_id for version in added)
        changed = self._changed | touched
        if len(changed) > max(MOST_CHANGED, len(self._laid.fence_ids) // CHANGED_SHARE) or (
            len(self.versions) <= FEW_FENCES
        ):
            return FenceIndex([*(v for v in self.versions if v.fence_id not in removed), *added])
        versions = list(self.versions)
        for fence_id in touched:
            first, end = _run(versions, fence_id)
            kept = [] if fence_id in removed else versions[first:end]
            own = [version for version in added if version.fence_id == fence_id]
            versions[first:end] = sorted([*kept, *own], key=_by_fence_and_start)
        return self._over(tuple(versions), changed)

    def _over(self, versions: tuple[FenceVersion, ...], changed: frozenset[int]) -> FenceIndex:
        """The index of these versions: the grid as it was laid, with another over it for what changed."""
        index = object.__new__(FenceIndex)
        index.versions, index._laid, index._changed = versions, self._laid, changed
        ids = np.array(sorted(changed), dtype=np.int64)
        newer = [
            version for fence_id in ids.tolist() for version in versions[slice(*_run(versions, fence_id))]
        ]
        index.grid = self._laid.grid.over(ids, _grid(tuple(newer)))
        index._places, index._numbers = _numbering(self._laid.fence_ids, ids, newer)
        return index

    def containing(self, lat: float, lon: float, at_s: float) -> list[int]:
        """The ids of the fences that contain a point (degrees) at a time (epoch s), ascending."""
        return self.grid.containing(lat, lon, at_s)

    def query(
        self, lats: ArrayLike, lons: ArrayLike, times_s: ArrayLike
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which versions contain each of n points: `(point_index, version_index)`, sorted by both.

        Inputs are n latitudes and longitudes in degrees and n epoch seconds. Raises ValueError for columns of
        unequal length, NaN, or coordinates out of range.
        """
        points, numbers = self.grid.query(float_column(lats), float_column(lons), float_column(times_s))
        return points, numbers if self._places is None else self._places[numbers]

    def signed_distance_m(self, version_index: int, lat: float, lon: float) -> float:
        """Metres from a point (degrees) to the nearest edge of a version, negative inside.

        Measured on the plane that touches a sphere of 6,371,008.8 m at the point, so it is for distances to a
        nearby edge: within 0.5 % up to some 50 km, worse beyond.
        """
        if not 0 <= version_index < len(self.versions):
            raise IndexError(f"there is no fence version {version_index}")
        number = version_index if self._numbers is None else int(self._numbers[version_index])
        return self.grid.signed_distance_m(number, lat, lon)


@dataclass(frozen=True, slots=True, eq=False)
class _Laid:
    """A grid laid out as a whole, and the fence of each of its versions."""

    grid: FenceGrid
    fence_ids: NDArray[np.int64]


def _by_fence_and_start(version: FenceVersion) -> tuple[int, float, int]:
    return version.fence_id, version.valid_from_s, version.version


def _run(versions: Sequence[FenceVersion], fence_id: int) -> tuple[int, int]:
    """Where a fence's versions start and end."""
    first = bisect_left(versions, fence_id, key=_fence_id)
    return first, bisect_right(versions, fence_id, lo=first, key=_fence_id)


def _fence_id(version: FenceVersion) -> int:
    return version.fence_id


def _numbering(
    laid_ids: NDArray[np.int64], changed: NDArray[np.int64], newer: Sequence[FenceVersion]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The place of each number in order of fences (-1: hidden), and the number of each place."""
    newer_ids = np.array([version.fence_id for version in newer], dtype=np.int64)
    kept = np.flatnonzero(~np.isin(laid_ids, changed))
    numbers = np.concatenate([kept, len(laid_ids) + np.arange(len(newer_ids))])
    numbers = numbers[np.argsort(np.concatenate([laid_ids[kept], newer_ids]), kind="stable")]
    places = np.full(len(laid_ids) + len(newer_ids), -1, dtype=np.int64)
    places[numbers] = np.arange(len(numbers))
    return places, numbers


def _grid(versions: tuple[FenceVersion, ...]) -> FenceGrid:
    """Lay the versions out in columns, rings one after another, and index them."""
    geometries = [version.geometry for version in versions]
    ring_lengths = [np.diff(geometry.ring_starts) for geometry in geometries]
    coordinates = _joined([geometry.coordinates for geometry in geometries], np.empty((0, 2)))
    return FenceGrid(
        np.array([version.fence_id for version in versions], dtype=np.int64),
        np.array([version.valid_from_s for version in versions], dtype=np.float64),
        _ends(versions),
        np.ascontiguousarray(coordinates[:, 0]),
        np.ascontiguousarray(coordinates[:, 1]),
        _starts(_joined(ring_lengths, np.empty(0, dtype=np.int64))),
        _starts(np.array([len(lengths) for lengths in ring_lengths], dtype=np.int64)),
        np.array([geometry.radius_m for geometry in geometries], dtype=np.float64),
        np.array([geometry.half_width_m for geometry in geometries], dtype=np.float64),
    )


def _ends(versions: tuple[FenceVersion, ...]) -> NDArray[np.float64]:
    """When each version ends: no later than the same fence's next one begins."""
    ends = np.array([version.valid_until_s for version in versions], dtype=np.float64)
    for place, (version, following) in enumerate(pairwise(versions)):
        if version.fence_id == following.fence_id:
            ends[place] = min(ends[place], following.valid_from_s)
    return ends


Scalar = TypeVar("Scalar", bound=np.generic)


def _joined(columns: list[NDArray[Scalar]], empty: NDArray[Scalar]) -> NDArray[Scalar]:
    return np.concatenate(columns) if columns else empty


def _starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of several runs of these lengths starts, and where the last one ends."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])
