from libc.stdint cimport int32_t, int64_t

from native.fence_cells cimport FenceCells

cdef enum:
    POINTS_AHEAD = 32

cdef class FenceGrid(FenceCells):
    cdef bint covers(self, Py_ssize_t place, double lat, double lon) noexcept nogil
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

cdef int check_fixes(const double[::1] lats, const double[::1] lons, const double[::1] times_s) except -1
