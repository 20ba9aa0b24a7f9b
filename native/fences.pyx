# cython: language_level=3
"""The fence index: which versions contain points, one or many, and how far the edge is."""

cimport cython
from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t

import numpy as np

from native.distance cimport check_positions
from native.fence_cells cimport MIDDLE_INSIDE, NO_EDGES, REF_BITS, WHOLLY, FenceCells, by_edges, cell_of
from native.geometry cimport on_earth, prefetch


cdef class FenceGrid(FenceCells):
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
            return self.depth_m(key >> REF_BITS, lat, lon) <= 0.0
        inside = by_edges(
            &self.points[0, 0], &self.cell_edges[edges], key & MIDDLE_INSIDE != 0, lat, lon, &on_edge
        )
        return inside or on_edge

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint contains(self, Py_ssize_t version, double lat, double lon) noexcept nogil:
        cdef Py_ssize_t cell, place
        if self.radii_m[version] > 0.0:
            return self.depth_m(version, lat, lon) <= 0.0
        cell = cell_of(self, lat, lon)
        if cell < 0:
            return False
        for place in range(self.cell_starts[cell], self.cell_starts[cell + 1]):
            if self.refs[place, 0] >> REF_BITS == version:
                return self.covers(place, lat, lon)
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
        if cell >= 0:
            for place in range(self.cell_starts[cell], self.cell_starts[cell + 1]):
                version = self.refs[place, 0] >> REF_BITS
                if self.in_force(version, at_s) and self.covers(place, lat, lon):
                    found.append(self.fence_ids[version])
        return found

    def query(self, const double[::1] lats, const double[::1] lons, const double[::1] times_s):
        check_fixes(lats, lons, times_s)
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

    def signed_distance_m(self, Py_ssize_t version, double lat, double lon):
        if not 0 <= version < self.count:
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
