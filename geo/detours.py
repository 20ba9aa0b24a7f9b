"""Where a vehicle beside its route stands on it: the place from which the way ahead would be as long.

A vehicle on a detour follows other roads to some point of the route ahead. Counted from where it left, it
would seem to stand and then to leap; counted from the nearest point, to leap between legs side by side.
"""

from __future__ import annotations

import numpy as np

from geo.distance import haversine_m
from geo.road_cells import RoadPath
from geo.routers.straight import DETOUR_FACTOR


def rejoining_m(path: RoadPath, lat: float, lon: float, left_m: float, until_m: float) -> float:
    """Metres along the route that leave as much to go as the shortest way back onto it, and on from there.

    `lat`, `lon` (degrees) of the vehicle; it left the route at `left_m` and comes back at `until_m` at the
    latest, the next stop. Less than `left_m` where it drives away from everything ahead; never below zero.
    """
    ahead = (path.edges_m >= left_m) & (path.edges_m <= until_m)
    edges_m = np.append(path.edges_m[ahead], [left_m, until_m])
    lats = np.append(path.lats[ahead], np.interp([left_m, until_m], path.edges_m, path.lats))
    lons = np.append(path.lons[ahead], np.interp([left_m, until_m], path.edges_m, path.lons))
    back_m = DETOUR_FACTOR * haversine_m(np.full(len(lats), lat), np.full(len(lats), lon), lats, lons)
    return max(float((edges_m - back_m).max()), 0.0)
