"""Columns of numbers as the kernels take them: contiguous, one type, one dimension."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def float_column(values: ArrayLike) -> NDArray[np.float64]:
    """The values as a contiguous float64 column, without a copy where they are one already."""
    return np.ascontiguousarray(values, dtype=np.float64)


def int_column(values: ArrayLike) -> NDArray[np.int64]:
    """The values as a contiguous int64 column, without a copy where they are one already."""
    return np.ascontiguousarray(values, dtype=np.int64)
