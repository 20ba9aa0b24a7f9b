# cython: language_level=3
"""Fence versions in columns: which contain a point, how far an edge is, where a segment meets it."""

cimport cython
from libc.math cimport asin, cos, fabs, sin, sqrt
from libc.stdint cimport int64_t

import numpy as np

from native.distance cimport check_positions
from native.geometry cimport (
    EARTH_RADIUS_M,
    METRES_PER_DEGREE,
    RADIANS,
    larger,
    metres_per_longitude,
    point_distance_m,
    smaller,
)

cdef enum:
    # Boxes lie four together, coordinate by coordinate, so that a processor compares them at once.
    EDGES_PER_BOX = 4
    BOXES = 4
    EDGES_PER_GROUP = 16

cdef double INFINITE = float("inf")
# Variables: to constants gcc compares with branches, which are often mispredicted.
cdef double ZERO = 0.0
cdef double ONE = 1.0
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
        self.ring_starts = ring_starts
        self.version_ring_starts = version_ring_starts
        if not (
            valid_from_s.shape[0] == valid_until_s.shape[0] == radii_m.shape[0]
            == half_widths_m.shape[0] == version_ring_starts.shape[0] - 1 == self.count
        ):
            raise ValueError("the columns must be equally long")
        self._check(lons, lats)
        self.points = np.column_stack([lons, lats])
        self.heads = np.empty((self.count, HEAD_COLUMNS))
        self.least_half_width_m = INFINITE
        cdef Py_ssize_t version
        for version in range(self.count):
            self.heads[version, VALID_FROM] = valid_from_s[version]
            self.heads[version, VALID_UNTIL] = valid_until_s[version]
            self.heads[version, RADIUS] = radii_m[version]
            self.heads[version, HALF_WIDTH] = half_widths_m[version]
            self.least_half_width_m = smaller(self.least_half_width_m, half_widths_m[version])
            self._box(version)
        self._make_boxes()

    cdef int _check(self, const double[::1] lons, const double[::1] lats) except -1:
        cdef Py_ssize_t i, first, last
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
        cdef double reach = self.heads[version, RADIUS] / EARTH_RADIUS_M * (1.0 + 1e-9)
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
        self.heads[version, WEST] = west
        self.heads[version, SOUTH] = south
        self.heads[version, EAST] = east
        self.heads[version, NORTH] = north

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint contains(self, Py_ssize_t version, double lat, double lon) noexcept nogil:
        """Even-odd rule over all rings of a version; the edge is inside."""
        cdef Py_ssize_t ring, i
        cdef double x1, y1, x2, y2, side
        cdef bint inside = False
        if self.heads[version, RADIUS] > 0.0:
            return self.depth_m(version, lat, lon) <= 0.0
        if not (
            self.heads[version, WEST] <= lon <= self.heads[version, EAST]
            and self.heads[version, SOUTH] <= lat <= self.heads[version, NORTH]
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
        cdef double across
        if self.heads[version, RADIUS] > 0.0:
            return self.circle_depth_m(version, lat, lon)
        across = self.edge_distance_m(version, lat, lon, INFINITE, NO_EDGE)
        return 0.0 - across if self.contains(version, lat, lon) else across

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef double circle_depth_m(self, Py_ssize_t version, double lat, double lon) noexcept nogil:
        """Signed metres to a circle."""
        cdef double* centre = &self.points[self.ring_starts[self.version_ring_starts[version]], 0]
        return point_distance_m(centre[1], centre[0], lat, lon) - self.heads[version, RADIUS]

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef double edge_distance_m(
        self, Py_ssize_t version, double lat, double lon, double within_m, Py_ssize_t likely
    ) noexcept nogil:
        """Metres to the nearest edge of rings; of one not nearer than `within_m` only that it is not.

        `likely` is an edge that may well be the nearest (NO_EDGE: unknown): then less is looked at.
        """
        cdef Py_ssize_t ring, group, first, last, i
        cdef double across = metres_per_longitude(lat)
        cdef double nearest = INFINITE, reach = INFINITE
        cdef double[BOXES] away
        if within_m < INFINITE:
            reach = within_m * within_m * (1.0 + 1e-9) + BOX_SLACK_M2
        elif likely == NO_EDGE:
            likely = self._likely_edge(version, lat, lon, across)
        if likely != NO_EDGE:
            nearest = edges_distance_squared(&self.points[likely, 0], 1, lat, lon, across)
            reach = smaller(reach, nearest * (1.0 + 1e-9) + BOX_SLACK_M2)
        for ring in range(self.version_ring_starts[version], self.version_ring_starts[version + 1]):
            first = self.ring_starts[ring]
            last = self.ring_starts[ring + 1] - 1
            for group in range(self.ring_groups[ring], self.ring_groups[ring + 1]):
                box_distances_squared(&self.boxes[group, 0], lat, lon, across, away)
                for i in range(BOXES):
                    if away[i] <= reach:
                        nearest = smaller(nearest, edges_distance_squared(
                            &self.points[first + i * EDGES_PER_BOX, 0],
                            min(last - first - i * EDGES_PER_BOX, EDGES_PER_BOX), lat, lon, across,
                        ))
                        reach = smaller(reach, nearest * (1.0 + 1e-9) + BOX_SLACK_M2)
                first += EDGES_PER_GROUP
        return sqrt(nearest)

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef Py_ssize_t _likely_edge(
        self, Py_ssize_t version, double lat, double lon, double across
    ) noexcept nogil:
        """An edge of the box that is nearest."""
        cdef Py_ssize_t ring, group, first, i, likely = NO_EDGE
        cdef double least = INFINITE
        cdef double[BOXES] away
        for ring in range(self.version_ring_starts[version], self.version_ring_starts[version + 1]):
            first = self.ring_starts[ring]
            for group in range(self.ring_groups[ring], self.ring_groups[ring + 1]):
                box_distances_squared(&self.boxes[group, 0], lat, lon, across, away)
                for i in range(BOXES):
                    if away[i] < least:
                        least = away[i]
                        likely = first + i * EDGES_PER_BOX
                first += EDGES_PER_GROUP
        return likely

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int _make_boxes(self) except -1:
        """The boxes of runs of edges; what is left of a ring's last group lies nowhere."""
        cdef Py_ssize_t ring, group, i, edge, last
        cdef double* box
        counts = (np.diff(self.ring_starts) - 1 + (EDGES_PER_GROUP - 1)) // EDGES_PER_GROUP
        self.ring_groups = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)])
        self.boxes = np.empty((self.ring_groups[self.ring_groups.shape[0] - 1], 4 * BOXES))
        with nogil:
            for ring in range(self.ring_groups.shape[0] - 1):
                edge = self.ring_starts[ring]
                last = self.ring_starts[ring + 1] - 1
                for group in range(self.ring_groups[ring], self.ring_groups[ring + 1]):
                    for i in range(BOXES):
                        box = &self.boxes[group, i]
                        box[0] = box[BOXES] = INFINITE
                        box[2 * BOXES] = box[3 * BOXES] = -INFINITE
                        if edge < last:
                            self._box_edges(box, edge, min(edge + EDGES_PER_BOX, last))
                        edge += EDGES_PER_BOX
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef void _box_edges(self, double* box, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        """Widen a box by the corners from the first to the last."""
        cdef Py_ssize_t i
        for i in range(first, last + 1):
            box[0] = smaller(box[0], self.points[i, 0])
            box[BOXES] = smaller(box[BOXES], self.points[i, 1])
            box[2 * BOXES] = larger(box[2 * BOXES], self.points[i, 0])
            box[3 * BOXES] = larger(box[3 * BOXES], self.points[i, 1])

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
            if self.heads[version, VALID_UNTIL] <= at_s:
                ended = version
            version += 1
        return ended

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef Cuts edge_cuts(
        self, Py_ssize_t version, double lat1, double lon1, double lat2, double lon2
    ) noexcept nogil:
        """Where a segment first and last meets a version's edge."""
        cdef Py_ssize_t ring, group, i, edge, first, last
        cdef double west = smaller(lon1, lon2) - BOX_SLACK_DEG, east = larger(lon1, lon2) + BOX_SLACK_DEG
        cdef double south = smaller(lat1, lat2) - BOX_SLACK_DEG, north = larger(lat1, lat2) + BOX_SLACK_DEG
        cdef bint[BOXES] meets
        cdef Cuts cuts
        cuts.first = INFINITE
        cuts.last = -INFINITE
        cuts.first_edge = cuts.last_edge = NO_EDGE
        if self.heads[version, RADIUS] > 0.0:
            i = self.ring_starts[self.version_ring_starts[version]]
            circle_cuts(
                &cuts, self.heads[version, RADIUS], self.points[i, 1], self.points[i, 0],
                lat1, lon1, lat2, lon2,
            )
            return cuts
        for ring in range(self.version_ring_starts[version], self.version_ring_starts[version + 1]):
            first = self.ring_starts[ring]
            last = self.ring_starts[ring + 1] - 1
            for group in range(self.ring_groups[ring], self.ring_groups[ring + 1]):
                boxes_meet(&self.boxes[group, 0], west, south, east, north, meets)
                for i in range(BOXES):
                    if meets[i]:
                        edge = first + i * EDGES_PER_BOX
                        for edge in range(edge, min(edge + EDGES_PER_BOX, last)):
                            edge_cut(&cuts, edge, &self.points[edge, 0], lon1, lat1, lon2, lat2)
                first += EDGES_PER_GROUP
        return cuts


cdef inline void box_distances_squared(
    double* boxes, double lat, double lon, double across, double* away
) noexcept nogil:
    """Square metres from a point to each of a group of boxes, 0 inside."""
    cdef Py_ssize_t i
    cdef double west, south, east, north, x, y
    for i in range(BOXES):
        west = boxes[i] - lon
        south = boxes[BOXES + i] - lat
        east = lon - boxes[2 * BOXES + i]
        north = lat - boxes[3 * BOXES + i]
        # Twice the larger of a number and 0, without a branch.
        x = (west + fabs(west) + east + fabs(east)) * (0.5 * across)
        y = (south + fabs(south) + north + fabs(north)) * (0.5 * METRES_PER_DEGREE)
        away[i] = x * x + y * y


cdef inline void boxes_meet(
    double* boxes, double west, double south, double east, double north, bint* meets
) noexcept nogil:
    """Which of a group of boxes have a point in common with one more."""
    cdef Py_ssize_t i
    for i in range(BOXES):
        meets[i] = (
            (boxes[i] <= east) & (boxes[2 * BOXES + i] >= west)
            & (boxes[BOXES + i] <= north) & (boxes[3 * BOXES + i] >= south)
        )


@cython.cdivision(True)
cdef inline double edges_distance_squared(
    double* corners, Py_ssize_t count, double lat, double lon, double across
) noexcept nogil:
    """Square metres to the nearest of some edges that follow each other, on the plane touching at a point.

    `across` is metres per longitude.
    """
    cdef double x, y, dx, dy, along, nearest = INFINITE, zero = ZERO, one = ONE
    while count > 0:
        x = (corners[0] - lon) * across
        y = (corners[1] - lat) * METRES_PER_DEGREE
        dx = (corners[2] - corners[0]) * across
        dy = (corners[3] - corners[1]) * METRES_PER_DEGREE
        # Without length this is 0 / 0, and the larger of NaN and 0 is 0.
        along = smaller(larger(-(x * dx + y * dy) / (dx * dx + dy * dy), zero), one)
        x = x + along * dx
        y = y + along * dy
        nearest = smaller(nearest, x * x + y * y)
        corners += 2
        count -= 1
    return nearest


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
    take_cut(cuts, NO_EDGE, (-b - sqrt(discriminant)) / a)
    take_cut(cuts, NO_EDGE, (-b + sqrt(discriminant)) / a)
