"""Where the stops of a trip lie along its route."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from geo.distance import cumulative_m

FloatArray = NDArray[np.float64]

_METRES_PER_DEGREE = 111_195.08
# Of two places on the route this much alike (m²) for the last stop, the later one is meant: round trips.
_ALIKE_M2 = 25.0**2


def stop_distances_m(
    route_lats: Sequence[float],
    route_lons: Sequence[float],
    stop_lats: Sequence[float],
    stop_lons: Sequence[float],
) -> list[float]:
    """Metres along the route of each stop, never decreasing, for stops given in the order they are visited.

    Each stop is put on one segment of the route such that the order is kept and the sum of the squared
    distances to the route is least (dynamic programming over stops and segments), so that a route which
    passes the same place twice is read the way it is driven. Degrees in, at least two route points.
    """
    along_m = cumulative_m(np.asarray(route_lats, float), np.asarray(route_lons, float))
    costs: list[FloatArray] = []
    places: list[FloatArray] = []
    for lat, lon in zip(stop_lats, stop_lons, strict=True):
        squared_m, fractions = _offsets(route_lats, route_lons, lat, lon)
        costs.append(squared_m)
        places.append(along_m[:-1] + fractions * np.diff(along_m))
    segments = _in_order(costs, places)
    chosen = [float(place[segment]) for place, segment in zip(places, segments, strict=True)]
    return list(accumulate(chosen, max))


def _offsets(
    route_lats: Sequence[float], route_lons: Sequence[float], lat: float, lon: float
) -> tuple[FloatArray, FloatArray]:
    """For each segment: squared metres from the point to it, and where on it (0 to 1) the nearest place is.

    Measured on the plane that touches the sphere at the point.
    """
    east = (np.asarray(route_lons, float) - lon) * _METRES_PER_DEGREE * np.cos(np.radians(lat))
    north = (np.asarray(route_lats, float) - lat) * _METRES_PER_DEGREE
    d_east, d_north = np.diff(east), np.diff(north)
    squared_lengths = d_east**2 + d_north**2
    towards = -(east[:-1] * d_east + north[:-1] * d_north)
    fractions = np.clip(towards / np.where(squared_lengths > 0.0, squared_lengths, 1.0), 0.0, 1.0)
    squared_m = (east[:-1] + fractions * d_east) ** 2 + (north[:-1] + fractions * d_north) ** 2
    return squared_m, fractions


def _in_order(costs: Sequence[FloatArray], places: Sequence[FloatArray]) -> list[int]:
    """The segment of each stop, never decreasing, with the least total cost.

    costs, places: for each stop, its squared metres from each segment, and the place nearest to it there, in
    metres along the route. Two stops on one segment in the wrong order cost the square of how wrong.
    """
    totals = [costs[0]]
    for stop in range(1, len(costs)):
        totals.append(costs[stop] + np.minimum(_before(totals[-1]), _beside(totals[-1], places, stop)))
    last = totals[-1]
    chosen = [int(np.flatnonzero(last <= last.min() + _ALIKE_M2)[-1])]
    for stop in range(len(costs) - 1, 0, -1):
        segment, total = chosen[-1], totals[stop - 1]
        if segment == 0 or _beside(total, places, stop)[segment] <= _before(total)[segment]:
            chosen.append(segment)
        else:
            chosen.append(int(total[:segment].argmin()))
    return chosen[::-1]


def _before(total: FloatArray) -> FloatArray:
    """The least cost with the stop before on an earlier segment."""
    return np.concatenate([[np.inf], np.minimum.accumulate(total)[:-1]])


def _beside(total: FloatArray, places: Sequence[FloatArray], stop: int) -> FloatArray:
    """The least cost with the stop before on the same segment."""
    backwards_m: FloatArray = np.maximum(places[stop - 1] - places[stop], 0.0)
    return total + backwards_m**2
