cimport cython
from libc.stdint cimport int32_t, uint8_t

from native.fence_shapes cimport FenceShapes
from native.geometry cimport larger, smaller

cdef enum:
    # A ref is a version and what of it lies over a cell: its number and these flags, in one integer.
    WHOLLY = 1
    MIDDLE_INSIDE = 2
    REF_BITS = 2
    # Where there is no list of edges: a circle, or a version wholly over the cell.
    NO_EDGES = -1
    # Ends a cell's list.
    LIST_END = -2147483648

cdef struct Touch:
    int32_t cell
    int32_t edge

cdef struct Found:
    int32_t cell
    int32_t key
    int32_t edges

cdef struct Scratch:
    Touch* touches
    Py_ssize_t touch_count, touch_room
    Found* found
    Py_ssize_t found_count, found_room
    int32_t* edges
    Py_ssize_t edge_count, edge_room
    # Of the version at hand: where each cell's edges start, edges by cell, the last row of each edge, and the
    # edges at the height of a row's middle.
    int32_t* starts
    Py_ssize_t start_room
    int32_t* sorted
    Py_ssize_t sorted_room
    int32_t* seen
    Py_ssize_t seen_room
    int32_t* level
    Py_ssize_t level_count, level_room

cdef class FenceCells(FenceShapes):
    cdef double west, south, per_lon, per_lat
    cdef Py_ssize_t columns, rows
    cdef int32_t[::1] cell_starts
    cdef int32_t[:, ::1] refs
    cdef int32_t[::1] cell_edges
    # A bit for every cell that a version lies partly over: small enough to stay near the processor.
    cdef uint8_t[::1] partly

    cdef int _lay_grid(self) except -1
    cdef int _fill(self) except -1
    cdef int _keep(self, Scratch* scratch) except -1
    cdef void _span(self, Py_ssize_t version, Py_ssize_t[4] span) noexcept nogil
    cdef int _add_circle(self, Py_ssize_t version, Py_ssize_t[4] span, Scratch* scratch) except -1 nogil
    cdef int _add_rings(self, Py_ssize_t version, Py_ssize_t[4] span, Scratch* scratch) except -1 nogil
    cdef int _touch(self, Py_ssize_t i, Py_ssize_t[4] span, Scratch* scratch) except -1 nogil
    cdef int _sort_touches(self, Py_ssize_t cells, Scratch* scratch) except -1 nogil
    cdef int _add_row(
        self, Py_ssize_t version, Py_ssize_t row, Py_ssize_t[4] span, Scratch* scratch
    ) except -1 nogil
    cdef int _level_edges(
        self, Py_ssize_t version, Py_ssize_t row, Py_ssize_t[4] span, Scratch* scratch
    ) except -1 nogil
    cdef bint _inside_by_level(self, Scratch* scratch, double lat, double lon) noexcept nogil
    cdef int _list_edges(
        self, Py_ssize_t version, Py_ssize_t row, Py_ssize_t column,
        int32_t* edges, Py_ssize_t count, Scratch* scratch
    ) except -1 nogil
    cdef bint _is_end(self, Py_ssize_t point, Py_ssize_t row, Py_ssize_t column) noexcept nogil
    cdef Py_ssize_t _ring_of(self, Py_ssize_t version, Py_ssize_t edge) noexcept nogil


cdef inline Py_ssize_t cell_of(FenceCells grid, double lat, double lon) noexcept nogil:
    """The cell of a point, or -1 off the grid."""
    cdef double x = (lon - grid.west) * grid.per_lon
    cdef double y = (lat - grid.south) * grid.per_lat
    if x < 0.0 or y < 0.0 or x >= grid.columns or y >= grid.rows:
        return -1
    return <Py_ssize_t>y * grid.columns + <Py_ssize_t>x


cdef inline bint by_edges(
    double* points, int32_t* edges, bint inside, double lat, double lon, bint* on_edge
) noexcept nogil:
    """Toggle `inside` for every edge to the right of a point and every end at or below it."""
    cdef double* edge
    cdef double side
    while True:
        if edges[0] >= 0:
            edge = points + 2 * <Py_ssize_t>edges[0]
            side = (edge[2] - edge[0]) * (lat - edge[1]) - (lon - edge[0]) * (edge[3] - edge[1])
            inside ^= ((edge[1] > lat) != (edge[3] > lat)) & ((side > 0.0) == (edge[3] > edge[1]))
            if side == 0.0 and (
                smaller(edge[0], edge[2]) <= lon <= larger(edge[0], edge[2])
                and smaller(edge[1], edge[3]) <= lat <= larger(edge[1], edge[3])
            ):
                on_edge[0] = True
        elif edges[0] == LIST_END:
            return inside
        else:
            inside ^= points[2 * (-1 - <Py_ssize_t>edges[0]) + 1] <= lat
        edges += 1
