# cython: language_level=3
"""Arrivals of many vehicles at the stops left, by driving seconds from prefix sums and time at stops."""

cimport cython
from libc.stdint cimport int64_t

import numpy as np

from native.geometry cimport larger


cdef class ArrivalTable:
    cdef const int64_t[::1] knot_starts
    cdef const double[::1] knots_m
    cdef const double[::1] knots_s
    cdef const int64_t[::1] stop_starts
    cdef const double[::1] services_s
    cdef const double[::1] held_until_s
    cdef double[::1] stops_s

    def __init__(
        self,
        const int64_t[::1] knot_starts,
        const double[::1] knots_m,
        const double[::1] knots_s,
        const int64_t[::1] stop_starts,
        const double[::1] stops_m,
        const double[::1] services_s,
        const double[::1] held_until_s,
    ):
        self.knot_starts = knot_starts
        self.knots_m = knots_m
        self.knots_s = knots_s
        self.stop_starts = stop_starts
        self.services_s = services_s
        self.held_until_s = held_until_s
        self._check(stops_m)
        self.stops_s = np.empty(stops_m.shape[0])
        cdef Py_ssize_t route, stop
        for route in range(stop_starts.shape[0] - 1):
            for stop in range(stop_starts[route], stop_starts[route + 1]):
                self.stops_s[stop] = self._seconds_to(route, stops_m[stop])

    cdef int _check(self, const double[::1] stops_m) except -1:
        cdef Py_ssize_t i, route
        if self.knots_m.shape[0] != self.knots_s.shape[0] or not (
            stops_m.shape[0] == self.services_s.shape[0] == self.held_until_s.shape[0]
        ):
            raise ValueError("the columns must be equally long")
        if self.knot_starts.shape[0] != self.stop_starts.shape[0]:
            raise ValueError("profiles and stops must be of the same routes")
        check_starts(self.knot_starts, self.knots_m.shape[0], 1, "profile")
        check_starts(self.stop_starts, stops_m.shape[0], 0, "stops")
        for route in range(self.knot_starts.shape[0] - 1):
            for i in range(self.knot_starts[route] + 1, self.knot_starts[route + 1]):
                if not (self.knots_m[i - 1] < self.knots_m[i] and self.knots_s[i - 1] <= self.knots_s[i]):
                    raise ValueError(f"the profile of route {route} does not increase")
        for i in range(stops_m.shape[0]):
            if stops_m[i] != stops_m[i] or not self.services_s[i] >= 0.0:
                raise ValueError(f"stop {i} has no place, or a service of less than no time")
            if self.held_until_s[i] != self.held_until_s[i]:
                raise ValueError(f"stop {i} is held until no time: use minus infinity")
        return 0

    @cython.boundscheck(False)
    @cython.wraparound(False)
    @cython.cdivision(True)
    cdef double _seconds_to(self, Py_ssize_t route, double distance_m) noexcept nogil:
        """Driving seconds from the start, straight between the knots."""
        cdef Py_ssize_t low = self.knot_starts[route], high = self.knot_starts[route + 1] - 1, middle
        if distance_m <= self.knots_m[low]:
            return self.knots_s[low]
        if distance_m >= self.knots_m[high]:
            return self.knots_s[high]
        while high - low > 1:
            middle = (low + high) // 2
            if self.knots_m[middle] <= distance_m:
                low = middle
            else:
                high = middle
        return self.knots_s[low] + (self.knots_s[high] - self.knots_s[low]) * (
            (distance_m - self.knots_m[low]) / (self.knots_m[high] - self.knots_m[low])
        )

    def arrivals(
        self,
        double now_s,
        const int64_t[::1] routes,
        const double[::1] distances_m,
        const int64_t[::1] next_stops,
        const double[::1] leaves_s,
        const double[::1] floors_s,
        double share,
        double median_offset,
        double late_offset,
    ):
        if not (
            routes.shape[0] == distances_m.shape[0] == next_stops.shape[0]
            == leaves_s.shape[0] == floors_s.shape[0]
        ):
            raise ValueError("the columns must be equally long")
        starts = np.zeros(routes.shape[0] + 1, dtype=np.int64)
        cdef int64_t[::1] first = starts
        cdef Py_ssize_t i, stops
        for i in range(routes.shape[0]):
            if not 0 <= routes[i] < self.stop_starts.shape[0] - 1:
                raise ValueError(f"vehicle {i} is on route {routes[i]}, which there is not")
            stops = self.stop_starts[routes[i] + 1] - self.stop_starts[routes[i]]
            if not 0 <= next_stops[i] <= stops:
                raise ValueError(f"vehicle {i} has no stop {next_stops[i]}")
            if distances_m[i] != distances_m[i] or leaves_s[i] != leaves_s[i] or floors_s[i] != floors_s[i]:
                raise ValueError(f"vehicle {i} has a distance, time or spread that is not a number")
            first[i + 1] = first[i] + stops - next_stops[i]
        columns = tuple(np.empty(starts[-1]) for _ in range(3))
        cdef double[::1] raw_s = columns[0]
        cdef double[::1] p50_s = columns[1]
        cdef double[::1] p90_s = columns[2]
        with nogil:
            for i in range(routes.shape[0]):
                self._evaluate(
                    now_s, routes[i], distances_m[i], next_stops[i], leaves_s[i], floors_s[i],
                    share, median_offset, late_offset, first[i], raw_s, p50_s, p90_s,
                )
        return starts, *columns

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef void _evaluate(
        self,
        double now_s,
        Py_ssize_t route,
        double distance_m,
        Py_ssize_t next_stop,
        double leaves_s,
        double floor_s,
        double share,
        double median_offset,
        double late_offset,
        Py_ssize_t place,
        double[::1] raw_s,
        double[::1] p50_s,
        double[::1] p90_s,
    ) noexcept nogil:
        """One vehicle's arrivals, from `place` of the columns on."""
        cdef Py_ssize_t stop
        cdef double here_s = self._seconds_to(route, distance_m)
        cdef double driven_s = 0.0, to_here_s, spread_s, arrival_s, median_s = now_s, late_s = now_s
        for stop in range(self.stop_starts[route] + next_stop, self.stop_starts[route + 1]):
            to_here_s = larger(self.stops_s[stop] - here_s, 0.0)
            arrival_s = leaves_s + to_here_s - driven_s
            leaves_s = larger(arrival_s + self.services_s[stop], self.held_until_s[stop])
            driven_s = to_here_s
            spread_s = floor_s + share * larger(arrival_s - now_s, 0.0)
            median_s = larger(median_s, arrival_s + spread_s * median_offset)
            late_s = larger(late_s, larger(arrival_s + spread_s * late_offset, median_s))
            raw_s[place] = arrival_s
            p50_s[place] = median_s
            p90_s[place] = late_s
            place += 1


cdef int check_starts(const int64_t[::1] starts, Py_ssize_t count, Py_ssize_t least, str name) except -1:
    """Raise ValueError unless runs that start there, each of some rows at least, make up `count` rows."""
    cdef Py_ssize_t i
    if starts.shape[0] < 1 or starts[0] != 0 or starts[starts.shape[0] - 1] != count:
        raise ValueError(f"the {name} of the routes do not fit their columns")
    for i in range(starts.shape[0] - 1):
        if starts[i + 1] - starts[i] < least:
            raise ValueError(f"the {name} of the routes do not fit their columns")
    return 0
