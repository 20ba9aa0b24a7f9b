from libc.math cimport asin, cos, sin, sqrt

cdef extern from *:
    """
    #define ZAITU_EARTH_RADIUS_M 6371008.8
    #define ZAITU_RADIANS (3.14159265358979323846 / 180.0)
    #define ZAITU_METRES_PER_DEGREE (ZAITU_RADIANS * ZAITU_EARTH_RADIUS_M)
    """
    const double EARTH_RADIUS_M "ZAITU_EARTH_RADIUS_M"
    const double RADIANS "ZAITU_RADIANS"
    const double METRES_PER_DEGREE "ZAITU_METRES_PER_DEGREE"
    # Asks for memory that will be read soon; any address will do.
    void prefetch "__builtin_prefetch" (const void* address) noexcept nogil


cdef inline double larger(double a, double b) noexcept nogil:
    return a if a > b else b


cdef inline double smaller(double a, double b) noexcept nogil:
    return a if a < b else b


cdef inline bint on_earth(double lat, double lon) noexcept nogil:
    """False for NaN as well."""
    return -90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0


cdef inline double point_distance_m(double lat1, double lon1, double lat2, double lon2) noexcept nogil:
    """Great-circle metres (haversine)."""
    cdef double half_dlat = sin((lat2 - lat1) * RADIANS * 0.5)
    cdef double half_dlon = sin((lon2 - lon1) * RADIANS * 0.5)
    cdef double h = half_dlat * half_dlat + cos(lat1 * RADIANS) * cos(lat2 * RADIANS) * half_dlon * half_dlon
    return 2.0 * EARTH_RADIUS_M * asin(sqrt(smaller(h, 1.0)))


cdef inline double metres_per_longitude(double lat) noexcept nogil:
    return METRES_PER_DEGREE * cos(lat * RADIANS)
