cimport cython
from libc.stdint cimport int32_t, int64_t

from native.fence_cells cimport FenceCells
from native.fence_shapes cimport VALID_FROM, VALID_UNTIL

cdef enum:
    POINTS_AHEAD = 32

cdef class FenceGrid(FenceCells):
    # Versions of fences that changed since this grid was laid, numbered after its own; their former versions
    # are never in force here.
    cdef FenceGrid extra
    cdef bint has_extra

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef inline double* head(self, Py_ssize_t version) noexcept nogil:
        if version < self.count:
            return &self.heads[version, 0]
        return &self.extra.heads[version - self.count, 0]

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef inline int64_t fence_id(self, Py_ssize_t version) noexcept nogil:
        if version < self.count:
            return self.fence_ids[version]
        return self.extra.fence_ids[version - self.count]

    cdef inline bint holds(self, Py_ssize_t version, double at_s) noexcept nogil:
        """Whether a version is in force."""
        cdef double* head = self.head(version)
        return head[VALID_FROM] <= at_s < head[VALID_UNTIL]

    cdef void _share(self, FenceGrid other)
    cdef bint covers(self, Py_ssize_t place, double lat, double lon) noexcept nogil
    cdef bint contains_in(
        self, Py_ssize_t cell, Py_ssize_t version, double lat, double lon
    ) noexcept nogil
    cdef bint cuts_in_cell(
        self, Py_ssize_t place, double lat1, double lon1, double lat2, double lon2
    ) noexcept nogil
    cdef int _query_from(
        self,
        const double[::1] lats,
        const double[::1] lons,
        const double[::1] times_s,
        int64_t[::1] points,
        int64_t[::1] versions,
        Py_ssize_t* next_point,
        Py_ssize_t* found,
    ) except -1
    cdef void fetch(
        self,
        const double[::1] lats,
        const double[::1] lons,
        Py_ssize_t first,
        Py_ssize_t end,
        int32_t* cells,
    ) noexcept nogil
    cdef void fetch_corners(self, int32_t* cells, Py_ssize_t count) noexcept nogil

cdef int check_fixes(const double[::1] lats, const double[::1] lons, const double[::1] times_s) except -1
