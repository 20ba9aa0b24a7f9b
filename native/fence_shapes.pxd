cimport cython
from libc.stdint cimport int64_t

cdef enum:
    NO_EDGE = -1

cdef enum:
    # The columns of `heads`: what is asked of a version first, in one cache line.
    WEST = 0
    SOUTH = 1
    EAST = 2
    NORTH = 3
    VALID_FROM = 4
    VALID_UNTIL = 5
    RADIUS = 6
    HALF_WIDTH = 7
    HEAD_COLUMNS = 8

cdef struct Cuts:
    # Where a segment first and last meets an edge, as shares of the segment; `first` above 1 for nowhere.
    double first
    double last
    # Which edges those are; NO_EDGE for a circle's.
    Py_ssize_t first_edge
    Py_ssize_t last_edge

cdef class FenceShapes:
    cdef Py_ssize_t count
    cdef const int64_t[::1] fence_ids
    cdef double[:, ::1] heads
    cdef double least_half_width_m
    # Longitude and latitude of every corner, next to each other as they are read.
    cdef double[:, ::1] points
    cdef const int64_t[::1] ring_starts
    cdef const int64_t[::1] version_ring_starts
    # Boxes of a few consecutive edges, four at a time: west of each, then south, east and north.
    cdef double[:, ::1] boxes
    cdef int64_t[::1] ring_groups

    cdef int _check(self, const double[::1] lons, const double[::1] lats) except -1
    cdef void _box(self, Py_ssize_t version) noexcept nogil
    cdef int _make_boxes(self) except -1
    cdef void _box_edges(self, double* box, Py_ssize_t first, Py_ssize_t last) noexcept nogil
    cdef Py_ssize_t _first_of(self, int64_t fence_id) noexcept nogil

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef inline bint in_force(self, Py_ssize_t version, double at_s) noexcept nogil:
        return self.heads[version, VALID_FROM] <= at_s < self.heads[version, VALID_UNTIL]

    cdef bint contains(self, Py_ssize_t version, double lat, double lon) noexcept nogil
    cdef double depth_m(self, Py_ssize_t version, double lat, double lon) noexcept nogil
    cdef double circle_depth_m(self, Py_ssize_t version, double lat, double lon) noexcept nogil
    cdef double edge_distance_m(
        self, Py_ssize_t version, double lat, double lon, double within_m, Py_ssize_t likely
    ) noexcept nogil
    cdef Py_ssize_t _likely_edge(
        self, Py_ssize_t version, double lat, double lon, double across
    ) noexcept nogil
    cdef Py_ssize_t version_at(self, int64_t fence_id, double at_s) noexcept nogil
    cdef Py_ssize_t ended_before(self, int64_t fence_id, double at_s) noexcept nogil
    cdef Cuts edge_cuts(
        self, Py_ssize_t version, double lat1, double lon1, double lat2, double lon2
    ) noexcept nogil


cdef inline void take_cut(Cuts* cuts, Py_ssize_t edge, double cut) noexcept nogil:
    if 0.0 <= cut <= 1.0:
        if cut < cuts.first:
            cuts.first, cuts.first_edge = cut, edge
        if cut > cuts.last:
            cuts.last, cuts.last_edge = cut, edge


@cython.cdivision(True)
cdef inline void edge_cut(
    Cuts* cuts, Py_ssize_t edge, double* corners, double x1, double y1, double x2, double y2
) noexcept nogil:
    """Where the segment from 1 to 2 meets an edge, between two corners."""
    cdef double dx = x2 - x1
    cdef double dy = y2 - y1
    cdef double ex = corners[2] - corners[0]
    cdef double ey = corners[3] - corners[1]
    cdef double across = dx * ey - dy * ex
    cdef double fx = corners[0] - x1
    cdef double fy = corners[1] - y1
    cdef double place
    if across == 0.0:
        return
    place = (fx * dy - fy * dx) / across
    if 0.0 <= place <= 1.0:
        take_cut(cuts, edge, (fx * ey - fy * ex) / across)
