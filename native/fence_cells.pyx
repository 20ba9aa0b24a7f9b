# cython: language_level=3
"""A uniform grid over fence versions, whose cells know which lie wholly or partly over them.

For a version partly over it a cell lists the edges that touch the cell, and keeps whether its middle is
inside. Edges elsewhere are to the left or the right of the cell as long as they are at its height. To a ray
going right the chains of edges on the right matter by where they end: by the corners where such a chain
meets an edge of the list. So the edges of its cell, and those *ends*, decide a point by the same arithmetic
as a walk along all rings would.
"""

cimport cython
from libc.math cimport floor, sqrt
from libc.stdint cimport int32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

import numpy as np

from native.fence_shapes cimport EAST, HEAD_COLUMNS, NORTH, RADIUS, SOUTH, WEST
from native.geometry cimport larger, point_distance_m, smaller

cdef enum:
    CELLS_PER_VERSION = 64
    CELLS_PER_POINT = 4
    MAX_CELLS = 1 << 22
    REFS_PER_VERSION = 256
    FREE_REFS = 1 << 20

cdef double SMALLEST_CELL_DEG = 1e-6
cdef double CELL_MARGIN = 1e-6


cdef class FenceCells(FenceShapes):
    def __init__(self, *columns):
        super().__init__(*columns)
        self._lay_grid()
        self._fill()

    cdef int _lay_grid(self) except -1:
        """Choose cells: some per fence and corner, fewer when large fences would make the refs too many."""
        boxes = np.asarray(self.heads)
        if not self.count:
            boxes = np.zeros((1, HEAD_COLUMNS))
        self.west, self.south = boxes[:, WEST].min(), boxes[:, SOUTH].min()
        cdef double width = boxes[:, EAST].max() - self.west
        cdef double height = boxes[:, NORTH].max() - self.south
        cdef double cells = CELLS_PER_VERSION * <double>self.count + CELLS_PER_POINT * len(self.points)
        cells = smaller(cells, MAX_CELLS)
        cdef double side = larger(sqrt(width * height / larger(cells, 1.0)), SMALLEST_CELL_DEG)
        side = larger(side, larger(width, height) / larger(cells, 1.0))
        cdef double most = REFS_PER_VERSION * <double>self.count + FREE_REFS
        widths, heights = boxes[:, EAST] - boxes[:, WEST], boxes[:, NORTH] - boxes[:, SOUTH]
        while (widths / side + 1.0).dot(heights / side + 1.0) > most:
            side *= 1.5
        self.per_lon = self.per_lat = 1.0 / side
        self.columns = <Py_ssize_t>floor(width * self.per_lon) + 1
        self.rows = <Py_ssize_t>floor(height * self.per_lat) + 1
        return 0

    cdef int _fill(self) except -1:
        """Find for every cell the versions over it."""
        cdef Py_ssize_t[4] span
        cdef Py_ssize_t version
        cdef Scratch scratch
        memset(&scratch, 0, sizeof(Scratch))
        try:
            with nogil:
                for version in range(self.count):
                    self._span(version, span)
                    if self.heads[version, RADIUS] > 0.0:
                        self._add_circle(version, span, &scratch)
                    else:
                        self._add_rings(version, span, &scratch)
            self._keep(&scratch)
        finally:
            free(scratch.touches)
            free(scratch.found)
            free(scratch.edges)
            free(scratch.starts)
            free(scratch.sorted)
            free(scratch.seen)
            free(scratch.level)
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int _keep(self, Scratch* scratch) except -1:
        """Lay out what was found by cell, each cell's versions ascending."""
        cdef Py_ssize_t i
        cdef int32_t place
        cdef int32_t[::1] places = np.zeros(self.columns * self.rows + 1, dtype=np.int32)
        cdef Found* found
        for i in range(scratch.found_count):
            places[scratch.found[i].cell + 1] += 1
        self.cell_starts = np.cumsum(places, dtype=np.int32)
        places[:] = self.cell_starts
        self.refs = np.empty((scratch.found_count, 2), dtype=np.int32)
        self.partly = np.zeros(self.columns * self.rows // 8 + 1, dtype=np.uint8)
        for i in range(scratch.found_count):
            found = &scratch.found[i]
            if not found.key & WHOLLY:
                self.partly[found.cell >> 3] |= 1 << (found.cell & 7)
            place = places[found.cell]
            places[found.cell] += 1
            self.refs[place, 0] = found.key
            self.refs[place, 1] = found.edges
        self.cell_edges = np.empty(scratch.edge_count, dtype=np.int32)
        for i in range(scratch.edge_count):
            self.cell_edges[i] = scratch.edges[i]
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef void _span(self, Py_ssize_t version, Py_ssize_t[4] span) noexcept nogil:
        """First column, first row, last column, last row of the cells under a version's box."""
        span[0] = <Py_ssize_t>larger(
            (self.heads[version, WEST] - self.west) * self.per_lon - CELL_MARGIN, 0.0
        )
        span[1] = <Py_ssize_t>larger(
            (self.heads[version, SOUTH] - self.south) * self.per_lat - CELL_MARGIN, 0.0
        )
        span[2] = <Py_ssize_t>smaller(
            (self.heads[version, EAST] - self.west) * self.per_lon + CELL_MARGIN, self.columns - 1
        )
        span[3] = <Py_ssize_t>smaller(
            (self.heads[version, NORTH] - self.south) * self.per_lat + CELL_MARGIN, self.rows - 1
        )

    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.cdivision(True)
    cdef int _add_circle(self, Py_ssize_t version, Py_ssize_t[4] span, Scratch* scratch) except -1 nogil:
        """By the distance of a cell's middle, give or take the cell's half diagonal."""
        cdef Py_ssize_t row, column
        cdef double lat, lon, reach, away
        cdef int32_t key = <int32_t>(version << REF_BITS)
        for row in range(span[1], span[3] + 1):
            lat = self.south + (row + 0.5) / self.per_lat
            reach = 1.01 * larger(
                point_distance_m(lat, 0.0, lat - 0.5 / self.per_lat, 0.5 / self.per_lon),
                point_distance_m(lat, 0.0, lat + 0.5 / self.per_lat, 0.5 / self.per_lon),
            )
            for column in range(span[0], span[2] + 1):
                lon = self.west + (column + 0.5) / self.per_lon
                away = self.depth_m(version, lat, lon)
                if away <= reach:
                    add_found(
                        scratch, row * self.columns + column, key | WHOLLY if away < -reach else key, NO_EDGES
                    )
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int _add_rings(self, Py_ssize_t version, Py_ssize_t[4] span, Scratch* scratch) except -1 nogil:
        """Sort a version's edges by the cells they touch; then go along every row of cells."""
        cdef Py_ssize_t ring, row, i
        cdef Py_ssize_t first = self.ring_starts[self.version_ring_starts[version]]
        cdef Py_ssize_t end = self.ring_starts[self.version_ring_starts[version + 1]]
        scratch.touch_count = 0
        for ring in range(self.version_ring_starts[version], self.version_ring_starts[version + 1]):
            for i in range(self.ring_starts[ring], self.ring_starts[ring + 1] - 1):
                self._touch(i, span, scratch)
        self._sort_touches((span[2] - span[0] + 1) * (span[3] - span[1] + 1), scratch)
        if end - first > scratch.seen_room:
            scratch.seen = <int32_t*>grown(scratch.seen, end - first, &scratch.seen_room, sizeof(int32_t))
        for i in range(end - first):
            scratch.seen[i] = -1
        for row in range(span[1], span[3] + 1):
            self._add_row(version, row, span, scratch)
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.cdivision(True)
    cdef int _touch(self, Py_ssize_t i, Py_ssize_t[4] span, Scratch* scratch) except -1 nogil:
        """Note the cells one edge touches, row by row, with a margin for rounding."""
        cdef double x1 = (self.points[i, 0] - self.west) * self.per_lon
        cdef double y1 = (self.points[i, 1] - self.south) * self.per_lat
        cdef double x2 = (self.points[i + 1, 0] - self.west) * self.per_lon
        cdef double y2 = (self.points[i + 1, 1] - self.south) * self.per_lat
        cdef double low, high, slope, xa, xb
        cdef Py_ssize_t row, column, last_column
        if y1 > y2:
            x1, y1, x2, y2 = x2, y2, x1, y1
        slope = (x2 - x1) / (y2 - y1) if y2 > y1 else 0.0
        for row in range(
            <Py_ssize_t>larger(y1 - CELL_MARGIN, <double>span[1]),
            <Py_ssize_t>smaller(y2 + CELL_MARGIN, <double>span[3]) + 1,
        ):
            xa, xb = x1, x2
            if y2 > y1:
                low = larger(<double>row - CELL_MARGIN, y1)
                high = smaller(<double>row + 1.0 + CELL_MARGIN, y2)
                xa, xb = x1 + slope * (low - y1), x1 + slope * (high - y1)
            low, high = smaller(xa, xb) - CELL_MARGIN, larger(xa, xb) + CELL_MARGIN
            low = larger(low, smaller(x1, x2) - CELL_MARGIN)
            high = smaller(high, larger(x1, x2) + CELL_MARGIN)
            column = <Py_ssize_t>larger(low, <double>span[0])
            last_column = <Py_ssize_t>smaller(high, <double>span[2])
            while column <= last_column:
                add_touch(scratch, (row - span[1]) * (span[2] - span[0] + 1) + column - span[0], i)
                column += 1
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int _sort_touches(self, Py_ssize_t cells, Scratch* scratch) except -1 nogil:
        """Edges by cell of the span, ascending within it (a counting sort, shifted by one place)."""
        cdef Py_ssize_t i
        cdef int32_t* places
        if cells + 2 > scratch.start_room:
            scratch.starts = <int32_t*>grown(scratch.starts, cells + 2, &scratch.start_room, sizeof(int32_t))
        if scratch.touch_count > scratch.sorted_room:
            scratch.sorted = <int32_t*>grown(
                scratch.sorted, scratch.touch_count, &scratch.sorted_room, sizeof(int32_t)
            )
        memset(scratch.starts, 0, (cells + 2) * sizeof(int32_t))
        places = scratch.starts + 1
        for i in range(scratch.touch_count):
            places[scratch.touches[i].cell + 1] += 1
        for i in range(cells):
            places[i + 1] += places[i]
        for i in range(scratch.touch_count):
            scratch.sorted[places[scratch.touches[i].cell]] = scratch.touches[i].edge
            places[scratch.touches[i].cell] += 1
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.cdivision(True)
    cdef int _add_row(
        self, Py_ssize_t version, Py_ssize_t row, Py_ssize_t[4] span, Scratch* scratch
    ) except -1 nogil:
        """Cells without an edge that follow each other are inside or outside together: ask one of them."""
        cdef Py_ssize_t column, first, count, place, local = (row - span[1]) * (span[2] - span[0] + 1)
        cdef bint known = False, inside = False, on_edge = False
        cdef int32_t key = <int32_t>(version << REF_BITS)
        cdef double lat = self.south + (row + 0.5) / self.per_lat, lon
        self._level_edges(version, row, span, scratch)
        for column in range(span[0], span[2] + 1):
            lon = self.west + (column + 0.5) / self.per_lon
            first = scratch.starts[local]
            count = scratch.starts[local + 1] - first
            local += 1
            if count == 0:
                if not known:
                    inside = self._inside_by_level(scratch, lat, lon)
                    known = True
                if inside:
                    add_found(scratch, row * self.columns + column, key | WHOLLY, NO_EDGES)
                continue
            known = False
            place = scratch.edge_count
            self._list_edges(version, row, column, scratch.sorted + first, count, scratch)
            inside = self._inside_by_level(scratch, lat, lon)
            if inside != by_edges(&self.points[0, 0], scratch.edges + place, False, lat, lon, &on_edge):
                add_found(scratch, row * self.columns + column, key | MIDDLE_INSIDE, <int32_t>place)
            else:
                add_found(scratch, row * self.columns + column, key, <int32_t>place)
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.cdivision(True)
    cdef int _level_edges(
        self, Py_ssize_t version, Py_ssize_t row, Py_ssize_t[4] span, Scratch* scratch
    ) except -1 nogil:
        """The edges on either side of the height of a row's middle, each once."""
        cdef Py_ssize_t width = span[2] - span[0] + 1, i
        cdef Py_ssize_t first_edge = self.ring_starts[self.version_ring_starts[version]]
        cdef double lat = self.south + (row + 0.5) / self.per_lat
        cdef int32_t edge
        scratch.level_count = 0
        for i in range(
            scratch.starts[(row - span[1]) * width], scratch.starts[(row - span[1] + 1) * width]
        ):
            edge = scratch.sorted[i]
            if scratch.seen[edge - first_edge] == row:
                continue
            scratch.seen[edge - first_edge] = <int32_t>row
            if (self.points[edge, 1] > lat) != (self.points[edge + 1, 1] > lat):
                if scratch.level_count == scratch.level_room:
                    scratch.level = <int32_t*>grown(
                        scratch.level, scratch.level_count + 1, &scratch.level_room, sizeof(int32_t)
                    )
                scratch.level[scratch.level_count] = edge
                scratch.level_count += 1
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint _inside_by_level(self, Scratch* scratch, double lat, double lon) noexcept nogil:
        """Whether a point in the middle of the row is inside, by the edges at its height."""
        cdef Py_ssize_t i
        cdef double* edge
        cdef bint inside = False
        for i in range(scratch.level_count):
            edge = &self.points[scratch.level[i], 0]
            if ((edge[2] - edge[0]) * (lat - edge[1]) - (lon - edge[0]) * (edge[3] - edge[1]) > 0.0) == (
                edge[3] > edge[1]
            ):
                inside = not inside
        return inside

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int _list_edges(
        self, Py_ssize_t version, Py_ssize_t row, Py_ssize_t column,
        int32_t* edges, Py_ssize_t count, Scratch* scratch
    ) except -1 nogil:
        """Keep a cell's edges, and the ends of chains on its right (as -1 - the corner)."""
        cdef Py_ssize_t i, edge, ring, before, after
        for i in range(count):
            add_edge(scratch, edges[i])
        for i in range(count):
            edge = edges[i]
            ring = self._ring_of(version, edge)
            before, after = edge - 1, edge + 1
            if edge == self.ring_starts[ring]:
                before = self.ring_starts[ring + 1] - 2
            if edge == self.ring_starts[ring + 1] - 2:
                after = self.ring_starts[ring]
            if not is_listed(edges, count, i - 1, before) and self._is_end(edge, row, column):
                add_edge(scratch, -1 - <int32_t>edge)
            if not is_listed(edges, count, i + 1, after) and self._is_end(edge + 1, row, column):
                add_edge(scratch, -1 - <int32_t>(edge + 1))
        return add_edge(scratch, LIST_END)

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint _is_end(self, Py_ssize_t point, Py_ssize_t row, Py_ssize_t column) noexcept nogil:
        """Whether a corner outside of a cell is to its right, at its height."""
        cdef double y = (self.points[point, 1] - self.south) * self.per_lat - row
        cdef double x = (self.points[point, 0] - self.west) * self.per_lon - column
        return x > 0.5 and -2.0 * CELL_MARGIN <= y <= 1.0 + 2.0 * CELL_MARGIN

    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.cdivision(True)
    cdef Py_ssize_t _ring_of(self, Py_ssize_t version, Py_ssize_t edge) noexcept nogil:
        """The ring of a version that an edge is of."""
        cdef Py_ssize_t low = self.version_ring_starts[version], middle
        cdef Py_ssize_t high = self.version_ring_starts[version + 1] - 1
        while low < high:
            middle = (low + high) // 2
            if self.ring_starts[middle + 1] <= edge:
                low = middle + 1
            else:
                high = middle
        return low


cdef inline bint is_listed(
    int32_t* edges, Py_ssize_t count, Py_ssize_t likely, Py_ssize_t edge
) noexcept nogil:
    """Whether an edge is in a list, most likely at one place."""
    cdef Py_ssize_t i
    if 0 <= likely < count and edges[likely] == edge:
        return True
    for i in range(count):
        if edges[i] == edge:
            return True
    return False


cdef void* grown(void* block, Py_ssize_t needed, Py_ssize_t* room, size_t size) except NULL nogil:
    """A larger block with what was in it; `room` is how many of `size` bytes fit."""
    cdef Py_ssize_t count = needed + needed // 2 + 64
    cdef void* moved = realloc(block, count * size)
    if moved == NULL:
        with gil:
            raise MemoryError("too little memory for the fence grid")
    room[0] = count
    return moved


cdef inline int add_touch(Scratch* scratch, Py_ssize_t cell, Py_ssize_t edge) except -1 nogil:
    if scratch.touch_count == scratch.touch_room:
        scratch.touches = <Touch*>grown(
            scratch.touches, scratch.touch_count + 1, &scratch.touch_room, sizeof(Touch)
        )
    scratch.touches[scratch.touch_count].cell = <int32_t>cell
    scratch.touches[scratch.touch_count].edge = <int32_t>edge
    scratch.touch_count += 1
    return 0


cdef inline int add_found(Scratch* scratch, Py_ssize_t cell, int32_t key, int32_t edges) except -1 nogil:
    cdef Found* found
    if scratch.found_count == scratch.found_room:
        scratch.found = <Found*>grown(
            scratch.found, scratch.found_count + 1, &scratch.found_room, sizeof(Found)
        )
    found = &scratch.found[scratch.found_count]
    found.cell, found.key, found.edges = <int32_t>cell, key, edges
    scratch.found_count += 1
    return 0


cdef inline int add_edge(Scratch* scratch, int32_t edge) except -1 nogil:
    if scratch.edge_count == scratch.edge_room:
        scratch.edges = <int32_t*>grown(
            scratch.edges, scratch.edge_count + 1, &scratch.edge_room, sizeof(int32_t)
        )
    scratch.edges[scratch.edge_count] = edge
    scratch.edge_count += 1
    return 0
