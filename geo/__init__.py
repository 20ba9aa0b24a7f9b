"""Geometry over arrays of fixes: fences, crossings, route progress, arrival times and datums."""
