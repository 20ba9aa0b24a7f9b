from native.crossing_state cimport Cut, Fix, Pair, Slot
from native.fences cimport FenceGrid

cdef inline Cut between(Fix* start, Fix* end, double share, double plus_minus_s) noexcept nogil:
    """A point on the way between two fixes, given as a share of it."""
    cdef Cut cut
    cut.at_s = start.at_s + share * (end.at_s - start.at_s)
    cut.plus_minus_s = plus_minus_s
    cut.lat = start.lat + share * (end.lat - start.lat)
    cut.lon = start.lon + share * (end.lon - start.lon)
    return cut


cdef class CrossingJudge:
    cdef FenceGrid grid
    cdef double default_accuracy_m, min_accuracy_m, max_accuracy_m, enter_accuracies, exit_accuracies
    cdef double enter_dwell_s, exit_dwell_s, pass_max_gap_s, pass_max_gap_m

    cdef bint contains_in(self, Py_ssize_t cell, Py_ssize_t version, double lat, double lon) noexcept nogil
    cdef double distance_m(
        self, Py_ssize_t cell, Py_ssize_t version, double lat, double lon, double within_m
    ) noexcept nogil
    cdef void weigh(self, Pair* pair, Py_ssize_t version, Fix* fix, double distance) noexcept nogil
    cdef bint bridges(self, Fix* last, Fix* fix) noexcept nogil
    cdef bint may_pass(self, Fix* last, Fix* fix) noexcept nogil
    cdef bint starts_pass(self, Slot* state, Fix* fix) noexcept nogil
    cdef double noise_m(self, Fix* last, Fix* fix) noexcept nogil
    cdef bint went_on(self, Pair* pair, Fix* last, Fix* fix) noexcept nogil
    cdef bint moved_on(self, Pair* pair, Fix* last, Fix* fix) noexcept nogil
    cdef bint passes(self, Pair* pair, Py_ssize_t version, Fix* last, Fix* fix) noexcept nogil
    cdef double enter_band(self, Py_ssize_t version, double accuracy) noexcept nogil
    cdef Cut cut(
        self, Py_ssize_t version, Fix* last, Fix* fix, bint contained, double* distance
    ) noexcept nogil
