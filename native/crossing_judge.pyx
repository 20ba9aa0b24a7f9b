# cython: language_level=3
"""What fixes say about a fence: the questions of the crossing rule."""

cimport cython
from libc.math cimport fabs, isnan

from native.crossing_state cimport LEAVING, Cut, Fix, Pair, Slot
from native.fence_cells cimport cell_of
from native.fence_shapes cimport HALF_WIDTH, NO_EDGE, RADIUS, VALID_FROM, Cuts
from native.fences cimport FenceGrid
from native.geometry cimport METRES_PER_DEGREE, RADIANS, larger, point_distance_m, smaller

cdef double SLOWEST_MPS = 1.0
cdef double LEAST_COSINE = 0.08
cdef double INFINITE = float("inf")
cdef double UNKNOWN = float("nan")


cdef inline double way_m(Fix* start, Fix* end) noexcept nogil:
    return point_distance_m(start.lat, start.lon, end.lat, end.lon)


cdef class CrossingJudge:
    def __init__(
        self,
        FenceGrid grid not None,
        double default_accuracy_m,
        double min_accuracy_m,
        double max_accuracy_m,
        double enter_accuracies,
        double exit_accuracies,
        double enter_dwell_s,
        double exit_dwell_s,
        double pass_max_gap_s,
        double pass_max_gap_m,
    ):
        self.grid = grid
        self.default_accuracy_m = default_accuracy_m
        self.min_accuracy_m = min_accuracy_m
        self.max_accuracy_m = max_accuracy_m
        self.enter_accuracies = enter_accuracies
        self.exit_accuracies = exit_accuracies
        self.enter_dwell_s = enter_dwell_s
        self.exit_dwell_s = exit_dwell_s
        self.pass_max_gap_s = pass_max_gap_s
        self.pass_max_gap_m = pass_max_gap_m

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint contains_in(self, Py_ssize_t cell, Py_ssize_t version, double lat, double lon) noexcept nogil:
        """Whether a version contains a point of a cell (-1: off the grid)."""
        if self.grid.head(version)[RADIUS] > 0.0:
            return self.grid.circle_depth_m(version, lat, lon) <= 0.0
        return self.grid.contains_in(cell, version, lat, lon)

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef double distance_m(
        self, Py_ssize_t cell, Py_ssize_t version, double lat, double lon, double within_m
    ) noexcept nogil:
        """Signed metres of a point of a cell from the edge; beyond `within_m` only the sign counts."""
        cdef double away
        if self.grid.head(version)[RADIUS] > 0.0:
            return self.grid.circle_depth_m(version, lat, lon)
        away = self.grid.edge_distance_m(version, lat, lon, within_m, NO_EDGE)
        return 0.0 - away if self.grid.contains_in(cell, version, lat, lon) else away

    cdef void weigh(self, Pair* pair, Py_ssize_t version, Fix* fix, double distance) noexcept nogil:
        """Count a fix of a run for what its distance from the edge is worth."""
        cdef double band = self.enter_band(version, fix.accuracy_m)
        cdef bint dwells = True
        if pair.phase == LEAVING:
            band = self.exit_accuracies * fix.accuracy_m
            dwells = distance > fix.accuracy_m
        if fabs(distance) >= band:
            pair.decisive += 1
        if not dwells:
            pair.dwell_from_s = UNKNOWN
        elif isnan(pair.dwell_from_s):
            pair.dwell_from_s = fix.at_s

    cdef bint bridges(self, Fix* last, Fix* fix) noexcept nogil:
        """Whether two fixes are near enough, in time and space, to believe in a straight way between."""
        if not 0.0 < fix.at_s - last.at_s <= self.pass_max_gap_s:
            return False
        return 0.0 < way_m(last, fix) <= self.pass_max_gap_m

    cdef bint may_pass(self, Fix* last, Fix* fix) noexcept nogil:
        """Cheaply, whether two fixes might bridge and be far enough apart for a fence between."""
        if not 0.0 < fix.at_s - last.at_s <= self.pass_max_gap_s:
            return False
        cdef double up = fabs(fix.lat - last.lat) * METRES_PER_DEGREE
        cdef double along = fabs(fix.lon - last.lon) * METRES_PER_DEGREE
        # The middle of a pass is deeper than the band, so each end is further than that from the middle. On
        # the sphere nothing is longer than by these two.
        cdef double accuracy = self.enter_accuracies * larger(last.accuracy_m, fix.accuracy_m)
        cdef double least_m = 1.999 * smaller(accuracy, self.grid.least_half_width_m * 0.5)
        if up * up + along * along < least_m * least_m:
            return False
        # 1 - x²/2 is a little less than the cosine of x, and fences end at 85 degrees.
        cdef double north = larger(fabs(fix.lat), fabs(last.lat)) * RADIANS
        cdef double shrunk = larger(1.0 - 0.5 * north * north, LEAST_COSINE)
        return up <= 1.01 * self.pass_max_gap_m and along * shrunk <= 1.01 * self.pass_max_gap_m

    cdef bint starts_pass(self, Slot* state, Fix* fix) noexcept nogil:
        """Whether to look for fences between the last fix and this: the last must not look like a spike."""
        cdef Fix* last = &state.last
        cdef double out_m = way_m(&state.before, last)
        cdef double back_m = way_m(last, fix)
        cdef double across_m = way_m(&state.before, fix)
        cdef bint turns_back = out_m * out_m + back_m * back_m - across_m * across_m > out_m * back_m
        return self.bridges(last, fix) and not (turns_back and out_m > self.noise_m(last, fix))

    cdef double noise_m(self, Fix* last, Fix* fix) noexcept nogil:
        """What two fixes of a parked vehicle are hardly ever apart."""
        return 2.0 * self.exit_accuracies * larger(last.accuracy_m, fix.accuracy_m)

    cdef bint went_on(self, Pair* pair, Fix* last, Fix* fix) noexcept nogil:
        """Whether a fix lies onward from the last one, seen from where the fence was entered."""
        return self.bridges(last, fix) and way_m(last, fix) < point_distance_m(
            pair.cut.lat, pair.cut.lon, fix.lat, fix.lon
        )

    cdef bint moved_on(self, Pair* pair, Fix* last, Fix* fix) noexcept nogil:
        """Whether the fix after a pass lies onward, and further from where it began than noise explains."""
        cdef double from_entry_m = point_distance_m(pair.cut.lat, pair.cut.lon, fix.lat, fix.lon)
        return way_m(last, fix) < from_entry_m and from_entry_m >= self.noise_m(last, fix)

    @cython.cdivision(True)
    cdef bint passes(self, Pair* pair, Py_ssize_t version, Fix* last, Fix* fix) noexcept nogil:
        """Whether a segment goes deep enough through a version, both ends being outside; if so, where."""
        cdef Cuts cuts
        cdef Cut middle
        cdef double accuracy = larger(last.accuracy_m, fix.accuracy_m)
        cdef double band, plus_minus_s, gap_s = fix.at_s - last.at_s
        if self.grid.contains(version, last.lat, last.lon) or self.grid.contains(version, fix.lat, fix.lon):
            return False
        cuts = self.grid.edge_cuts(version, last.lat, last.lon, fix.lat, fix.lon)
        if cuts.first > 1.0:
            return False
        middle = between(last, fix, (cuts.first + cuts.last) * 0.5, 0.0)
        band = self.enter_band(version, accuracy)
        if -self.distance_m(
            cell_of(self.grid, middle.lat, middle.lon), version, middle.lat, middle.lon, band
        ) < band:
            return False
        plus_minus_s = gap_s * 0.5 + accuracy / larger(way_m(last, fix) / gap_s, SLOWEST_MPS)
        pair.cut = between(last, fix, cuts.first, plus_minus_s)
        pair.exit_cut = between(last, fix, cuts.last, plus_minus_s)
        return True

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef double enter_band(self, Py_ssize_t version, double accuracy) noexcept nogil:
        return smaller(self.enter_accuracies * accuracy, self.grid.head(version)[HALF_WIDTH] * 0.5)

    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.cdivision(True)
    cdef Cut cut(
        self, Py_ssize_t version, Fix* last, Fix* fix, bint contained, double* distance
    ) noexcept nogil:
        """Where the way from the last fix to this one, contained or not, crosses the edge.

        `distance` becomes that of this fix from it.
        """
        cdef double gap_s = fix.at_s - last.at_s
        cdef double share = 0.0, last_distance, speed_mps, accuracy, plus_minus_s
        cdef Py_ssize_t likely
        cdef Cuts cuts = self.grid.edge_cuts(version, last.lat, last.lon, fix.lat, fix.lon)
        if self.grid.head(version)[RADIUS] > 0.0:
            distance[0] = self.grid.circle_depth_m(version, fix.lat, fix.lon)
            last_distance = self.grid.circle_depth_m(version, last.lat, last.lon)
        else:
            likely = cuts.first_edge if contained else cuts.last_edge
            distance[0] = self.grid.edge_distance_m(version, fix.lat, fix.lon, INFINITE, likely)
            if contained:
                distance[0] = 0.0 - distance[0]
            last_distance = self.grid.edge_distance_m(version, last.lat, last.lon, INFINITE, likely)
            if self.grid.contains(version, last.lat, last.lon):
                last_distance = 0.0 - last_distance
        speed_mps = fabs(distance[0] - last_distance) / gap_s if gap_s > 0.0 else 0.0
        accuracy = larger(last.accuracy_m, fix.accuracy_m)
        plus_minus_s = gap_s * 0.5 + accuracy / larger(speed_mps, SLOWEST_MPS)
        if (last_distance <= 0.0) == (distance[0] <= 0.0):
            if gap_s > 0.0:
                share = (self.grid.head(version)[VALID_FROM] - last.at_s) / gap_s
                share = smaller(larger(share, 0.0), 1.0)
            return between(last, fix, share, plus_minus_s)
        if cuts.first > 1.0:
            return between(last, fix, last_distance / (last_distance - distance[0]), plus_minus_s)
        return between(last, fix, cuts.first if distance[0] <= 0.0 else cuts.last, plus_minus_s)
