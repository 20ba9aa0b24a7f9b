import numpy as np
from numpy.typing import NDArray

def wgs84_to_gcj02(
    lats: NDArray[np.float64], lons: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """GCJ-02 of n WGS-84 points, `(lats, lons)` in degrees. Raises ValueError for NaN and what is not on
    Earth.
    """

def gcj02_to_wgs84(
    lats: NDArray[np.float64], lons: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """WGS-84 of n GCJ-02 points, `(lats, lons)` in degrees. Raises ValueError for NaN and what is not on
    Earth.
    """
