# cython: language_level=3
"""The fence index: which versions contain points, one or many, and how far the edge is."""

cimport cython
from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t

import numpy as np

from native.distance cimport check_positions
from native.fence_cells cimport MIDDLE_INSIDE, NO_EDGES, REF_BITS, WHOLLY, FenceCells, by_edges, cell_of
from native.fence_shapes cimport RADIUS, VALID_FROM, VALID_UNTIL, Cuts, edge_cut
from native.geometry cimport on_earth, prefetch, smaller

cdef double INFINITE = float("inf")


cdef class FenceGrid(FenceCells):
    def over(self, const int64_t[::1] hidden, FenceGrid extra not None):
        if self.has_extra or extra.has_extra:
            raise ValueError("only a grid that was laid as a whole can be changed, by another such")
        cdef FenceGrid grid = FenceGrid.__new__(FenceGrid)
        cdef Py_ssize_t i, version
        grid._share(self)
        grid.heads = np.array(self.heads)
        for i in range(hidden.shape[0]):
            version = self._first_of(hidden[i])
            while version < self.count and self.fence_ids[version] == hidden[i]:
                grid.heads[version, VALID_FROM] = grid.heads[version, VALID_UNTIL] = INFINITE
                version += 1
        grid.extra = extra
        grid.has_extra = extra.count > 0
        grid.least_half_width_m = smaller(self.least_half_width_m, extra.least_half_width_m)
        return grid

    cdef void _share(self, FenceGrid other):
        """Take over another grid's memory, which never changes."""
        self.count, self.fence_ids, self.heads = other.count, other.fence_ids, other.heads
        self.points, self.ring_starts = other.points, other.ring_starts
        self.version_ring_starts = other.version_ring_starts
        self.boxes, self.ring_groups = other.boxes, other.ring_groups
        self.west, self.south, self.per_lon, self.per_lat = (
            other.west, other.south, other.per_lon, other.per_lat
        )
        self.columns, self.rows = other.columns, other.rows
        self.cell_starts, self.refs, self.cell_edges = other.cell_starts, other.refs, other.cell_edges
        self.partly = other.partly

    # A version with a number beyond this grid's own is the extra's; the crossings ask by such numbers.

    cdef double circle_depth_m(self, Py_ssize_t version, double lat, double lon) noexcept nogil:
        if version >= self.count:
            return self.extra.circle_depth_m(version - self.count, lat, lon)
        return FenceCells.circle_depth_m(self, version, lat, lon)

    cdef double depth_m(self, Py_ssize_t version, double lat, double lon) noexcept nogil:
        if version >= self.count:
            return self.extra.depth_m(version - self.count, lat, lon)
        return FenceCells.depth_m(self, version, lat, lon)

    cdef double edge_distance_m(
        self, Py_ssize_t version, double lat, double lon, double within_m, Py_ssize_t likely
    ) noexcept nogil:
        if version >= self.count:
            return self.extra.edge_distance_m(version - self.count, lat, lon, within_m, likely)
        return FenceCells.edge_distance_m(self, version, lat, lon, within_m, likely)

    cdef Cuts edge_cuts(
        self, Py_ssize_t version, double lat1, double lon1, double lat2, double lon2
    ) noexcept nogil:
        if version >= self.count:
            return self.extra.edge_cuts(version - self.count, lat1, lon1, lat2, lon2)
        return FenceCells.edge_cuts(self, version, lat1, lon1, lat2, lon2)

    cdef Py_ssize_t version_at(self, int64_t fence_id, double at_s) noexcept nogil:
        cdef Py_ssize_t version
        if self.has_extra:
            version = self.extra.version_at(fence_id, at_s)
            if version >= 0:
                return self.count + version
        return FenceCells.version_at(self, fence_id, at_s)

    cdef Py_ssize_t ended_before(self, int64_t fence_id, double at_s) noexcept nogil:
        cdef Py_ssize_t version
        if self.has_extra:
            version = self.extra.ended_before(fence_id, at_s)
            if version >= 0:
                return self.count + version
        return FenceCells.ended_before(self, fence_id, at_s)

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint covers(self, Py_ssize_t place, double lat, double lon) noexcept nogil:
        """Whether what a cell refers to contains a point of that cell; the edge is inside."""
        cdef int32_t key = self.refs[place, 0]
        cdef int32_t edges = self.refs[place, 1]
        cdef bint inside, on_edge = False
        if key & WHOLLY:
            return True
        if edges == NO_EDGES:
            return self.circle_depth_m(key >> REF_BITS, lat, lon) <= 0.0
        inside = by_edges(
            &self.points[0, 0], &self.cell_edges[edges], key & MIDDLE_INSIDE != 0, lat, lon, &on_edge
        )
        return inside or on_edge

    cdef bint contains(self, Py_ssize_t version, double lat, double lon) noexcept nogil:
        if self.head(version)[RADIUS] > 0.0:
            return self.circle_depth_m(version, lat, lon) <= 0.0
        return self.contains_in(cell_of(self, lat, lon), version, lat, lon)

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint contains_in(
        self, Py_ssize_t cell, Py_ssize_t version, double lat, double lon
    ) noexcept nogil:
        """Whether a version of rings contains a point of a cell (-1: off the grid)."""
        if version >= self.count:
            return self.extra.contains(version - self.count, lat, lon)
        cdef Py_ssize_t place
        if cell < 0:
            return False
        for place in range(self.cell_starts[cell], self.cell_starts[cell + 1]):
            if self.refs[place, 0] >> REF_BITS == version:
                return self.covers(place, lat, lon)
        return False

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint cuts_in_cell(
        self, Py_ssize_t place, double lat1, double lon1, double lat2, double lon2
    ) noexcept nogil:
        """Whether a segment meets an edge that a cell refers to; always for a circle."""
        cdef int32_t* edges
        cdef Cuts cuts
        if self.refs[place, 1] == NO_EDGES:
            return True
        cuts.first = INFINITE
        cuts.last = -INFINITE
        edges = &self.cell_edges[self.refs[place, 1]]
        # What is below zero are ends of chains elsewhere, and then the end of the list.
        while edges[0] >= 0:
            edge_cut(&cuts, edges[0], &self.points[edges[0], 0], lon1, lat1, lon2, lat2)
            if cuts.first <= 1.0:
                return True
            edges += 1
        return False

    @cython.boundscheck(False)
    @cython.wraparound(False)
    def containing(self, double lat, double lon, double at_s):
        if not on_earth(lat, lon):
            raise ValueError(f"the position is not on Earth: latitude {lat}, longitude {lon}")
        if at_s != at_s:
            raise ValueError("the time is not a number")
        cdef Py_ssize_t cell = cell_of(self, lat, lon), place, version
        found = []
        if self.has_extra:
            found = self.extra.containing(lat, lon, at_s)
        if cell >= 0:
            for place in range(self.cell_starts[cell], self.cell_starts[cell + 1]):
                version = self.refs[place, 0] >> REF_BITS
                if self.in_force(version, at_s) and self.covers(place, lat, lon):
                    found.append(self.fence_ids[version])
        if self.has_extra:
            found.sort()
        return found

    def query(self, const double[::1] lats, const double[::1] lons, const double[::1] times_s):
        check_fixes(lats, lons, times_s)
        if self.has_extra:
            return self._query_both(lats, lons, times_s)
        return self._query_own(lats, lons, times_s)

    def _query_both(self, const double[::1] lats, const double[::1] lons, const double[::1] times_s):
        points, versions = self._query_own(lats, lons, times_s)
        extra_points, extra_versions = self.extra._query_own(lats, lons, times_s)
        points = np.concatenate([points, extra_points])
        fence_ids = np.concatenate([
            np.asarray(self.fence_ids)[versions], np.asarray(self.extra.fence_ids)[extra_versions]
        ])
        order = np.lexsort((fence_ids, points))
        return points[order], np.concatenate([versions, extra_versions + self.count])[order]

    def _query_own(self, const double[::1] lats, const double[::1] lons, const double[::1] times_s):
        points = np.empty(lats.shape[0] + 16, dtype=np.int64)
        versions = np.empty(lats.shape[0] + 16, dtype=np.int64)
        cdef Py_ssize_t i = 0, found = 0
        while True:
            self._query_from(lats, lons, times_s, points, versions, &i, &found)
            if i == lats.shape[0]:
                return points[:found].copy(), versions[:found].copy()
            points = np.concatenate([points, np.empty(len(points) + self.count, dtype=np.int64)])
            versions = np.concatenate([versions, np.empty(len(versions) + self.count, dtype=np.int64)])

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int _query_from(
        self,
        const double[::1] lats,
        const double[::1] lons,
        const double[::1] times_s,
        int64_t[::1] points,
        int64_t[::1] versions,
        Py_ssize_t* next_point,
        Py_ssize_t* found,
    ) except -1:
        """Answer from a point on, until all are done or one cell's answers might not fit any more."""
        cdef Py_ssize_t first, end, i, place, cell, version
        cdef int32_t[POINTS_AHEAD] cells
        with nogil:
            first = next_point[0]
            while first < lats.shape[0]:
                end = min(first + POINTS_AHEAD, lats.shape[0])
                self.fetch(lats, lons, first, end, cells)
                for i in range(first, end):
                    next_point[0] = i
                    cell = cells[i - first]
                    if cell < 0:
                        continue
                    if found[0] + self.cell_starts[cell + 1] - self.cell_starts[cell] > points.shape[0]:
                        return 0
                    for place in range(self.cell_starts[cell], self.cell_starts[cell + 1]):
                        version = self.refs[place, 0] >> REF_BITS
                        if self.in_force(version, times_s[i]) and self.covers(place, lats[i], lons[i]):
                            points[found[0]] = i
                            versions[found[0]] = version
                            found[0] += 1
                first = end
            next_point[0] = lats.shape[0]
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef void fetch(
        self,
        const double[::1] lats,
        const double[::1] lons,
        Py_ssize_t first,
        Py_ssize_t end,
        int32_t* cells,
    ) noexcept nogil:
        """The cells of some points, and an early request for what their answers will read."""
        cdef Py_ssize_t i, place
        for i in range(first, end):
            cells[i - first] = <int32_t>cell_of(self, lats[i], lons[i])
            if cells[i - first] >= 0:
                prefetch(&self.cell_starts[cells[i - first]])
        for i in range(end - first):
            if cells[i] >= 0 and self.cell_starts[cells[i]] < self.cell_starts[cells[i] + 1]:
                prefetch(&self.refs[self.cell_starts[cells[i]], 0])
        for i in range(end - first):
            if cells[i] >= 0:
                for place in range(self.cell_starts[cells[i]], self.cell_starts[cells[i] + 1]):
                    if self.refs[place, 1] != NO_EDGES:
                        prefetch(&self.cell_edges[self.refs[place, 1]])

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef void fetch_corners(self, int32_t* cells, Py_ssize_t count) noexcept nogil:
        """After `fetch`, a request for the corners of the first edge of every list."""
        cdef Py_ssize_t i, place
        for i in range(count):
            if cells[i] >= 0:
                for place in range(self.cell_starts[cells[i]], self.cell_starts[cells[i] + 1]):
                    if self.refs[place, 1] != NO_EDGES and self.cell_edges[self.refs[place, 1]] >= 0:
                        prefetch(&self.points[self.cell_edges[self.refs[place, 1]], 0])

    def signed_distance_m(self, Py_ssize_t version, double lat, double lon):
        cdef Py_ssize_t count = self.count + (self.extra.count if self.has_extra else 0)
        if not 0 <= version < count:
            raise IndexError(f"there is no fence version {version}")
        if not on_earth(lat, lon):
            raise ValueError(f"the position is not on Earth: latitude {lat}, longitude {lon}")
        return self.depth_m(version, lat, lon)


cdef int check_fixes(const double[::1] lats, const double[::1] lons, const double[::1] times_s) except -1:
    """Raise ValueError unless the columns are fixes: equally long, on Earth, at finite times."""
    cdef Py_ssize_t i
    check_positions(lats, lons, "fix")
    if lats.shape[0] != times_s.shape[0]:
        raise ValueError("the columns must be equally long")
    for i in range(times_s.shape[0]):
        if not isfinite(times_s[i]):
            raise ValueError(f"time {i} is not a finite number")
    return 0
