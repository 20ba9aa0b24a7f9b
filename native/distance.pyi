import numpy as np
from numpy.typing import NDArray

def haversine_m(
    lats1: NDArray[np.float64],
    lons1: NDArray[np.float64],
    lats2: NDArray[np.float64],
    lons2: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Great-circle metres between n pairs of points. Raises ValueError for NaN and what is not on Earth."""

def cumulative_m(lats: NDArray[np.float64], lons: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres along a polyline of n points up to each. Raises ValueError for NaN and what is not on Earth."""
