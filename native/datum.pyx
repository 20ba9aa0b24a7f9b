# cython: language_level=3
"""WGS-84 to GCJ-02 and back, over columns; the formulas and their limits are told in geo/datum.py."""

cimport cython
from libc.math cimport cos, fabs, sin, sqrt

import numpy as np

from native.distance cimport check_positions
from native.geometry cimport larger

cdef extern from *:
    """
    #define ZAITU_AXIS_M 6378245.0
    #define ZAITU_ECCENTRICITY_SQUARED 0.00669342162296594323
    #define ZAITU_PI 3.14159265358979323846
    #define ZAITU_CLOSE_ENOUGH_DEG 1e-6
    """
    const double AXIS_M "ZAITU_AXIS_M"
    const double ECCENTRICITY_SQUARED "ZAITU_ECCENTRICITY_SQUARED"
    const double PI "ZAITU_PI"
    const double CLOSE_ENOUGH_DEG "ZAITU_CLOSE_ENOUGH_DEG"

cdef enum:
    MAX_ROUNDS = 12


cdef inline bint outside_china(double lat, double lon) noexcept nogil:
    return not (72.004 <= lon <= 137.8347 and 0.8293 <= lat <= 55.8271)


cdef struct Waves:
    # Sines of a coordinate: of pi / 30, pi / 12, pi / 3, pi, 2 pi and 6 pi times it.
    double thirtieth, twelfth, third, once, twice, six


cdef inline Waves waves_of(double degrees) noexcept nogil:
    """All from one sine and cosine, by the formulas for multiple angles: of pi / 60, twice and five times."""
    cdef Waves waves
    cdef double s = sin(degrees * (PI / 60.0))
    cdef double c = cos(degrees * (PI / 60.0))
    waves.thirtieth = 2.0 * s * c
    cdef double s2 = s * s
    cdef double c2 = c * c
    s = ((16.0 * s2 - 20.0) * s2 + 5.0) * s
    c = ((16.0 * c2 - 20.0) * c2 + 5.0) * c
    waves.twelfth = s
    s, c = 2.0 * s * c, 1.0 - 2.0 * s * s
    s, c = 2.0 * s * c, 1.0 - 2.0 * s * s
    waves.third = s
    s, c = (3.0 - 4.0 * s * s) * s, (4.0 * c * c - 3.0) * c
    waves.once = s
    waves.twice = 2.0 * s * c
    waves.six = (3.0 - 4.0 * waves.twice * waves.twice) * waves.twice
    return waves


@cython.cdivision(True)
cdef inline void shift(double lat, double lon, double* dlat, double* dlon) noexcept nogil:
    """Degrees by which GCJ-02 moves a point."""
    cdef double x = lon - 105.0
    cdef double y = lat - 35.0
    cdef Waves across = waves_of(x)
    cdef Waves along = waves_of(y)
    cdef double wave = 20.0 * across.six + 20.0 * across.twice
    cdef double north = 20.0 * along.once + 40.0 * along.third
    north += 160.0 * along.twelfth + 320.0 * along.thirtieth
    cdef double east = 20.0 * across.once + 40.0 * across.third
    east += 150.0 * across.twelfth + 300.0 * across.thirtieth
    north = (north + wave) * (2.0 / 3.0) - 100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y
    north += 0.2 * sqrt(fabs(x))
    east = (east + wave) * (2.0 / 3.0) + 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(fabs(x))
    cdef double sine = sin(lat * (PI / 180.0))
    cdef double magic = 1.0 - ECCENTRICITY_SQUARED * sine * sine
    cdef double root = sqrt(magic)
    dlat[0] = north * (magic * root) * (180.0 / (AXIS_M * (1.0 - ECCENTRICITY_SQUARED) * PI))
    dlon[0] = east * root * (180.0 / (AXIS_M * PI)) / cos(lat * (PI / 180.0))


cdef inline void unshift(double lat, double lon, double* to_lat, double* to_lon) noexcept nogil:
    """The point that the shift moves here: fixed-point rounds, each some 150 times nearer."""
    cdef double dlat, dlon, next_lat, next_lon, moved
    cdef int _round
    to_lat[0] = lat
    to_lon[0] = lon
    for _round in range(MAX_ROUNDS):
        shift(to_lat[0], to_lon[0], &dlat, &dlon)
        next_lat = lat - dlat
        next_lon = lon - dlon
        moved = larger(fabs(next_lat - to_lat[0]), fabs(next_lon - to_lon[0]))
        to_lat[0] = next_lat
        to_lon[0] = next_lon
        if moved < CLOSE_ENOUGH_DEG:
            break


@cython.boundscheck(False)
@cython.wraparound(False)
def wgs84_to_gcj02(const double[::1] lats, const double[::1] lons):
    check_positions(lats, lons, "fix")
    result = np.array(lats), np.array(lons)
    cdef double[::1] out_lats = result[0]
    cdef double[::1] out_lons = result[1]
    cdef double dlat, dlon
    cdef Py_ssize_t i
    with nogil:
        for i in range(out_lats.shape[0]):
            if not outside_china(lats[i], lons[i]):
                shift(lats[i], lons[i], &dlat, &dlon)
                out_lats[i] = lats[i] + dlat
                out_lons[i] = lons[i] + dlon
    return result


@cython.boundscheck(False)
@cython.wraparound(False)
def gcj02_to_wgs84(const double[::1] lats, const double[::1] lons):
    check_positions(lats, lons, "fix")
    result = np.array(lats), np.array(lons)
    cdef double[::1] out_lats = result[0]
    cdef double[::1] out_lons = result[1]
    cdef Py_ssize_t i
    with nogil:
        for i in range(out_lats.shape[0]):
            if not outside_china(lats[i], lons[i]):
                unshift(lats[i], lons[i], &out_lats[i], &out_lons[i])
    return result
