"""Which fences contain a point, and how far the edge is: every version asked in turn."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geo.reference.distance import METRES_PER_DEGREE, RADIANS, check_positions, point_distance_m

Edge = tuple[float, float, float, float]


class FenceGrid:
    """Fence versions in columns; see native/fences.pyi."""

    def __init__(
        self,
        fence_ids: NDArray[np.int64],
        valid_from_s: NDArray[np.float64],
        valid_until_s: NDArray[np.float64],
        lons: NDArray[np.float64],
        lats: NDArray[np.float64],
        ring_starts: NDArray[np.int64],
        version_ring_starts: NDArray[np.int64],
        radii_m: NDArray[np.float64],
        half_widths_m: NDArray[np.float64],
    ) -> None:
        if not (
            len(fence_ids)
            == len(valid_from_s)
            == len(valid_until_s)
            == len(version_ring_starts) - 1
            == len(radii_m)
            == len(half_widths_m)
        ):
            raise ValueError("the columns must be equally long")
        check_positions(lats, lons, "fence")
        self.fence_ids: list[int] = fence_ids.tolist()
        self.valid_from_s: list[float] = valid_from_s.tolist()
        self.valid_until_s: list[float] = valid_until_s.tolist()
        self.radii_m: list[float] = radii_m.tolist()
        self.half_widths_m: list[float] = half_widths_m.tolist()
        points = list(zip(lons.tolist(), lats.tolist(), strict=True))
        self._centres: list[tuple[float, float]] = []
        self._edges: list[list[Edge]] = []
        for first, end in pairwise(version_ring_starts.tolist()):
            edges: list[Edge] = []
            for ring in range(first, end):
                ring_points = points[ring_starts[ring] : ring_starts[ring + 1]]
                if ring_points[0] != ring_points[-1]:
                    raise ValueError(f"ring {ring} is not closed")
                edges += [(*a, *b) for a, b in pairwise(ring_points)]
            self._edges.append(edges)
            self._centres.append(points[ring_starts[first]])
        self._has_extra = False
        self.in_order = list(range(len(self.fence_ids)))

    def over(self, hidden: NDArray[np.int64], extra: FenceGrid) -> FenceGrid:
        """A grid without the fences of these ids and with all of another's."""
        if self._has_extra or extra._has_extra:
            raise ValueError("only a grid that was laid as a whole can be changed, by another such")
        grid = FenceGrid.__new__(FenceGrid)
        gone = set(hidden.tolist())
        never = [fence_id in gone for fence_id in self.fence_ids]
        for name in ("valid_from_s", "valid_until_s"):
            times = [math.inf if hide else at for hide, at in zip(never, getattr(self, name), strict=True)]
            setattr(grid, name, times + getattr(extra, name))
        for name in ("fence_ids", "radii_m", "half_widths_m", "_centres", "_edges"):
            setattr(grid, name, getattr(self, name) + getattr(extra, name))
        grid._has_extra = len(extra.fence_ids) > 0
        grid.in_order = sorted(range(len(grid.fence_ids)), key=grid.fence_ids.__getitem__)
        return grid

    def containing(self, lat: float, lon: float, at_s: float) -> list[int]:
        """The ids of the fences that contain a point (degrees) at a time (epoch s), ascending."""
        check_point(lat, lon, at_s)
        return [self.fence_ids[version] for version in self.versions_over(lat, lon, at_s)]

    def versions_over(self, lat: float, lon: float, at_s: float) -> list[int]:
        """The versions in force at a time that contain a point, by fence; without checks."""
        return [
            version
            for version in self.in_order
            if self.valid_from_s[version] <= at_s < self.valid_until_s[version]
            and self.contains(version, lat, lon)
        ]

    def query(
        self, lats: NDArray[np.float64], lons: NDArray[np.float64], times_s: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs (point, version) for n points."""
        if not len(lats) == len(lons) == len(times_s):
            raise ValueError("the columns must be equally long")
        check_positions(lats, lons, "fix")
        check_times(times_s)
        pairs = [
            (i, version)
            for i, (lat, lon, at_s) in enumerate(zip(lats, lons, times_s, strict=True))
            for version in self.versions_over(float(lat), float(lon), float(at_s))
        ]
        columns = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return columns[:, 0].copy(), columns[:, 1].copy()

    def signed_distance_m(self, version: int, lat: float, lon: float) -> float:
        """Metres to the nearest edge of a version, negative inside."""
        if not 0 <= version < len(self.fence_ids):
            raise IndexError(f"there is no fence version {version}")
        check_point(lat, lon, 0.0)
        return self.depth_m(version, lat, lon)

    def depth_m(self, version: int, lat: float, lon: float) -> float:
        """Signed distance without checks."""
        if self.radii_m[version] > 0.0:
            centre_lon, centre_lat = self._centres[version]
            return point_distance_m(centre_lat, centre_lon, lat, lon) - self.radii_m[version]
        across = METRES_PER_DEGREE * math.cos(lat * RADIANS)
        nearest = min(_edge_distance_squared(edge, lon, lat, across) for edge in self._edges[version])
        distance = math.sqrt(nearest)
        return 0.0 - distance if self.contains(version, lat, lon) else distance

    def contains(self, version: int, lat: float, lon: float) -> bool:
        """Whether a version contains a point: even-odd rule over all its rings, and the edge is inside."""
        if self.radii_m[version] > 0.0:
            return self.depth_m(version, lat, lon) <= 0.0
        inside = False
        for x1, y1, x2, y2 in self._edges[version]:
            side = (x2 - x1) * (lat - y1) - (lon - x1) * (y2 - y1)
            if side == 0.0 and min(x1, x2) <= lon <= max(x1, x2) and min(y1, y2) <= lat <= max(y1, y2):
                return True
            if (y1 > lat) != (y2 > lat) and (side > 0.0) == (y2 > y1):
                inside = not inside
        return inside

    def version_at(self, fence_id: int, at_s: float) -> int:
        """The version of a fence in force at a time, or -1."""
        for version, owner in enumerate(self.fence_ids):
            if owner == fence_id and self.valid_from_s[version] <= at_s < self.valid_until_s[version]:
                return version
        return -1

    def ended_before(self, fence_id: int, at_s: float) -> int:
        """The last version of a fence that ended at or before a time, or -1."""
        ended = [
            v for v, owner in enumerate(self.fence_ids) if owner == fence_id and self.valid_until_s[v] <= at_s
        ]
        return ended[-1] if ended else -1

    def edge_cuts(
        self, version: int, lat1: float, lon1: float, lat2: float, lon2: float
    ) -> tuple[float, float] | None:
        """Where a segment first and last meets a version's edge, as shares of it; None if nowhere."""
        if self.radii_m[version] > 0.0:
            cuts = self._circle_cuts(version, lat1, lon1, lat2, lon2)
        else:
            cuts = [
                cut
                for edge in self._edges[version]
                if (cut := _edge_cut(edge, lon1, lat1, lon2, lat2)) is not None
            ]
        return (min(cuts), max(cuts)) if cuts else None

    def _circle_cuts(self, version: int, lat1: float, lon1: float, lat2: float, lon2: float) -> list[float]:
        centre_lon, centre_lat = self._centres[version]
        across = METRES_PER_DEGREE * math.cos(centre_lat * RADIANS)
        x, y = (lon1 - centre_lon) * across, (lat1 - centre_lat) * METRES_PER_DEGREE
        dx, dy = (lon2 - lon1) * across, (lat2 - lat1) * METRES_PER_DEGREE
        a = dx * dx + dy * dy
        b = x * dx + y * dy
        c = x * x + y * y - self.radii_m[version] * self.radii_m[version]
        discriminant = b * b - a * c
        if a == 0.0 or discriminant < 0.0:
            return []
        root = math.sqrt(discriminant)
        return [cut for cut in ((-b - root) / a, (-b + root) / a) if 0.0 <= cut <= 1.0]


def _edge_distance_squared(edge: Edge, lon: float, lat: float, across: float) -> float:
    """Square metres from a point to an edge, on the plane that touches the sphere at the point."""
    x1, y1 = (edge[0] - lon) * across, (edge[1] - lat) * METRES_PER_DEGREE
    dx, dy = (edge[2] - edge[0]) * across, (edge[3] - edge[1]) * METRES_PER_DEGREE
    length = dx * dx + dy * dy
    along = 0.0
    if length > 0.0:
        along = min(max(-(x1 * dx + y1 * dy) / length, 0.0), 1.0)
    x, y = x1 + along * dx, y1 + along * dy
    return x * x + y * y


def _edge_cut(edge: Edge, x1: float, y1: float, x2: float, y2: float) -> float | None:
    """Where the segment from (x1, y1) to (x2, y2) meets an edge, as a fraction of its length; None if
    nowhere.
    """
    dx, dy = x2 - x1, y2 - y1
    ex, ey = edge[2] - edge[0], edge[3] - edge[1]
    across = dx * ey - dy * ex
    if across == 0.0:
        return None
    fx, fy = edge[0] - x1, edge[1] - y1
    cut, place = (fx * ey - fy * ex) / across, (fx * dy - fy * dx) / across
    return cut if 0.0 <= cut <= 1.0 and 0.0 <= place <= 1.0 else None


def check_point(lat: float, lon: float, at_s: float) -> None:
    """Raise ValueError for a point that is not on Earth or a time that is not a number."""
    if not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
        raise ValueError(f"the position is not on Earth: latitude {lat}, longitude {lon}")
    if math.isnan(at_s):
        raise ValueError("the time is not a number")


def check_times(times_s: NDArray[np.float64]) -> None:
    """Raise ValueError for a time that is not a finite number."""
    for i, at_s in enumerate(times_s):
        if not math.isfinite(at_s):
            raise ValueError(f"time {i} is not a finite number")
