# cython: language_level=3
"""Fences passed right through between two fixes: candidates from the grid, judged one by one."""

cimport cython
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free

from native.crossing_state cimport PASSING, CrossingState, Fix, Pair, blank_pair, grown
from native.fence_cells cimport REF_BITS, WHOLLY
from native.fence_shapes cimport EAST, NORTH, SOUTH, WEST
from native.fences cimport FenceGrid
from native.geometry cimport larger, smaller


cdef class PassFinder(CrossingJudge):
    def __cinit__(self):
        self.state = CrossingState()

    def __dealloc__(self):
        free(self.dropped)
        free(self.crossed)

    cdef int drop(self, int64_t fence_id) except -1 nogil:
        """Remember that a pair went away in this step: its fence is not looked at again."""
        if self.dropped_count == self.dropped_room:
            self.dropped_room = 2 * self.dropped_room + 16
            self.dropped = <int64_t*>grown(self.dropped, self.dropped_room, sizeof(int64_t))
        self.dropped[self.dropped_count] = fence_id
        self.dropped_count += 1
        return 0

    cdef int note_passes(self, int64_t slot, Fix* fix) except -1 nogil:
        """The fences that the segment to this fix goes right through, until the next confirms it."""
        cdef Py_ssize_t i, version
        cdef Pair pair
        self.crossed_count = 0
        self._list_crossed(self.grid, 0, slot, &self.state.slots[slot].last, fix)
        if self.grid.has_extra:
            self._list_crossed(self.grid.extra, self.grid.count, slot, &self.state.slots[slot].last, fix)
        for i in range(self.crossed_count):
            version = self.crossed[i]
            pair = blank_pair(self.grid.fence_id(version), PASSING, 0.0)
            pair.version = <int32_t>version
            if not self.passes(&pair, version, &self.state.slots[slot].last, fix):
                continue
            if not self.starts_pass(&self.state.slots[slot], fix):
                return 0
            self.state.add(slot, pair)
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.cdivision(True)
    cdef int _list_crossed(
        self, FenceGrid grid, Py_ssize_t offset, int64_t slot, Fix* last, Fix* fix
    ) except -1 nogil:
        """Unknown versions with an edge that the segment cuts, row by row of the grid."""
        cdef double x1 = (last.lon - grid.west) * grid.per_lon
        cdef double y1 = (last.lat - grid.south) * grid.per_lat
        cdef double x2 = (fix.lon - grid.west) * grid.per_lon
        cdef double y2 = (fix.lat - grid.south) * grid.per_lat
        cdef double slope, xa, xb
        cdef Py_ssize_t row, column, first, last_column, cell
        if y1 > y2:
            x1, y1, x2, y2 = x2, y2, x1, y1
        if y2 < 0.0 or y1 >= grid.rows:
            return 0
        slope = (x2 - x1) / (y2 - y1) if y2 > y1 else 0.0
        for row in range(<Py_ssize_t>larger(y1, 0.0), <Py_ssize_t>smaller(y2, grid.rows - 1.0) + 1):
            xa, xb = x1, x2
            if y2 > y1:
                xa = x1 + slope * (larger(<double>row, y1) - y1)
                xb = x1 + slope * (smaller(<double>row + 1.0, y2) - y1)
            if xa > xb:
                xa, xb = xb, xa
            if xb < 0.0 or xa >= grid.columns:
                continue
            first = <Py_ssize_t>larger(xa - 1e-6, 0.0)
            last_column = <Py_ssize_t>smaller(xb + 1e-6, grid.columns - 1.0)
            for column in range(first, last_column + 1):
                cell = row * grid.columns + column
                if grid.partly[cell >> 3] >> (cell & 7) & 1:
                    self._list_cell(grid, offset, slot, cell, last, fix)
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int _list_cell(
        self, FenceGrid grid, Py_ssize_t offset, int64_t slot, Py_ssize_t cell, Fix* last, Fix* fix
    ) except -1 nogil:
        """Add a cell's versions in force that are neither known nor listed; `offset` is their grid's."""
        cdef Py_ssize_t place, version
        cdef double* head
        for place in range(grid.cell_starts[cell], grid.cell_starts[cell + 1]):
            if grid.refs[place, 0] & WHOLLY:
                continue
            version = grid.refs[place, 0] >> REF_BITS
            head = &grid.heads[version, 0]
            if (
                (last.lon < head[WEST] and fix.lon < head[WEST])
                or (last.lon > head[EAST] and fix.lon > head[EAST])
                or (last.lat < head[SOUTH] and fix.lat < head[SOUTH])
                or (last.lat > head[NORTH] and fix.lat > head[NORTH])
                or not grid.in_force(version, fix.at_s) or self._seen(slot, offset + version)
                or not grid.cuts_in_cell(place, last.lat, last.lon, fix.lat, fix.lon)
            ):
                continue
            self.list_version(offset + version)
        return 0

    cdef int list_version(self, Py_ssize_t version) except -1 nogil:
        """Put a version on the list, which is kept in order of fences."""
        cdef Py_ssize_t i = self.crossed_count
        cdef int64_t fence_id = self.grid.fence_id(version)
        if self.crossed_count == self.crossed_room:
            self.crossed_room = 2 * self.crossed_room + 16
            self.crossed = <int32_t*>grown(self.crossed, self.crossed_room, sizeof(int32_t))
        while i > 0 and self.grid.fence_id(self.crossed[i - 1]) > fence_id:
            self.crossed[i] = self.crossed[i - 1]
            i -= 1
        self.crossed[i] = <int32_t>version
        self.crossed_count += 1
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint _seen(self, int64_t slot, Py_ssize_t version) noexcept nogil:
        """Whether a version is in the list already, or its fence had a pair in this step."""
        cdef Py_ssize_t i
        cdef int64_t fence_id = self.grid.fence_id(version)
        for i in range(self.crossed_count):
            if self.crossed[i] == version:
                return True
        for i in range(self.dropped_count):
            if self.dropped[i] == fence_id:
                return True
        return self.state.has(slot, fence_id)
