# cython: language_level=3
"""What fixes say about a fence: the questions of the crossing rule."""

cimport cython
from libc.math cimport fabs, isnan

from native.crossing_state cimport LEAVING, Cut, Fix, Pair, Slot
from native.fence_shapes cimport Cuts
from native.fences cimport FenceGrid
from native.geometry cimport METRES_PER_DEGREE, RADIANS, larger, point_distance_m, smaller

cdef double SLOWEST_MPS = 1.0
cdef double LEAST_COSINE = 0.08
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

    cdef bint near(self, Fix* last, Fix* fix) noexcept nogil:
        """Cheaply, whether two fixes might bridge: the gap in time, and a little more than that in space."""
        if not 0.0 < fix.at_s - last.at_s <= self.pass_max_gap_s:
            return False
        # 1 - x²/2 is a little less than the cosine of x, and fences end at 85 degrees.
        cdef double north = larger(fabs(fix.lat), fabs(last.lat)) * RADIANS
        cdef double across = METRES_PER_DEGREE * larger(1.0 - 0.5 * north * north, LEAST_COSINE)
        return (
            fabs(fix.lat - last.lat) * METRES_PER_DEGREE <= 1.01 * self.pass_max_gap_m
            and fabs(fix.lon - last.lon) * across <= 1.01 * self.pass_max_gap_m
        )

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
        cdef double plus_minus_s, gap_s = fix.at_s - last.at_s
        if self.grid.contains(version, last.lat, last.lon) or self.grid.contains(version, fix.lat, fix.lon):
            return False
        cuts = self.grid.edge_cuts(version, last.lat, last.lon, fix.lat, fix.lon)
        if cuts.first > 1.0:
            return False
        middle = between(last, fix, (cuts.first + cuts.last) * 0.5, 0.0)
        if -self.grid.depth_m(version, middle.lat, middle.lon) < self.enter_band(version, accuracy):
            return False
        plus_minus_s = gap_s * 0.5 + accuracy / larger(way_m(last, fix) / gap_s, SLOWEST_MPS)
        pair.cut = between(last, fix, cuts.first, plus_minus_s)
        pair.exit_cut = between(last, fix, cuts.last, plus_minus_s)
        return True

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef double enter_band(self, Py_ssize_t version, double accuracy) noexcept nogil:
        return smaller(self.enter_accuracies * accuracy, self.grid.half_widths_m[version] * 0.5)

    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.cdivision(True)
    cdef Cut cut(self, Py_ssize_t version, Fix* last, Fix* fix, double distance) noexcept nogil:
        """Where the way from the last fix to this one crosses the edge; `distance` is this fix's from it."""
        cdef double gap_s = fix.at_s - last.at_s
        cdef bint entering = distance <= 0.0
        cdef double last_distance = self.grid.depth_m(version, last.lat, last.lon)
        cdef double speed_mps = fabs(distance - last_distance) / gap_s if gap_s > 0.0 else 0.0
        cdef double accuracy = larger(last.accuracy_m, fix.accuracy_m)
        cdef double plus_minus_s = gap_s * 0.5 + accuracy / larger(speed_mps, SLOWEST_MPS)
        cdef double share = 0.0
        cdef Cuts cuts
        if (last_distance <= 0.0) == entering:
            if gap_s > 0.0:
                share = smaller(larger((self.grid.valid_from_s[version] - last.at_s) / gap_s, 0.0), 1.0)
            return between(last, fix, share, plus_minus_s)
        cuts = self.grid.edge_cuts(version, last.lat, last.lon, fix.lat, fix.lon)
        if cuts.first > 1.0:
            return between(last, fix, last_distance / (last_distance - distance), plus_minus_s)
        return between(last, fix, cuts.first if entering else cuts.last, plus_minus_s)
