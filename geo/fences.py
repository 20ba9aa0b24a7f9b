"""Geofences: versions with a validity, and the index that answers which of them contain a point.

A point on a fence's edge is inside. Edges are straight lines in longitude and latitude, as in GeoJSON; a
circle is measured on the sphere. Fences that cross the antimeridian or reach beyond 85 degrees of latitude
are refused when they are parsed (geo/geojson.py).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.columns import float_column
from geo.geojson import FenceError, FenceGeometry, parse_fence, to_geojson
from geo.kernels import FenceGrid

__all__ = ["FenceError", "FenceGeometry", "FenceIndex", "FenceVersion", "parse_fence", "to_geojson"]


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
        self.versions = tuple(sorted(versions, key=lambda v: (v.fence_id, v.valid_from_s, v.version)))
        self.grid = _grid(self.versions)

    def __len__(self) -> int:
        return len(self.versions)

    def changed(self, *, add: Iterable[FenceVersion] = (), remove: Collection[int] = ()) -> FenceIndex:
        """An index without the fences of these ids and with these versions.

        This one goes on answering, meanwhile and afterwards. A replaced fence is removed and added.
        """
        removed = set(remove)
        kept = [version for version in self.versions if version.fence_id not in removed]
        return FenceIndex([*kept, *add])

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
        return self.grid.query(float_column(lats), float_column(lons), float_column(times_s))

    def signed_distance_m(self, version_index: int, lat: float, lon: float) -> float:
        """Metres from a point (degrees) to the nearest edge of a version, negative inside.

        Measured on the plane that touches a sphere of 6,371,008.8 m at the point, so it is for distances to a
        nearby edge: within 0.5 % up to some 50 km, worse beyond.
        """
        return self.grid.signed_distance_m(version_index, lat, lon)


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
