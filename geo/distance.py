"""Distances on a sphere of 6,371,008.8 m (IUGG mean radius), over columns of degrees."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo import kernels
from geo.columns import float_column


def haversine_m(
    lats1: ArrayLike, lons1: ArrayLike, lats2: ArrayLike, lons2: ArrayLike
) -> NDArray[np.float64]:
    """Great-circle metres between n pairs of points. Raises ValueError for NaN and what is not on Earth."""
    return kernels.haversine_m(
        float_column(lats1), float_column(lons1), float_column(lats2), float_column(lons2)
    )


def cumulative_m(lats: ArrayLike, lons: ArrayLike) -> NDArray[np.float64]:
    """Metres along a polyline of n points up to each of them. Raises ValueError for NaN and what is not on
    Earth.
    """
    return kernels.cumulative_m(float_column(lats), float_column(lons))
