"""The native kernels and their plain-Python reference, put in turn under the classes of geo/."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import geo.reference.arrivals
import geo.reference.crossings
import geo.reference.datum
import geo.reference.distance
import geo.reference.fences
import geo.reference.progress
import geo.reference.stops
import native.arrivals
import native.crossings
import native.datum
import native.distance
import native.fences
import native.progress
import native.stops

TWINS = ("native", "reference")

_NAMES = {
    "native": {
        "geo.fences.FenceGrid": native.fences.FenceGrid,
        "geo.arrivals.ArrivalTable": native.arrivals.ArrivalTable,
        "geo.crossings.CrossingFold": native.crossings.CrossingFold,
        "geo.progress.ProgressFold": native.progress.ProgressFold,
        "geo.kernels.find_stays": native.stops.find_stays,
        "geo.kernels.haversine_m": native.distance.haversine_m,
        "geo.kernels.cumulative_m": native.distance.cumulative_m,
        "geo.kernels.wgs84_to_gcj02": native.datum.wgs84_to_gcj02,
        "geo.kernels.gcj02_to_wgs84": native.datum.gcj02_to_wgs84,
    },
    "reference": {
        "geo.fences.FenceGrid": geo.reference.fences.FenceGrid,
        "geo.arrivals.ArrivalTable": geo.reference.arrivals.ArrivalTable,
        "geo.crossings.CrossingFold": geo.reference.crossings.CrossingFold,
        "geo.progress.ProgressFold": geo.reference.progress.ProgressFold,
        "geo.kernels.find_stays": geo.reference.stops.find_stays,
        "geo.kernels.haversine_m": geo.reference.distance.haversine_m,
        "geo.kernels.cumulative_m": geo.reference.distance.cumulative_m,
        "geo.kernels.wgs84_to_gcj02": geo.reference.datum.wgs84_to_gcj02,
        "geo.kernels.gcj02_to_wgs84": geo.reference.datum.gcj02_to_wgs84,
    },
}


@contextmanager
def using(twin: str) -> Iterator[None]:
    """Let the classes of geo/ build on one of the twins."""
    patches = [patch(name, kernel) for name, kernel in _NAMES[twin].items()]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()
