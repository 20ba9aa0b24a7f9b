"""The road cells a route runs through: from a stretch of the same lane up to a district of the town.

A route is cut into pieces of about `PIECE_M`. Each piece lies in one cell of every level; what is learned of
a coarse cell stands in where a finer one has seen little. The metres of a piece count the turns in it too: a
turn costs as much time as some metres of road (junctions are where time goes), whatever the traffic.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.columns import float_column
from geo.distance import cumulative_m

PIECE_M = 100.0

TURN_STEP_M = 200.0
"""Headings are taken this far apart, so that neither noise nor the spacing of the points makes turns."""

TURN_METRES_PER_RAD = 300.0
SLIGHTEST_TURN_RAD = 0.3

_GRID_M = (4000.0, 1000.0, 250.0)
_DIRECTIONS = (1, 1, 8)
_METRES_PER_DEGREE = 111_195.0

_LANE_LEVEL = 4
_ELAPSED_LEVEL = 5
_SERVICE_LEVEL = 6
_TRAFFIC_LEVEL = 7
_REGION_BITS = 4
"""A region is 16 by 16 areas, 64 km: a town and what is around it."""
_PLACE_BITS = 25
_HALF_GRID = 1 << 24


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class RoadPath:
    """A route in n pieces.

    `edges_m` (n + 1) are metres from the start, at `lats`, `lons` (n + 1, degrees); `weights_m` (n) the
    metres that count, turns included; `cells` (levels, n) the key of each piece's cell at every level, area
    first and, of a lane, the lane last; `elapsed_keys` (n + 1, of a lane) name the edges in what is learned
    of its timetable.
    """

    edges_m: NDArray[np.float64]
    lats: NDArray[np.float64]
    lons: NDArray[np.float64]
    weights_m: NDArray[np.float64]
    cells: NDArray[np.int64]
    elapsed_keys: NDArray[np.int64] | None


def road_path(
    lats: ArrayLike, lons: ArrayLike, *, lane: str | None = None, distances_m: ArrayLike | None = None
) -> RoadPath:
    """Cut a polyline (n >= 2 points, degrees) into pieces; `lane` names a route that is driven again.

    `distances_m` (n, not decreasing) are the metres at the points as the route itself measures them; by
    default, as the crow flies between points. Raises ValueError for what is not on Earth.
    """
    latitudes, longitudes = float_column(lats), float_column(lons)
    along_m = cumulative_m(latitudes, longitudes) if distances_m is None else float_column(distances_m)
    length_m = max(float(along_m[-1]), 1.0)
    count = max(round(length_m / PIECE_M), 1)
    edges_m = PIECE_M * np.arange(count + 1, dtype=np.float64)
    edges_m[-1] = length_m
    y_m = latitudes * _METRES_PER_DEGREE
    x_m = longitudes * _METRES_PER_DEGREE * np.cos(np.radians(latitudes.mean()))
    turns = _turns_rad(along_m, x_m, y_m, edges_m)
    heading = np.arctan2(np.diff(np.interp(edges_m, along_m, y_m)), np.diff(np.interp(edges_m, along_m, x_m)))
    middles_m = (edges_m[1:] + edges_m[:-1]) / 2
    mid_lats, mid_lons = np.interp(middles_m, along_m, latitudes), np.interp(middles_m, along_m, longitudes)
    grid = [
        _grid_keys(level, mid_lats, mid_lons, heading, grid_m, directions)
        for level, (grid_m, directions) in enumerate(zip(_GRID_M, _DIRECTIONS, strict=True), start=1)
    ]
    return RoadPath(
        edges_m=edges_m,
        lats=np.interp(edges_m, along_m, latitudes),
        lons=np.interp(edges_m, along_m, longitudes),
        weights_m=np.diff(edges_m) + TURN_METRES_PER_RAD * turns,
        cells=np.stack(grid if lane is None else [*grid, _lane_keys(_LANE_LEVEL, lane, count)]),
        elapsed_keys=None if lane is None else _lane_keys(_ELAPSED_LEVEL, lane, count + 1),
    )


def _turns_rad(
    along_m: NDArray[np.float64],
    x_m: NDArray[np.float64],
    y_m: NDArray[np.float64],
    edges_m: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Radians turned in each piece; half of a turn counts in the piece before its corner."""
    corners_m = np.arange(0.0, along_m[-1], TURN_STEP_M)
    corners_m = np.append(corners_m, along_m[-1])
    heading = np.arctan2(
        np.diff(np.interp(corners_m, along_m, y_m)), np.diff(np.interp(corners_m, along_m, x_m))
    )
    turned = np.abs((np.diff(heading) + np.pi) % (2 * np.pi) - np.pi)
    turned[turned < SLIGHTEST_TURN_RAD] = 0.0
    last = len(edges_m) - 2
    after = np.minimum(np.searchsorted(edges_m, corners_m[1:-1], side="right") - 1, last)
    turns = np.zeros(len(edges_m) - 1)
    np.add.at(turns, after, turned / 2)
    np.add.at(turns, np.maximum(after - 1, 0), turned / 2)
    return turns


