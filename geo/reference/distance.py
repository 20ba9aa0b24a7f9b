"""Distances on the sphere and on the plane that touches it, in plain Python."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

EARTH_RADIUS_M = 6_371_008.8
RADIANS = math.pi / 180.0
METRES_PER_DEGREE = RADIANS * EARTH_RADIUS_M


def point_distance_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle metres between two points in degrees (haversine)."""
    half_dlat = math.sin((lat2 - lat1) * RADIANS * 0.5)
    half_dlon = math.sin((lon2 - lon1) * RADIANS * 0.5)
    h = half_dlat * half_dlat + math.cos(lat1 * RADIANS) * math.cos(lat2 * RADIANS) * half_dlon * half_dlon
    return 2.0 * EARTH_RADIUS_M * math.asin(math.sqrt(min(h, 1.0)))


def haversine_m(
    lats1: NDArray[np.float64],
    lons1: NDArray[np.float64],
    lats2: NDArray[np.float64],
    lons2: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Great-circle metres between n pairs of points, columns in degrees."""
    if not len(lats1) == len(lons1) == len(lats2) == len(lons2):
        raise ValueError("the columns must be equally long")
    for name, lats, lons in (("first", lats1, lons1), ("second", lats2, lons2)):
        check_positions(lats, lons, name)
    return np.array(
        [point_distance_m(*pair) for pair in zip(lats1, lons1, lats2, lons2, strict=True)], dtype=np.float64
    )


def cumulative_m(lats: NDArray[np.float64], lons: NDArray[np.float64]) -> NDArray[np.float64]:
    """Great-circle metres along a polyline of n points up to each of them; the first is 0."""
    if len(lats) != len(lons):
        raise ValueError("the columns must be equally long")
    check_positions(lats, lons, "line")
    result = np.zeros(len(lats))
    for i in range(1, len(lats)):
        result[i] = result[i - 1] + point_distance_m(lats[i - 1], lons[i - 1], lats[i], lons[i])
    return result


def check_positions(lats: NDArray[np.float64], lons: NDArray[np.float64], name: str) -> None:
    """Raise ValueError unless all latitudes are within ±90 and longitudes within ±180 (NaN is not)."""
    for i, (lat, lon) in enumerate(zip(lats, lons, strict=True)):
        if not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
            raise ValueError(f"{name} position {i} is not on Earth: latitude {lat}, longitude {lon}")
