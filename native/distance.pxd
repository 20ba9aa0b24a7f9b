cdef int check_positions(const double[::1] lats, const double[::1] lons, str name) except -1
