from libc.stdint cimport int32_t, int64_t, uint8_t

cdef enum:
    NOTHING = -1

cdef enum:
    ENTERING = 0
    WITHIN = 1
    LEAVING = 2
    PASSING = 3

cdef struct Fix:
    double at_s
    double lat
    double lon
    double accuracy_m

cdef struct Cut:
    double at_s
    double plus_minus_s
    double lat
    double lon

cdef struct Pair:
    # One vehicle and one fence, and the next of the same vehicle's pairs in order of fence id; what every
    # fix asks for comes first, in one cache line.
    int64_t fence_id
    # Where its version was last found, or NOTHING; forgotten when the fences change.
    int32_t version
    int32_t next
    uint8_t phase
    uint8_t decisive
    double since_s
    double dwell_from_s
    Cut cut
    Cut exit_cut

cdef struct Slot:
    Fix last
    Fix before
    double checked_s
    int32_t first
    uint8_t fixes

cdef Cut NO_CUT

cdef Pair blank_pair(int64_t fence_id, uint8_t phase, double since_s) noexcept nogil
cdef void* grown(void* block, Py_ssize_t count, size_t size) except NULL nogil

cdef class CrossingState:
    cdef Slot* slots
    cdef Py_ssize_t slot_count
    cdef Pair* pairs
    cdef Py_ssize_t pair_room
    cdef int32_t free_pair

    cdef int check_order(
        self, const int64_t[::1] slots, const double[::1] times_s, const double[::1] accuracies_m
    ) except -1
    cdef int _make_room(self, int64_t slot) except -1
    cdef void _empty(self, int64_t slot) noexcept nogil
    cdef int add(self, int64_t slot, Pair pair) except -1 nogil
    cdef void remove(self, int64_t slot, int32_t before, int32_t place) noexcept nogil
    cdef bint has(self, int64_t slot, int64_t fence_id) noexcept nogil
    cdef void forget_versions(self) noexcept nogil
