# cython: language_level=3
"""The state of crossings: slots in a column, their pairs in one pool, linked in order of fence id."""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, realloc

import struct

cdef enum:
    STATE_VERSION = 1
    MAX_SLOT = 1 << 24

cdef double INFINITE = float("inf")
cdef double UNKNOWN = float("nan")

HEADER = struct.Struct("<2sBBI")
FIX = struct.Struct("<4d")
PAIR = struct.Struct("<qBB6x10d")

NO_CUT.at_s = NO_CUT.plus_minus_s = NO_CUT.lat = NO_CUT.lon = 0.0


cdef Pair blank_pair(int64_t fence_id, uint8_t phase, double since_s) noexcept nogil:
    cdef Pair pair
    pair.fence_id = fence_id
    pair.phase = phase
    pair.since_s = since_s
    pair.decisive = 0
    pair.cut = NO_CUT
    pair.exit_cut = NO_CUT
    pair.dwell_from_s = UNKNOWN
    pair.version = NOTHING
    pair.next = NOTHING
    return pair


cdef void* grown(void* block, Py_ssize_t count, size_t size) except NULL nogil:
    cdef void* moved = realloc(block, count * size)
    if moved == NULL:
        with gil:
            raise MemoryError("too little memory for the state of crossings")
    return moved


