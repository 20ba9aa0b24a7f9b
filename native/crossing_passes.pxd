from libc.stdint cimport int32_t, int64_t

from native.crossing_judge cimport CrossingJudge
from native.crossing_state cimport CrossingState, Fix
from native.fences cimport FenceGrid

cdef class PassFinder(CrossingJudge):
    cdef CrossingState state
    # The fences whose pairs went away in the present step, and a list of versions of
    # its own fences: those a segment may pass, or a fix has met.
    cdef int64_t* dropped
    cdef Py_ssize_t dropped_count, dropped_room
    cdef int32_t* crossed
    cdef Py_ssize_t crossed_count, crossed_room

    cdef int drop(self, int64_t fence_id) except -1 nogil
    cdef int note_passes(self, int64_t slot, Fix* fix) except -1 nogil
    cdef int list_version(self, Py_ssize_t version) except -1 nogil
    cdef int _list_crossed(
        self, FenceGrid grid, Py_ssize_t offset, int64_t slot, Fix* last, Fix* fix
    ) except -1 nogil
    cdef int _list_cell(
        self, FenceGrid grid, Py_ssize_t offset, int64_t slot, Py_ssize_t cell, Fix* last, Fix* fix
    ) except -1 nogil
    cdef bint _seen(self, int64_t slot, Py_ssize_t version) noexcept nogil
