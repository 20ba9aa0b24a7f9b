# cython: language_level=3
"""Great-circle distances over columns."""

cimport cython

import numpy as np

from native.geometry cimport on_earth, point_distance_m


@cython.boundscheck(False)
@cython.wraparound(False)
cdef Py_ssize_t first_not_on_earth(const double[::1] lats, const double[::1] lons) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(lats.shape[0]):
        if not on_earth(lats[i], lons[i]):
            return i
    return -1


cdef int check_positions(const double[::1] lats, const double[::1] lons, str name) except -1:
    if lats.shape[0] != lons.shape[0]:
        raise ValueError("the columns must be equally long")
    cdef Py_ssize_t i = first_not_on_earth(lats, lons)
    if i >= 0:
        raise ValueError(f"{name} position {i} is not on Earth: latitude {lats[i]}, longitude {lons[i]}")
    return 0


@cython.boundscheck(False)
@cython.wraparound(False)
def haversine_m(
    const double[::1] lats1, const double[::1] lons1, const double[::1] lats2, const double[::1] lons2
):
    if lats1.shape[0] != lats2.shape[0]:
        raise ValueError("the columns must be equally long")
    check_positions(lats1, lons1, "first")
    check_positions(lats2, lons2, "second")
    result = np.empty(lats1.shape[0])
    cdef double[::1] out = result
    cdef Py_ssize_t i
    with nogil:
        for i in range(out.shape[0]):
            out[i] = point_distance_m(lats1[i], lons1[i], lats2[i], lons2[i])
    return result


@cython.boundscheck(False)
@cython.wraparound(False)
def cumulative_m(const double[::1] lats, const double[::1] lons):
    check_positions(lats, lons, "line")
    result = np.zeros(lats.shape[0])
    cdef double[::1] out = result
    cdef Py_ssize_t i
    with nogil:
        for i in range(1, out.shape[0]):
            out[i] = out[i - 1] + point_distance_m(lats[i - 1], lons[i - 1], lats[i], lons[i])
    return result
