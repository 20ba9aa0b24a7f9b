"""The one place that chooses between the native kernels and their plain-Python reference.

`ZAITU_KERNELS` is `native` (the default) or `reference`; both have the same classes and functions, typed by
the native stubs. Everything else in Zaitu reaches them through geo/fences.py, geo/crossings.py,
geo/progress.py, geo/stops.py, geo/datum.py and geo/distance.py.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

CHOICE = os.environ.get("ZAITU_KERNELS", "native")

if TYPE_CHECKING or CHOICE == "native":
    try:
        from native.arrivals import ArrivalTable
        from native.crossings import CrossingFold
        from native.datum import gcj02_to_wgs84, wgs84_to_gcj02
        from native.distance import cumulative_m, haversine_m
        from native.fences import FenceGrid
        from native.progress import ProgressFold
        from native.stops import find_stays
    except ImportError as exc:
        raise ImportError(
            "the native kernels are not built: run `make setup` (or, slow, set ZAITU_KERNELS=reference)"
        ) from exc
elif CHOICE == "reference":
    from geo.reference.arrivals import ArrivalTable
    from geo.reference.crossings import CrossingFold
    from geo.reference.datum import gcj02_to_wgs84, wgs84_to_gcj02
    from geo.reference.distance import cumulative_m, haversine_m
    from geo.reference.fences import FenceGrid
    from geo.reference.progress import ProgressFold
    from geo.reference.stops import find_stays
else:
    raise ImportError(f"ZAITU_KERNELS is {CHOICE!r}; it must be `native` or `reference`")

__all__ = [
    "CHOICE",
    "ArrivalTable",
    "CrossingFold",
    "FenceGrid",
    "ProgressFold",
    "cumulative_m",
    "find_stays",
    "gcj02_to_wgs84",
    "haversine_m",
    "wgs84_to_gcj02",
]
