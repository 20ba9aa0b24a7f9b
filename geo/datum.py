"""GCJ-02, the shifted datum of Chinese maps, to and from WGS-84.

The shift is the published approximation everybody uses (Krasovsky ellipsoid, a sum of sines); it applies
within longitude 72.004 to 137.8347 and latitude 0.8293 to 55.8271, the box usually taken for China, and
nowhere else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo import kernels
from geo.columns import float_column


def wgs84_to_gcj02(lats: ArrayLike, lons: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """GCJ-02 `(lats, lons)` of n WGS-84 points in degrees. Raises ValueError for NaN and what is not on
    Earth.
    """
    return kernels.wgs84_to_gcj02(float_column(lats), float_column(lons))


def gcj02_to_wgs84(lats: ArrayLike, lons: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """WGS-84 `(lats, lons)` of n GCJ-02 points in degrees, to better than 1e-7 degrees (1 cm).

    Within a kilometre of the box's edge, where the shift begins abruptly, a point may have no inverse or two.
    Raises ValueError for NaN and what is not on Earth.
    """
    return kernels.gcj02_to_wgs84(float_column(lats), float_column(lons))