def _grid_keys(
    level: int,
    lats: NDArray[np.float64],
    lons: NDArray[np.float64],
    heading: NDArray[np.float64],
    grid_m: float,
    directions: int,
) -> NDArray[np.int64]:
    """Square cells, apart by direction of travel: 3 bits of level, 3 of direction, 25 + 25 of place."""
    rows = np.floor(lats * _METRES_PER_DEGREE / grid_m)
    metres_per_degree = _METRES_PER_DEGREE * np.cos(np.radians(rows * grid_m / _METRES_PER_DEGREE))
    columns = np.floor(lons * metres_per_degree / grid_m)
    sector = np.round(heading / (2 * np.pi) * directions).astype(np.int64) % directions
    places = ((columns.astype(np.int64) + _HALF_GRID) << 25) + rows.astype(np.int64) + _HALF_GRID
    return np.int64(level << 60) + (sector << 56) + places


def _lane_keys(level: int, lane: str, count: int) -> NDArray[np.int64]:
    digest = hashlib.blake2b(lane.encode(), digest_size=8).digest()
    lane_bits = int.from_bytes(digest, "big") & ((1 << 44) - 1)
    return np.int64((level << 60) + (lane_bits << 16)) + np.minimum(np.arange(count, dtype=np.int64), 0xFFFF)


def lane_of(lats: ArrayLike, lons: ArrayLike) -> str:
    """A name for a route, the same whenever the same polyline is driven (to about 10 m)."""
    points = np.round(np.concatenate([float_column(lats), float_column(lons)]), 4)
    return hashlib.blake2b(points.tobytes(), digest_size=16).hexdigest()


def service_keys(kind: str, geofence_id: int | None) -> list[int]:
    """The keys of what is learned of service at a stop: of its kind, and of its place if that has a fence."""
    kind_bits = int.from_bytes(hashlib.blake2b(kind.encode(), digest_size=4).digest(), "big")
    of_kind = (_SERVICE_LEVEL << 60) + (1 << 56) + kind_bits
    return [of_kind] if geofence_id is None else [of_kind, (_SERVICE_LEVEL << 60) + geofence_id]


def region_of(areas: NDArray[np.int64]) -> NDArray[np.int64]:
    """The region each of n areas (keys of the first level of `RoadPath.cells`) lies in."""
    mask = (1 << _PLACE_BITS) - 1
    columns, rows = (areas >> _PLACE_BITS) & mask, areas & mask
    return ((columns >> _REGION_BITS) << (_PLACE_BITS - _REGION_BITS)) + (rows >> _REGION_BITS)


def traffic_keys(regions: NDArray[np.int64], days: NDArray[np.float64]) -> NDArray[np.int64]:
    """The keys of the traffic of n regions on n days, counted from 1970 in UTC; their slots are its hours."""
    return (
        np.int64(_TRAFFIC_LEVEL << 60) + (days.astype(np.int64) << 2 * (_PLACE_BITS - _REGION_BITS)) + regions
    )
