# cython: language_level=3
"""Crossings of fences: the fold of geo/reference/crossings.py over columnar state, step for step."""

cimport cython
from libc.math cimport isnan
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t
from libc.stdlib cimport free

import numpy as np

from native.crossing_judge cimport between
from native.crossing_passes cimport PassFinder
from native.crossing_state cimport (
    ENTERING,
    LEAVING,
    NO_CUT,
    NOTHING,
    PASSING,
    WITHIN,
    Cut,
    Fix,
    Pair,
    Slot,
    blank_pair,
    grown,
)
from native.fence_cells cimport REF_BITS, cell_of
from native.fence_shapes cimport VALID_UNTIL
from native.fences cimport POINTS_AHEAD, FenceGrid, check_fixes
from native.geometry cimport larger, prefetch

cdef enum:
    INSIDE = 0
    ENTER = 1
    EXIT = 2


cdef struct Event:
    int64_t slot
    int64_t fence_id
    int64_t decided_index
    Cut cut
    int8_t kind


cdef class CrossingFold(PassFinder):
    cdef Event* events
    cdef Py_ssize_t event_count, event_room

    def __dealloc__(self):
        free(self.events)

    def process(
        self,
        const int64_t[::1] slots,
        const double[::1] times_s,
        const double[::1] lats,
        const double[::1] lons,
        const double[::1] accuracies_m,
    ):
        check_fixes(lats, lons, times_s)
        if not slots.shape[0] == accuracies_m.shape[0] == lats.shape[0]:
            raise ValueError("the columns must be equally long")
        self.state.check_order(slots, times_s, accuracies_m)
        self._run(slots, times_s, lats, lons, accuracies_m)
        return self._columns()

    def save_state(self, int64_t slot):
        return self.state.save(slot)

    def load_state(self, int64_t slot, bytes state not None):
        self.state.load(slot, state)

    def clear(self, int64_t slot):
        self.state.clear(slot)

    def replace_grid(self, FenceGrid grid not None):
        self.grid = grid
        self.state.forget_versions()

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int _run(
        self,
        const int64_t[::1] slots,
        const double[::1] times_s,
        const double[::1] lats,
        const double[::1] lons,
        const double[::1] accuracies_m,
    ) except -1:
        cdef Py_ssize_t i, ahead = 0
        cdef Fix fix
        self.event_count = 0
        with nogil:
            for i in range(slots.shape[0]):
                if i == ahead:
                    ahead = min(i + POINTS_AHEAD, slots.shape[0])
                    self._fetch(slots, lats, lons, i, ahead)
                fix.at_s = times_s[i]
                fix.lat = lats[i]
                fix.lon = lons[i]
                fix.accuracy_m = self.default_accuracy_m
                if not isnan(accuracies_m[i]):
                    fix.accuracy_m = larger(accuracies_m[i], self.min_accuracy_m)
                if fix.accuracy_m <= self.max_accuracy_m:
                    self._step(i, slots[i], &fix)
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef void _fetch(
        self,
        const int64_t[::1] slots,
        const double[::1] lats,
        const double[::1] lons,
        Py_ssize_t first,
        Py_ssize_t end,
    ) noexcept nogil:
        """Ask for the memory that some fixes will need: their slots, pairs and cells on the way."""
        cdef Py_ssize_t i, cell
        cdef int32_t[POINTS_AHEAD] cells
        cdef Slot* state
        for i in range(first, end):
            prefetch(&self.state.slots[slots[i]])
            prefetch(&self.state.slots[slots[i]].first)
        self.grid.fetch(lats, lons, first, end, cells)
        self.grid.fetch_corners(cells, end - first)
        for i in range(first, end):
            state = &self.state.slots[slots[i]]
            if state.first != NOTHING:
                prefetch(&self.state.pairs[state.first])
            cells[i - first] = -1
            if state.fixes:
                cells[i - first] = self._fetch_cell(state.last.lat, state.last.lon)
                self._fetch_cell((state.last.lat + lats[i]) * 0.5, (state.last.lon + lons[i]) * 0.5)
        for i in range(first, end):
            state = &self.state.slots[slots[i]]
            if state.first != NOTHING and self.state.pairs[state.first].version != NOTHING:
                prefetch(self.grid.head(self.state.pairs[state.first].version))
            cell = cells[i - first]
            if cell >= 0 and self.grid.cell_starts[cell] < self.grid.cell_starts[cell + 1]:
                prefetch(&self.grid.refs[self.grid.cell_starts[cell], 0])

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef inline int32_t _fetch_cell(self, double lat, double lon) noexcept nogil:
        """Ask for a cell; which it is."""
        cdef Py_ssize_t cell = cell_of(self.grid, lat, lon)
        if cell >= 0:
            prefetch(&self.grid.partly[cell >> 3])
            prefetch(&self.grid.cell_starts[cell])
        return <int32_t>cell

    cdef object _columns(self):
        """The events as columns."""
        cdef Py_ssize_t i
        cdef Event* event
        kinds = (np.int64, np.int64, np.int8, float, float, np.int64, float, float)
        columns = tuple(np.empty(self.event_count, dtype=kind) for kind in kinds)
        cdef int64_t[::1] slots = columns[0]
        cdef int64_t[::1] fence_ids = columns[1]
        cdef int8_t[::1] crossing_kinds = columns[2]
        cdef double[::1] at_s = columns[3]
        cdef double[::1] plus_minus_s = columns[4]
        cdef int64_t[::1] decided = columns[5]
        cdef double[::1] lats = columns[6]
        cdef double[::1] lons = columns[7]
        for i in range(self.event_count):
            event = &self.events[i]
            slots[i] = event.slot
            fence_ids[i] = event.fence_id
            crossing_kinds[i] = event.kind
            at_s[i] = event.cut.at_s
            plus_minus_s[i] = event.cut.plus_minus_s
            decided[i] = event.decided_index
            lats[i] = event.cut.lat
            lons[i] = event.cut.lon
        return columns

    cdef int _emit(self, Py_ssize_t i, int64_t slot, int64_t fence_id, int8_t kind, Cut cut) except -1 nogil:
        cdef Event event
        if self.event_count == self.event_room:
            self.event_room = 2 * self.event_room + 64
            self.events = <Event*>grown(self.events, self.event_room, sizeof(Event))
        event.slot, event.fence_id, event.kind, event.decided_index, event.cut = slot, fence_id, kind, i, cut
        self.events[self.event_count] = event
        self.event_count += 1
        return 0

    # The fold, in the reference's order.

    cdef int _step(self, Py_ssize_t i, int64_t slot, Fix* fix) except -1 nogil:
        cdef Slot* state = &self.state.slots[slot]
        cdef Py_ssize_t cell = cell_of(self.grid, fix.lat, fix.lon)
        cdef int32_t before = NOTHING, place = state.first, following
        cdef bint stays
        self.dropped_count = 0
        while place != NOTHING:
            following = self.state.pairs[place].next
            stays = self._follow(i, slot, cell, &self.state.pairs[place], fix)
            if stays:
                before = place
            else:
                self.drop(self.state.pairs[place].fence_id)
                self.state.remove(slot, before, place)
            place = following
        if self.grid.has_extra:
            self._meet_all_of_both(i, slot, cell, fix)
        elif cell >= 0:
            self._meet_all(i, slot, cell, fix)
        if state.fixes == 2 and self.may_pass(&state.last, fix):
            self.note_passes(slot, fix)
        state.before = state.last
        state.last = fix[0]
        state.checked_s = fix.at_s
        if state.fixes < 2:
            state.fixes += 1
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint _follow(
        self, Py_ssize_t i, int64_t slot, Py_ssize_t cell, Pair* pair, Fix* fix
    ) except -1 nogil:
        """One fix against a fence the vehicle is not simply outside of; false when the pair is done with."""
        cdef Py_ssize_t version = self._version_of(pair, fix.at_s)
        cdef double distance
        cdef Cut cut
        if version < 0:
            self._end(i, slot, pair, fix)
            return False
        if pair.phase == ENTERING or pair.phase == PASSING:
            distance = self.distance_m(
                cell, version, fix.lat, fix.lon, self.enter_band(version, fix.accuracy_m)
            )
            return self._follow_outside(i, slot, cell, pair, version, fix, distance)
        # How deep inside does not matter: spare the distance.
        if self.contains_in(cell, version, fix.lat, fix.lon):
            distance = 0.0
        elif pair.phase == WITHIN:
            cut = self.cut(version, &self.state.slots[slot].last, fix, False, &distance)
        else:
            distance = self.distance_m(
                cell, version, fix.lat, fix.lon, larger(self.exit_accuracies, 1.0) * fix.accuracy_m
            )
        if distance <= 0.0:
            if pair.phase == LEAVING:
                self._rest(pair, WITHIN, pair.since_s)
            return True
        if pair.phase == WITHIN:
            pair.phase = LEAVING
            pair.cut = cut
        self.weigh(pair, version, fix, distance)
        return self._confirm(i, slot, pair, fix.at_s)

    cdef Py_ssize_t _version_of(self, Pair* pair, double at_s) noexcept nogil:
        """The version of a pair's fence in force at a time, or -1; most often the one found before."""
        if pair.version == NOTHING or not self.grid.holds(pair.version, at_s):
            pair.version = <int32_t>self.grid.version_at(pair.fence_id, at_s)
        return pair.version

    cdef bint _follow_outside(
        self,
        Py_ssize_t i,
        int64_t slot,
        Py_ssize_t cell,
        Pair* pair,
        Py_ssize_t version,
        Fix* fix,
        double distance,
    ) except -1 nogil:
        """One fix against a fence the vehicle has not been believed to be inside of."""
        cdef Fix* last = &self.state.slots[slot].last
        if distance <= 0.0:
            if pair.decisive == 0 and pair.phase == PASSING:
                self._begin(pair, slot, version, fix, self.contains_in(cell, version, fix.lat, fix.lon))
                return True
            pair.phase = ENTERING
            pair.exit_cut = NO_CUT
            self.weigh(pair, version, fix, distance)
            return self._confirm(i, slot, pair, fix.at_s)
        if pair.phase == PASSING:
            self._resolve_pass(i, slot, pair, fix)
            return False
        if pair.decisive > 0 and self.went_on(pair, last, fix):
            pair.phase = PASSING
            pair.exit_cut = self.cut(version, last, fix, False, &distance)
            return True
        return False

    cdef int _end(self, Py_ssize_t i, int64_t slot, Pair* pair, Fix* fix) except -1 nogil:
        """A fence no longer in force is left when it ended, or when the vehicle was seen to leave it."""
        cdef Fix* last = &self.state.slots[slot].last
        cdef Py_ssize_t ended
        cdef Cut cut = pair.cut
        if pair.phase == PASSING:
            return self._resolve_pass(i, slot, pair, fix)
        if pair.phase == ENTERING:
            return 0
        if pair.phase == WITHIN:
            ended = self.grid.ended_before(pair.fence_id, fix.at_s)
            cut.at_s = self.grid.head(ended)[VALID_UNTIL] if ended >= 0 else last.at_s
            cut.plus_minus_s = 0.0
            cut.lat = last.lat
            cut.lon = last.lon
        cut.at_s = larger(cut.at_s, pair.since_s)
        return self._emit(i, slot, pair.fence_id, EXIT, cut)

    cdef void _rest(self, Pair* pair, uint8_t phase, double since_s) noexcept nogil:
        """Start the pair over in a phase, keeping its place in the list."""
        cdef int32_t following = pair.next, version = pair.version
        pair[0] = blank_pair(pair.fence_id, phase, since_s)
        pair.next = following
        pair.version = version

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int _meet_all(self, Py_ssize_t i, int64_t slot, Py_ssize_t cell, Fix* fix) except -1 nogil:
        """The fences that contain a fix and are not known yet."""
        cdef Py_ssize_t place, version
        for place in range(self.grid.cell_starts[cell], self.grid.cell_starts[cell + 1]):
            version = self.grid.refs[place, 0] >> REF_BITS
            if self.state.has(slot, self.grid.fence_ids[version]):
                continue
            if self.grid.in_force(version, fix.at_s) and self.grid.covers(place, fix.lat, fix.lon):
                self._meet(i, slot, version, fix)
        return 0

    cdef int _meet_all_of_both(
        self, Py_ssize_t i, int64_t slot, Py_ssize_t cell, Fix* fix
    ) except -1 nogil:
        """The same where some fences have changed: those of the grid and of its extra, in order."""
        cdef Py_ssize_t place
        self.crossed_count = 0
        if cell >= 0:
            self._list_met(self.grid, 0, slot, cell, fix)
        cell = cell_of(self.grid.extra, fix.lat, fix.lon)
        if cell >= 0:
            self._list_met(self.grid.extra, self.grid.count, slot, cell, fix)
        for place in range(self.crossed_count):
            self._meet(i, slot, self.crossed[place], fix)
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int _list_met(
        self, FenceGrid grid, Py_ssize_t offset, int64_t slot, Py_ssize_t cell, Fix* fix
    ) except -1 nogil:
        """List a cell's versions that contain a fix and are not known yet."""
        cdef Py_ssize_t place, version
        for place in range(grid.cell_starts[cell], grid.cell_starts[cell + 1]):
            version = grid.refs[place, 0] >> REF_BITS
            if self.state.has(slot, grid.fence_ids[version]):
                continue
            if grid.in_force(version, fix.at_s) and grid.covers(place, fix.lat, fix.lon):
                self.list_version(offset + version)
        return 0

    cdef int _meet(self, Py_ssize_t i, int64_t slot, Py_ssize_t version, Fix* fix) except -1 nogil:
        """The first fix inside a fence: the initial state, or the start of a run to enter it."""
        cdef int64_t fence_id = self.grid.fence_id(version)
        cdef Slot* state = &self.state.slots[slot]
        cdef Pair pair = blank_pair(fence_id, WITHIN, fix.at_s)
        pair.version = <int32_t>version
        if state.fixes and self._was_in_force(version, state.last.at_s):
            self._begin(&pair, slot, version, fix, True)
        else:
            self._emit(i, slot, fence_id, INSIDE, between(fix, fix, 0.0, 0.0))
        return self.state.add(slot, pair)

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint _was_in_force(self, Py_ssize_t version, double at_s) noexcept nogil:
        """Whether a version, or another of its fence, was in force at a time."""
        return self.grid.holds(version, at_s) or (
            self.grid.version_at(self.grid.fence_id(version), at_s) >= 0
        )

    cdef void _begin(
        self, Pair* pair, int64_t slot, Py_ssize_t version, Fix* fix, bint contained
    ) noexcept nogil:
        """Start a run to enter a fence."""
        cdef double distance
        self._rest(pair, ENTERING, 0.0)
        pair.cut = self.cut(version, &self.state.slots[slot].last, fix, contained, &distance)
        self.weigh(pair, version, fix, distance)

    cdef bint _confirm(self, Py_ssize_t i, int64_t slot, Pair* pair, double at_s) except -1 nogil:
        """Emit the crossing a run amounts to once it is believed; false when the vehicle is outside by it."""
        cdef bint leaving = pair.phase == LEAVING
        cdef double dwell_s = self.exit_dwell_s if leaving else self.enter_dwell_s
        if pair.decisive < 2 and not at_s - pair.dwell_from_s >= dwell_s:
            return True
        self._emit(i, slot, pair.fence_id, EXIT if leaving else ENTER, pair.cut)
        if leaving:
            return False
        self._rest(pair, WITHIN, pair.cut.at_s)
        return True

    cdef int _resolve_pass(self, Py_ssize_t i, int64_t slot, Pair* pair, Fix* fix) except -1 nogil:
        """The fix after a pass, which confirms it or not."""
        cdef Fix* last = &self.state.slots[slot].last
        if self.moved_on(pair, last, fix):
            self._emit(i, slot, pair.fence_id, ENTER, pair.cut)
            self._emit(i, slot, pair.fence_id, EXIT, pair.exit_cut)
        return 0
