cimport cython
from libc.stdint cimport int64_t

cdef struct Cuts:
    # Where a segment first and last meets an edge, as shares of the segment; `first` above 1 for nowhere.
    double first
    double last

cdef class FenceShapes:
    cdef Py_ssize_t count
    cdef const int64_t[::1] fence_ids
    cdef const double[::1] valid_from_s
    cdef const double[::1] valid_until_s
    cdef const double[::1] radii_m
    cdef const double[::1] half_widths_m
    # Longitude and latitude of every corner, next to each other as they are read.
    cdef double[:, ::1] points
    cdef const int64_t[::1] ring_starts
    cdef const int64_t[::1] version_ring_starts
    cdef double[:, ::1] boxes
    # Boxes (west, south, east, north) of up to EDGES_PER_BLOCK consecutive edges, ring after ring.
    cdef double[:, ::1] blocks
    cdef int64_t[::1] ring_blocks

    cdef int _check(self, const double[::1] lons, const double[::1] lats) except -1
    cdef void _box(self, Py_ssize_t version) noexcept nogil
    cdef int _make_blocks(self) except -1
    cdef Py_ssize_t _first_of(self, int64_t fence_id) noexcept nogil

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef inline bint in_force(self, Py_ssize_t version, double at_s) noexcept nogil:
        return self.valid_from_s[version] <= at_s < self.valid_until_s[version]

    cdef bint contains(self, Py_ssize_t version, double lat, double lon) noexcept nogil
    cdef double depth_m(self, Py_ssize_t version, double lat, double lon) noexcept nogil
    cdef double _edge_distance_m(self, Py_ssize_t version, double lat, double lon) noexcept nogil
    cdef double _block_distance_squared(
        self, Py_ssize_t ring, Py_ssize_t block, double lat, double lon, double across
    ) noexcept nogil
    cdef Py_ssize_t version_at(self, int64_t fence_id, double at_s) noexcept nogil
    cdef Py_ssize_t ended_before(self, int64_t fence_id, double at_s) noexcept nogil
    cdef Cuts edge_cuts(
        self, Py_ssize_t version, double lat1, double lon1, double lat2, double lon2
    ) noexcept nogil