cdef class CrossingState:
    def __cinit__(self):
        self.free_pair = NOTHING

    def __dealloc__(self):
        free(self.slots)
        free(self.pairs)

    def save(self, int64_t slot):
        check_slot(slot)
        if slot >= self.slot_count:
            return HEADER.pack(b"ZC", STATE_VERSION, 0, 0)
        cdef Slot* state = &self.slots[slot]
        cdef Pair* pair
        cdef int32_t place = state.first
        parts = []
        while place != NOTHING:
            pair = &self.pairs[place]
            parts.append(PAIR.pack(
                pair.fence_id, pair.phase, pair.decisive, pair.since_s,
                pair.cut.at_s, pair.cut.plus_minus_s, pair.cut.lat, pair.cut.lon,
                pair.exit_cut.at_s, pair.exit_cut.plus_minus_s, pair.exit_cut.lat, pair.exit_cut.lon,
                pair.dwell_from_s,
            ))
            place = pair.next
        fixes = [packed_fix(&state.last), packed_fix(&state.before)][:state.fixes]
        return b"".join([HEADER.pack(b"ZC", STATE_VERSION, state.fixes, len(parts)), *fixes, *parts])

    def load(self, int64_t slot, bytes state not None):
        check_slot(slot)
        fixes, pairs = unpack_state(state)
        self._make_room(slot)
        self._empty(slot)
        cdef Slot* loaded = &self.slots[slot]
        loaded.fixes = len(fixes)
        if loaded.fixes > 0:
            loaded.last = unpacked_fix(fixes[0])
            loaded.checked_s = loaded.last.at_s
        if loaded.fixes > 1:
            loaded.before = unpacked_fix(fixes[1])
        for values in pairs:
            self.add(slot, unpacked_pair(values))

    def clear(self, int64_t slot):
        check_slot(slot)
        if slot < self.slot_count:
            self._empty(slot)

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int check_order(
        self, const int64_t[::1] slots, const double[::1] times_s, const double[::1] accuracies_m
    ) except -1:
        """Refuse the batch, leaving the state as it was, unless each slot's fixes come in order of time."""
        cdef Py_ssize_t i, wrong = NOTHING
        cdef int64_t highest = NOTHING
        cdef Slot* slot
        for i in range(slots.shape[0]):
            check_slot(slots[i])
            highest = max(highest, slots[i])
            if accuracies_m[i] < 0.0:
                raise ValueError(f"accuracy {i} is negative")
        if highest >= 0:
            self._make_room(highest)
        with nogil:
            for i in range(slots.shape[0]):
                slot = &self.slots[slots[i]]
                if times_s[i] < slot.checked_s:
                    wrong = i
                    break
                slot.checked_s = times_s[i]
            for i in range(slots.shape[0]):
                slot = &self.slots[slots[i]]
                slot.checked_s = slot.last.at_s if slot.fixes else -INFINITE
        if wrong >= 0:
            raise ValueError(
                f"fix {wrong} of slot {slots[wrong]} is older than the one before it: "
                "sort, or rebuild the slot"
            )
        return 0

    cdef int _make_room(self, int64_t slot) except -1:
        cdef Py_ssize_t count = self.slot_count, i
        if slot < count:
            return 0
        count = min(max(slot + 1, count + count // 2, 64), MAX_SLOT)
        self.slots = <Slot*>grown(self.slots, count, sizeof(Slot))
        for i in range(self.slot_count, count):
            self.slots[i].first = NOTHING
            self.slots[i].fixes = 0
            self.slots[i].checked_s = -INFINITE
        self.slot_count = count
        return 0

    cdef void _empty(self, int64_t slot) noexcept nogil:
        cdef Slot* state = &self.slots[slot]
        while state.first != NOTHING:
            self.remove(slot, NOTHING, state.first)
        state.fixes = 0
        state.checked_s = -INFINITE

    cdef int add(self, int64_t slot, Pair pair) except -1 nogil:
        """Put a pair into a slot's list."""
        cdef int32_t place = self.free_pair, before = NOTHING, after = self.slots[slot].first
        cdef Py_ssize_t i, room
        if place == NOTHING:
            room = self.pair_room + self.pair_room // 2 + 64
            self.pairs = <Pair*>grown(self.pairs, room, sizeof(Pair))
            for i in range(self.pair_room, room):
                self.pairs[i].next = <int32_t>(i + 1) if i + 1 < room else NOTHING
            place = <int32_t>self.pair_room
            self.pair_room = room
        self.free_pair = self.pairs[place].next
        while after != NOTHING and self.pairs[after].fence_id < pair.fence_id:
            before, after = after, self.pairs[after].next
        pair.next = after
        self.pairs[place] = pair
        if before == NOTHING:
            self.slots[slot].first = place
        else:
            self.pairs[before].next = place
        return 0

    cdef void remove(self, int64_t slot, int32_t before, int32_t place) noexcept nogil:
        """Take the pair after `before` (NOTHING: the first) out of a slot's list."""
        if before == NOTHING:
            self.slots[slot].first = self.pairs[place].next
        else:
            self.pairs[before].next = self.pairs[place].next
        self.pairs[place].next = self.free_pair
        self.free_pair = place

    cdef bint has(self, int64_t slot, int64_t fence_id) noexcept nogil:
        cdef int32_t place = self.slots[slot].first
        while place != NOTHING:
            if self.pairs[place].fence_id == fence_id:
                return True
            place = self.pairs[place].next
        return False

    cdef void forget_versions(self) noexcept nogil:
        """Let every pair look its version up anew."""
        cdef Py_ssize_t i
        for i in range(self.pair_room):
            self.pairs[i].version = NOTHING


cdef int check_slot(int64_t slot) except -1:
    """Raise ValueError unless a slot is a small integer: state lies in columns up to the highest."""
    if not 0 <= slot < MAX_SLOT:
        raise ValueError(f"slot {slot} is not within 0 and {MAX_SLOT - 1}")
    return 0


cdef object packed_fix(Fix* fix):
    return FIX.pack(fix.at_s, fix.lat, fix.lon, fix.accuracy_m)


cdef Fix unpacked_fix(object values) except *:
    cdef Fix fix
    fix.at_s, fix.lat, fix.lon, fix.accuracy_m = values
    return fix


cdef Pair unpacked_pair(object values) except *:
    cdef Pair pair = blank_pair(values[0], values[1], values[3])
    pair.decisive = values[2]
    pair.cut.at_s, pair.cut.plus_minus_s, pair.cut.lat, pair.cut.lon = values[4:8]
    pair.exit_cut.at_s, pair.exit_cut.plus_minus_s, pair.exit_cut.lat, pair.exit_cut.lon = values[8:12]
    pair.dwell_from_s = values[12]
    return pair


def unpack_state(bytes state):
    """The fixes and the pairs of a saved state; raises ValueError for bytes that are not one."""
    if len(state) < HEADER.size:
        raise ValueError("these bytes are not a crossing state: too short")
    magic, version, fix_count, pair_count = HEADER.unpack_from(state)
    if magic != b"ZC" or version != STATE_VERSION or fix_count > 2:
        raise ValueError(
            "these bytes are not a crossing state of this version: rebuild the vehicle from its positions"
        )
    fixes_end = HEADER.size + fix_count * FIX.size
    if len(state) != fixes_end + pair_count * PAIR.size:
        raise ValueError("these bytes are not a crossing state: wrong length")
    fixes = list(FIX.iter_unpack(state[HEADER.size:fixes_end]))
    pairs = list(PAIR.iter_unpack(state[fixes_end:]))
    if any(values[1] > PASSING for values in pairs) or (pairs and not fixes):
        raise ValueError("these bytes are not a crossing state: wrong content")
    return fixes, pairs
