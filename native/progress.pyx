# cython: language_level=3
"""Progress along routes: the fold of geo/reference/progress.py over state in columns, step for step."""

cimport cython
from libc.math cimport isnan, sqrt
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, realloc

import struct

import numpy as np

from native.distance cimport check_positions
from native.fences cimport check_fixes
from native.geometry cimport METRES_PER_DEGREE, larger, metres_per_longitude, smaller

cdef enum:
    STATE_VERSION = 1
    MAX_SLOT = 1 << 24

cdef double INFINITE = float("inf")
cdef double UNKNOWN = float("nan")

STATE = struct.Struct("<2sBB6d")


cdef struct Line:
    const double* lats
    const double* lons
    const double* distances_m
    Py_ssize_t count


cdef struct Place:
    double along_m
    double away_m
    # Whether the way led away from the fix and near it once more before it came here.
    bint again


cdef struct Vehicle:
    # `line.count` is 0 for a slot without a route.
    Line line
    double distance_m
    double seen_s
    double on_route_s
    double off_since_s
    double follows_from_m
    double follows_to_m
    double checked_s
    uint8_t on_trip


@cython.cdivision(True)
cdef Py_ssize_t segment_of(Line* line, double along_m) noexcept nogil:
    """The first segment that ends at or after a distance."""
    cdef Py_ssize_t low = 0, high = line.count - 2, middle
    while low < high:
        middle = (low + high) // 2
        if line.distances_m[middle + 1] < along_m:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline double length_of(double x, double y) noexcept nogil:
    return sqrt(x * x + y * y)


@cython.cdivision(True)
cdef Place snapped(
    Line* line, double lat, double lon, double from_m, double to_m, double ambiguity_m
) noexcept nogil:
    """Walk the window: in a dip of the distance the lowest place counts, a later one only if far deeper."""
    cdef Place place
    cdef Py_ssize_t i
    cdef double across = metres_per_longitude(lat)
    cdef double x, y, dx, dy, length, low, high, share, away_m
    cdef bint in_dip = True
    from_m = smaller(larger(from_m, 0.0), line.distances_m[line.count - 1])
    place.along_m = from_m
    place.away_m = INFINITE
    place.again = False
    for i in range(segment_of(line, from_m), line.count - 1):
        if line.distances_m[i] > to_m:
            break
        length = line.distances_m[i + 1] - line.distances_m[i]
        if length <= 0.0:
            continue
        x = (line.lons[i] - lon) * across
        y = (line.lats[i] - lat) * METRES_PER_DEGREE
        dx = (line.lons[i + 1] - line.lons[i]) * across
        dy = (line.lats[i + 1] - line.lats[i]) * METRES_PER_DEGREE
        # Only the first and the last segment of a window are cut short; divisions are dear.
        low, high = 0.0, 1.0
        if line.distances_m[i] < from_m:
            low = (from_m - line.distances_m[i]) / length
        if line.distances_m[i + 1] > to_m:
            high = larger(low, smaller((to_m - line.distances_m[i]) / length, 1.0))
        share = smaller(larger(-(x * dx + y * dy) / (dx * dx + dy * dy), low), high)
        away_m = length_of(x + share * dx, y + share * dy)
        if away_m < place.away_m - ambiguity_m or (in_dip and away_m < place.away_m):
            place.away_m = away_m
            place.along_m = line.distances_m[i] + share * length
            place.again = place.again or not in_dip
            in_dip = True
        if length_of(x + high * dx, y + high * dy) > place.away_m + ambiguity_m:
            in_dip = False
            # Nothing further on can be nearer by so much: the walk would change nothing more.
            if place.away_m <= ambiguity_m:
                break
    if place.away_m == INFINITE:
        i = line.count - 1
        place.away_m = length_of((line.lons[i] - lon) * across, (line.lats[i] - lat) * METRES_PER_DEGREE)
    return place


cdef Line line_of(const double[::1] lats, const double[::1] lons, const double[::1] distances_m) except *:
    """The columns as a polyline; raises ValueError unless they are one."""
    cdef Line line
    cdef Py_ssize_t i
    check_positions(lats, lons, "route")
    if distances_m.shape[0] != lats.shape[0]:
        raise ValueError("the columns must be equally long")
    if lats.shape[0] < 2:
        raise ValueError("a route needs at least two points")
    for i in range(1, distances_m.shape[0]):
        if not distances_m[i - 1] <= distances_m[i]:
            raise ValueError("a route's distances start at 0 and never decrease")
    if distances_m[0] != 0.0:
        raise ValueError("a route's distances start at 0 and never decrease")
    line.lats = &lats[0]
    line.lons = &lons[0]
    line.distances_m = &distances_m[0]
    line.count = lats.shape[0]
    return line


