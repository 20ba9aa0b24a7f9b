# cython: language_level=3
"""Fence versions in columns: which contain a point, how far an edge is, where a segment meets it."""

cimport cython
from libc.math cimport asin, cos, sin, sqrt
from libc.stdint cimport int64_t

import numpy as np

from native.distance cimport check_positions
from native.geometry cimport (
    EARTH_RADIUS_M,
    METRES_PER_DEGREE,
    RADIANS,
    edge_distance_squared,
    larger,
    metres_per_longitude,
    point_distance_m,
    smaller,
)

cdef enum:
    EDGES_PER_BLOCK = 8

cdef double INFINITE = float("inf")
# What rounding may take off the distance from a box: far more than it does.
cdef double BOX_SLACK_DEG = 1e-11
cdef double BOX_SLACK_M2 = 1e-6


cdef class FenceShapes:
    def __init__(
        self,
        const int64_t[::1] fence_ids,
        const double[::1] valid_from_s,
        const double[::1] valid_until_s,
        const double[::1] lons,
        const double[::1] lats,
        const int64_t[::1] ring_starts,
        const int64_t[::1] version_ring_starts,
        const double[::1] radii_m,
        const double[::1] half_widths_m,
    ):
        self.count = fence_ids.shape[0]
        self.fence_ids = fence_ids
        self.valid_from_s = valid_from_s
        self.valid_until_s = valid_until_s
        self.ring_starts = ring_starts
        self.version_ring_starts = version_ring_starts
        self.radii_m = radii_m
        self.half_widths_m = half_widths_m
        self._check(lons, lats)
        self.points = np.column_stack([lons, lats])
        self.boxes = np.empty((self.count, 4))
        cdef Py_ssize_t version
        for version in range(self.count):
            self._box(version)
        self._make_blocks()

    cdef int _check(self, const double[::1] lons, const double[::1] lats) except -1:
        cdef Py_ssize_t i, first, last
        if not (
            self.valid_from_s.shape[0] == self.valid_until_s.shape[0] == self.radii_m.shape[0]
            == self.half_widths_m.shape[0] == self.version_ring_starts.shape[0] - 1 == self.count
        ):
            raise ValueError("the columns must be equally long")
        check_positions(lats, lons, "fence")
        starts_fit = (
            self.ring_starts.shape[0] >= 1
            and self.ring_starts[0] == 0
            and self.ring_starts[self.ring_starts.shape[0] - 1] == lons.shape[0]
            and self.version_ring_starts[0] == 0
            and self.version_ring_starts[self.count] == self.ring_starts.shape[0] - 1
        )
        if not starts_fit:
            raise ValueError("the rings do not fit the points")
        for i in range(self.ring_starts.shape[0] - 1):
            if self.ring_starts[i] >= self.ring_starts[i + 1]:
                raise ValueError(f"ring {i} has no points")
            first, last = self.ring_starts[i], self.ring_starts[i + 1] - 1
            if lons[first] != lons[last] or lats[first] != lats[last]:
                raise ValueError(f"ring {i} is not closed")
        for i in range(self.count):
            if self.version_ring_starts[i] >= self.version_ring_starts[i + 1]:
                raise ValueError(f"fence version {i} has no rings")
            if i and self.fence_ids[i - 1] > self.fence_ids[i]:
                raise ValueError("the versions are not sorted by fence")
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.cdivision(True)
    cdef void _box(self, Py_ssize_t version) noexcept nogil:
        """West, south, east, north of a version; a circle's is measured on the sphere, a little large."""
        cdef Py_ssize_t i
        cdef Py_ssize_t first = self.ring_starts[self.version_ring_starts[version]]
        cdef Py_ssize_t end = self.ring_starts[self.version_ring_starts[version + 1]]
        cdef double reach = self.radii_m[version] / EARTH_RADIUS_M * (1.0 + 1e-9)
        cdef double across = 0.0
        if reach > 0.0:
            across = asin(smaller(sin(reach) / cos(self.points[first, 1] * RADIANS), 1.0)) / RADIANS
            reach = reach / RADIANS
        cdef double west = INFINITE, south = INFINITE, east = -INFINITE, north = -INFINITE
        for i in range(first, end):
            west = smaller(west, self.points[i, 0] - across)
            east = larger(east, self.points[i, 0] + across)
            south = smaller(south, self.points[i, 1] - reach)
            north = larger(north, self.points[i, 1] + reach)
        self.boxes[version, 0] = west
        self.boxes[version, 1] = south
        self.boxes[version, 2] = east
        self.boxes[version, 3] = north

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint contains(self, Py_ssize_t version, double lat, double lon) noexcept nogil:
        """Even-odd rule over all rings of a version; the edge is inside."""
        cdef Py_ssize_t ring, i
        cdef double x1, y1, x2, y2, side
        cdef bint inside = False
        if self.radii_m[version] > 0.0:
            return self.depth_m(version, lat, lon) <= 0.0
        if not (
            self.boxes[version, 0] <= lon <= self.boxes[version, 2]
            and self.boxes[version, 1] <= lat <= self.boxes[version, 3]
        ):
            return False
        for ring in range(self.version_ring_starts[version], self.version_ring_starts[version + 1]):
            for i in range(self.ring_starts[ring], self.ring_starts[ring + 1] - 1):
                y1 = self.points[i, 1]
                y2 = self.points[i + 1, 1]
                if (y1 > lat and y2 > lat) or (y1 < lat and y2 < lat):
                    continue
                x1 = self.points[i, 0]
                x2 = self.points[i + 1, 0]
                side = (x2 - x1) * (lat - y1) - (lon - x1) * (y2 - y1)
                if side == 0.0 and smaller(x1, x2) <= lon <= larger(x1, x2):
                    return True
                if (y1 > lat) != (y2 > lat) and (side > 0.0) == (y2 > y1):
                    inside = not inside
        return inside

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef double depth_m(self, Py_ssize_t version, double lat, double lon) noexcept nogil:
        """Signed metres to the nearest edge."""
        cdef Py_ssize_t i
        cdef double across
        if self.radii_m[version] > 0.0:
            i = self.ring_starts[self.version_ring_starts[version]]
            return point_distance_m(self.points[i, 1], self.points[i, 0], lat, lon) - self.radii_m[version]
        across = self._edge_distance_m(version, lat, lon)
        return 0.0 - across if self.contains(version, lat, lon) else across

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef double _edge_distance_m(self, Py_ssize_t version, double lat, double lon) noexcept nogil:
        """Metres to the nearest edge: of the block whose box is nearest, and of all that might be nearer."""
        cdef Py_ssize_t ring, block, nearest_ring = -1, nearest_block = -1
        cdef double across = metres_per_longitude(lat)
        cdef double away, least = INFINITE, nearest = INFINITE
        for ring in range(self.version_ring_starts[version], self.version_ring_starts[version + 1]):
            for block in range(self.ring_blocks[ring], self.ring_blocks[ring + 1]):
                away = box_distance_squared(&self.blocks[block, 0], lat, lon, across)
                if away < least:
                    least, nearest_ring, nearest_block = away, ring, block
        if nearest_block >= 0:
            nearest = self._block_distance_squared(nearest_ring, nearest_block, lat, lon, across)
        for ring in range(self.version_ring_starts[version], self.version_ring_starts[version + 1]):
            for block in range(self.ring_blocks[ring], self.ring_blocks[ring + 1]):
                away = box_distance_squared(&self.blocks[block, 0], lat, lon, across)
                if block != nearest_block and away * (1.0 - 1e-9) - BOX_SLACK_M2 <= nearest:
                    away = self._block_distance_squared(ring, block, lat, lon, across)
                    nearest = smaller(nearest, away)
        return sqrt(nearest)

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef double _block_distance_squared(
        self, Py_ssize_t ring, Py_ssize_t block, double lat, double lon, double across
    ) noexcept nogil:
        """Square metres to the nearest edge of a block."""
        cdef Py_ssize_t i
        cdef Py_ssize_t first = self.ring_starts[ring] + EDGES_PER_BLOCK * (block - self.ring_blocks[ring])
        cdef Py_ssize_t end = min(first + EDGES_PER_BLOCK, self.ring_starts[ring + 1] - 1)
        cdef double nearest = INFINITE
        for i in range(first, end):
            nearest = smaller(nearest, edge_distance_squared(
                self.points[i, 0], self.points[i, 1], self.points[i + 1, 0], self.points[i + 1, 1],
                lon, lat, across,
            ))
        return nearest

    cdef int _make_blocks(self) except -1:
        """The boxes of runs of edges."""
        cdef Py_ssize_t ring, block, i, first, end
        lengths = np.diff(self.ring_starts) - 1
        counts = (lengths + (EDGES_PER_BLOCK - 1)) // EDGES_PER_BLOCK
        self.ring_blocks = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)])
        self.blocks = np.empty((self.ring_blocks[self.ring_blocks.shape[0] - 1], 4))
        with nogil:
            for ring in range(self.ring_blocks.shape[0] - 1):
                for block in range(self.ring_blocks[ring], self.ring_blocks[ring + 1]):
                    first = self.ring_starts[ring] + EDGES_PER_BLOCK * (block - self.ring_blocks[ring])
                    end = min(first + EDGES_PER_BLOCK, self.ring_starts[ring + 1] - 1)
                    self.blocks[block, 0] = self.blocks[block, 1] = INFINITE
                    self.blocks[block, 2] = self.blocks[block, 3] = -INFINITE
                    for i in range(first, end + 1):
                        self.blocks[block, 0] = smaller(self.blocks[block, 0], self.points[i, 0])
                        self.blocks[block, 1] = smaller(self.blocks[block, 1], self.points[i, 1])
                        self.blocks[block, 2] = larger(self.blocks[block, 2], self.points[i, 0])
                        self.blocks[block, 3] = larger(self.blocks[block, 3], self.points[i, 1])
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.cdivision(True)
    cdef Py_ssize_t _first_of(self, int64_t fence_id) noexcept nogil:
        """The first version of a fence or, if there is none, of the next one."""
        cdef Py_ssize_t low = 0, high = self.count, middle
        while low < high:
            middle = (low + high) // 2
            if self.fence_ids[middle] < fence_id:
                low = middle + 1
            else:
                high = middle
        return low

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef Py_ssize_t version_at(self, int64_t fence_id, double at_s) noexcept nogil:
        """The version of a fence in force at a time, or -1."""
        cdef Py_ssize_t version = self._first_of(fence_id)
        while version < self.count and self.fence_ids[version] == fence_id:
            if self.in_force(version, at_s):
                return version
            version += 1
        return -1

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef Py_ssize_t ended_before(self, int64_t fence_id, double at_s) noexcept nogil:
        """The last version of a fence that ended at or before a time, or -1."""
        cdef Py_ssize_t version = self._first_of(fence_id), ended = -1
        while version < self.count and self.fence_ids[version] == fence_id:
            if self.valid_until_s[version] <= at_s:
                ended = version
            version += 1
        return ended

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef Cuts edge_cuts(
        self, Py_ssize_t version, double lat1, double lon1, double lat2, double lon2
    ) noexcept nogil:
        """Where a segment first and last meets a version's edge."""
        cdef Py_ssize_t ring, block, i, first
        cdef double west = smaller(lon1, lon2) - BOX_SLACK_DEG, east = larger(lon1, lon2) + BOX_SLACK_DEG
        cdef double south = smaller(lat1, lat2) - BOX_SLACK_DEG, north = larger(lat1, lat2) + BOX_SLACK_DEG
        cdef double* box
        cdef Cuts cuts
        cuts.first = INFINITE
        cuts.last = -INFINITE
        if self.radii_m[version] > 0.0:
            i = self.ring_starts[self.version_ring_starts[version]]
            circle_cuts(
                &cuts, self.radii_m[version], self.points[i, 1], self.points[i, 0], lat1, lon1, lat2, lon2
            )
            return cuts
        for ring in range(self.version_ring_starts[version], self.version_ring_starts[version + 1]):
            for block in range(self.ring_blocks[ring], self.ring_blocks[ring + 1]):
                box = &self.blocks[block, 0]
                if box[0] > east or box[2] < west or box[1] > north or box[3] < south:
                    continue
                first = self.ring_starts[ring] + EDGES_PER_BLOCK * (block - self.ring_blocks[ring])
                for i in range(first, min(first + EDGES_PER_BLOCK, self.ring_starts[ring + 1] - 1)):
                    edge_cut(
                        &cuts, self.points[i, 0], self.points[i, 1],
                        self.points[i + 1, 0], self.points[i + 1, 1], lon1, lat1, lon2, lat2,
                    )
        return cuts


