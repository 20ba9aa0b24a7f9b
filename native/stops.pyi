import numpy as np
from numpy.typing import NDArray

def find_stays(
    times_s: NDArray[np.float64],
    lats: NDArray[np.float64],
    lons: NDArray[np.float64],
    radius_m: float,
    least_s: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """The stays among n fixes in order of time: first fix, last fix, latitude and longitude of the middle.

    Epoch seconds and degrees in; the rule is told in geo/stops.py. Raises ValueError for columns of unequal
    length, NaN, positions not on Earth, and fixes not in order of time.
    """