cdef class ProgressFold:
    cdef double default_accuracy_m, max_speed_mps, slack_m, off_route_m, ambiguity_m, acquire_m, behind_m
    cdef double reverse_m
    cdef Vehicle* vehicles
    cdef Py_ssize_t count
    cdef dict routes

    def __dealloc__(self):
        free(self.vehicles)

    def __init__(
        self,
        double default_accuracy_m,
        double max_speed_mps,
        double slack_m,
        double off_route_m,
        double ambiguity_m,
        double acquire_m,
        double behind_m,
        double reverse_m,
    ):
        self.default_accuracy_m = default_accuracy_m
        self.max_speed_mps = max_speed_mps
        self.slack_m = slack_m
        self.off_route_m = off_route_m
        self.ambiguity_m = ambiguity_m
        self.acquire_m = acquire_m
        self.behind_m = behind_m
        self.reverse_m = reverse_m
        self.routes = {}

    def assign(
        self,
        int64_t slot,
        const double[::1] lats,
        const double[::1] lons,
        const double[::1] distances_m,
        double from_m,
    ):
        check_slot(slot)
        cdef Line line = line_of(lats, lons, distances_m)
        if not 0.0 <= from_m <= distances_m[line.count - 1]:
            raise ValueError(f"{from_m} m is not on a route of {distances_m[line.count - 1]} m")
        self._make_room(slot)
        # The vehicle points into these columns; the reference keeps them alive.
        self.routes[slot] = (lats, lons, distances_m)
        cdef Vehicle* vehicle = &self.vehicles[slot]
        vehicle.line = line
        vehicle.distance_m = from_m
        vehicle.on_trip = False
        vehicle.seen_s = vehicle.checked_s = -INFINITE
        vehicle.on_route_s = vehicle.off_since_s = vehicle.follows_from_m = vehicle.follows_to_m = UNKNOWN

    def advance(
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
        self._check_order(slots, times_s, accuracies_m)
        return self._run(slots, times_s, lats, lons, accuracies_m)

    def save_state(self, int64_t slot):
        cdef Vehicle* vehicle = self._vehicle(slot)
        return STATE.pack(
            b"ZP", STATE_VERSION, vehicle.on_trip, vehicle.distance_m, vehicle.seen_s, vehicle.on_route_s,
            vehicle.off_since_s, vehicle.follows_from_m, vehicle.follows_to_m,
        )

    def load_state(self, int64_t slot, bytes state not None):
        cdef Vehicle* vehicle = self._vehicle(slot)
        if len(state) != STATE.size or state[:2] != b"ZP" or state[2] != STATE_VERSION:
            raise ValueError(
                "these bytes are not a progress state of this version: rebuild the vehicle from its positions"
            )
        fields = STATE.unpack(state)
        vehicle.on_trip = bool(fields[2])
        vehicle.distance_m = smaller(fields[3], vehicle.line.distances_m[vehicle.line.count - 1])
        vehicle.seen_s = vehicle.checked_s = fields[4]
        vehicle.on_route_s, vehicle.off_since_s, vehicle.follows_from_m, vehicle.follows_to_m = fields[5:]

    def clear(self, int64_t slot):
        check_slot(slot)
        if slot < self.count:
            self.vehicles[slot].line.count = 0
            self.routes.pop(slot, None)

    cdef int _make_room(self, int64_t slot) except -1:
        cdef Py_ssize_t count = self.count, i
        cdef void* moved
        if slot < count:
            return 0
        count = min(max(slot + 1, count + count // 2, 64), MAX_SLOT)
        moved = realloc(self.vehicles, count * sizeof(Vehicle))
        if moved == NULL:
            raise MemoryError("too little memory for the state of progress")
        self.vehicles = <Vehicle*>moved
        for i in range(self.count, count):
            self.vehicles[i].line.count = 0
        self.count = count
        return 0

    cdef Vehicle* _vehicle(self, int64_t slot) except NULL:
        check_slot(slot)
        if slot >= self.count or self.vehicles[slot].line.count == 0:
            raise ValueError(f"slot {slot} has no route: assign one first")
        return &self.vehicles[slot]

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int _check_order(
        self, const int64_t[::1] slots, const double[::1] times_s, const double[::1] accuracies_m
    ) except -1:
        """Refuse the batch, leaving the state as it was, unless each slot's fixes come in order of time."""
        cdef Py_ssize_t i, wrong = -1
        cdef Vehicle* vehicle
        for i in range(slots.shape[0]):
            self._vehicle(slots[i])
            if accuracies_m[i] < 0.0:
                raise ValueError(f"accuracy {i} is negative")
        with nogil:
            for i in range(slots.shape[0]):
                vehicle = &self.vehicles[slots[i]]
                if times_s[i] < vehicle.checked_s:
                    wrong = i
                    break
                vehicle.checked_s = times_s[i]
            for i in range(slots.shape[0]):
                self.vehicles[slots[i]].checked_s = self.vehicles[slots[i]].seen_s
        if wrong >= 0:
            raise ValueError(
                f"fix {wrong} of slot {slots[wrong]} is older than the one before it: "
                "sort, or rebuild the slot"
            )
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef object _run(
        self,
        const int64_t[::1] slots,
        const double[::1] times_s,
        const double[::1] lats,
        const double[::1] lons,
        const double[::1] accuracies_m,
    ):
        cdef Py_ssize_t i
        cdef Vehicle* vehicle
        columns = tuple(np.empty(slots.shape[0], dtype=kind) for kind in (float, float, float, np.bool_))
        cdef double[::1] distances_m = columns[0]
        cdef double[::1] aways_m = columns[1]
        cdef double[::1] off_since_s = columns[2]
        cdef uint8_t[::1] on_trip = columns[3].view(np.uint8)
        with nogil:
            for i in range(slots.shape[0]):
                vehicle = &self.vehicles[slots[i]]
                aways_m[i] = self._step(vehicle, times_s[i], lats[i], lons[i], accuracies_m[i])
                distances_m[i] = vehicle.distance_m
                off_since_s[i] = vehicle.off_since_s
                on_trip[i] = vehicle.on_trip
        return columns

    cdef double _step(
        self, Vehicle* vehicle, double at_s, double lat, double lon, double accuracy_m
    ) noexcept nogil:
        cdef double accuracy = self.default_accuracy_m if isnan(accuracy_m) else accuracy_m
        cdef double allowed_m = self.off_route_m + accuracy
        cdef double ambiguity_m = larger(self.ambiguity_m, 2.0 * accuracy)
        cdef double reach_m = INFINITE
        cdef Place place, behind
        if vehicle.on_trip:
            reach_m = vehicle.distance_m + self.slack_m + self.max_speed_mps * (at_s - vehicle.on_route_s)
        place = snapped(&vehicle.line, lat, lon, vehicle.distance_m, reach_m, ambiguity_m)
        vehicle.seen_s = vehicle.checked_s = at_s
        if vehicle.on_trip and place.away_m > allowed_m:
            behind = self._behind(vehicle, lat, lon, self.behind_m, ambiguity_m)
            if behind.away_m <= allowed_m:
                place = behind
        elif vehicle.on_trip and place.again:
            behind = self._behind(vehicle, lat, lon, self.reverse_m, ambiguity_m)
            if behind.away_m <= place.away_m + accuracy:
                place = behind
        if place.away_m > allowed_m:
            if isnan(vehicle.off_since_s):
                vehicle.off_since_s = at_s
            vehicle.follows_from_m = vehicle.follows_to_m = UNKNOWN
            return place.away_m
        vehicle.off_since_s = UNKNOWN
        if vehicle.on_trip or self._follows(vehicle, place.along_m):
            vehicle.on_trip = True
            vehicle.distance_m = place.along_m
            vehicle.on_route_s = at_s
            vehicle.follows_from_m = vehicle.follows_to_m = UNKNOWN
        return place.away_m

    cdef Place _behind(
        self, Vehicle* vehicle, double lat, double lon, double behind_m, double ambiguity_m
    ) noexcept nogil:
        """The vehicle where it was, as far from the fix as the last stretch it has driven."""
        cdef Place place = snapped(
            &vehicle.line, lat, lon, vehicle.distance_m - behind_m, vehicle.distance_m, ambiguity_m
        )
        place.along_m = vehicle.distance_m
        return place

    cdef bint _follows(self, Vehicle* vehicle, double along_m) noexcept nogil:
        """Whether a vehicle not yet on its trip is: near the start, or following the route for a while."""
        if not along_m >= vehicle.follows_to_m:
            vehicle.follows_from_m = along_m
        vehicle.follows_to_m = along_m
        if along_m - vehicle.distance_m <= self.acquire_m:
            return True
        return along_m - vehicle.follows_from_m >= self.acquire_m


cdef int check_slot(int64_t slot) except -1:
    """Raise ValueError unless a slot is a small integer: state lies in columns up to the highest."""
    if not 0 <= slot < MAX_SLOT:
        raise ValueError(f"slot {slot} is not within 0 and {MAX_SLOT - 1}")
    return 0