@cython.cdivision(True)
cdef inline double box_distance_squared(double* box, double lat, double lon, double across) noexcept nogil:
    """Square metres from a point to a box, 0 inside."""
    cdef double x = larger(larger(box[0] - lon, lon - box[2]), 0.0) * across
    cdef double y = larger(larger(box[1] - lat, lat - box[3]), 0.0) * METRES_PER_DEGREE
    return x * x + y * y


cdef inline void take_cut(Cuts* cuts, double cut) noexcept nogil:
    if 0.0 <= cut <= 1.0:
        cuts.first = smaller(cuts.first, cut)
        cuts.last = larger(cuts.last, cut)


@cython.cdivision(True)
cdef inline void edge_cut(
    Cuts* cuts, double ax, double ay, double bx, double by, double x1, double y1, double x2, double y2
) noexcept nogil:
    """Where the segment from 1 to 2 meets the edge from a to b."""
    cdef double dx = x2 - x1
    cdef double dy = y2 - y1
    cdef double ex = bx - ax
    cdef double ey = by - ay
    cdef double across = dx * ey - dy * ex
    cdef double fx = ax - x1
    cdef double fy = ay - y1
    cdef double place
    if across == 0.0:
        return
    place = (fx * dy - fy * dx) / across
    if 0.0 <= place <= 1.0:
        take_cut(cuts, (fx * ey - fy * ex) / across)


@cython.cdivision(True)
cdef inline void circle_cuts(
    Cuts* cuts, double radius_m, double lat, double lon, double lat1, double lon1, double lat2, double lon2
) noexcept nogil:
    """Where a segment meets a circle, on the plane that touches the sphere at its centre."""
    cdef double across = metres_per_longitude(lat)
    cdef double x = (lon1 - lon) * across
    cdef double y = (lat1 - lat) * METRES_PER_DEGREE
    cdef double dx = (lon2 - lon1) * across
    cdef double dy = (lat2 - lat1) * METRES_PER_DEGREE
    cdef double a = dx * dx + dy * dy
    cdef double b = x * dx + y * dy
    cdef double c = x * x + y * y - radius_m * radius_m
    cdef double discriminant = b * b - a * c
    if a == 0.0 or discriminant < 0.0:
        return
    take_cut(cuts, (-b - sqrt(discriminant)) / a)
    take_cut(cuts, (-b + sqrt(discriminant)) / a)
