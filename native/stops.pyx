# cython: language_level=3
"""Stays in a track: the rule of geo/reference/stops.py, step for step."""

cimport cython
from libc.math cimport cos, isfinite
from libc.stdint cimport int64_t

import numpy as np

from native.distance cimport check_positions
from native.geometry cimport METRES_PER_DEGREE, RADIANS

cdef enum:
    # A run goes on over this many fixes outside when the next is inside again.
    FORGIVEN = 1


cdef struct Run:
    Py_ssize_t last
    double lat
    double lon


def find_stays(
    const double[::1] times_s, const double[::1] lats, const double[::1] lons, double radius_m, double least_s
):
    check_track(times_s, lats, lons)
    cdef Py_ssize_t first = 0, found = 0
    cdef Run run
    # A stay takes two fixes at least: it lasts.
    firsts = np.empty(times_s.shape[0] // 2 + 1, dtype=np.int64)
    lasts = np.empty_like(firsts)
    middle_lats = np.empty(len(firsts))
    middle_lons = np.empty(len(firsts))
    cdef int64_t[::1] first_fixes = firsts
    cdef int64_t[::1] last_fixes = lasts
    cdef double[::1] stay_lats = middle_lats
    cdef double[::1] stay_lons = middle_lons
    with nogil:
        while first < times_s.shape[0]:
            run = run_from(lats, lons, first, radius_m)
            if run.last > first and times_s[run.last] - times_s[first] >= least_s:
                first_fixes[found] = first
                last_fixes[found] = run.last
                stay_lats[found] = run.lat
                stay_lons[found] = run.lon
                found += 1
                first = run.last + 1
            else:
                first += 1
    return firsts[:found].copy(), lasts[:found].copy(), middle_lats[:found].copy(), middle_lons[:found].copy()


@cython.boundscheck(False)
@cython.wraparound(False)
@cython.cdivision(True)
cdef Run run_from(
    const double[::1] lats, const double[::1] lons, Py_ssize_t first, double radius_m
) noexcept nogil:
    """The run of fixes from one on: its last, and its middle."""
    cdef Run run
    cdef Py_ssize_t place = first + 1
    cdef double across = METRES_PER_DEGREE * cos(lats[first] * RADIANS)
    cdef double count = 1.0, north, east
    run.last = first
    run.lat = lats[first]
    run.lon = lons[first]
    while place < lats.shape[0] and place <= run.last + 1 + FORGIVEN:
        north = (lats[place] - run.lat) * METRES_PER_DEGREE
        east = (lons[place] - run.lon) * across
        if north * north + east * east <= radius_m * radius_m:
            count += 1.0
            run.lat += (lats[place] - run.lat) / count
            run.lon += (lons[place] - run.lon) / count
            run.last = place
        place += 1
    return run


cdef int check_track(const double[::1] times_s, const double[::1] lats, const double[::1] lons) except -1:
    """Raise ValueError unless the columns are a track: equally long, on Earth, in order of time."""
    cdef Py_ssize_t i
    if not times_s.shape[0] == lats.shape[0] == lons.shape[0]:
        raise ValueError("the columns must be equally long")
    check_positions(lats, lons, "fix")
    for i in range(times_s.shape[0]):
        if not isfinite(times_s[i]):
            raise ValueError(f"time {i} is not a finite number")
        if i and times_s[i] < times_s[i - 1]:
            raise ValueError(f"fix {i} is not in order of time")
    return 0
