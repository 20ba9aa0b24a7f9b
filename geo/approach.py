"""The zone within so many metres of a fence: crossing into it from beyond is the approach to the fence."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry import Polygon

from geo.corridors import around_lines
from geo.geojson import FenceError, FenceGeometry, laid_out, parse_fence, to_geojson, within_bounds

MAX_APPROACH_M = 50_000.0


def approach_zone(fence: FenceGeometry, within_m: float) -> FenceGeometry:
    """Everything inside a fence or within `within_m` metres of its edge.

    Raises FenceError for a distance that is not above zero and at most 50 km, and for a zone that crosses the
    antimeridian or reaches beyond 85 degrees of latitude.
    """
    if not 0.0 < within_m <= MAX_APPROACH_M:
        raise FenceError(
            f"the distance of an approach must be above zero and at most {MAX_APPROACH_M:,.0f} m"
        )
    if fence.is_circle:
        return parse_fence({**to_geojson(fence), "radius_m": fence.radius_m + within_m})
    if fence.corridor is not None:
        area = around_lines(fence.corridor.lines, fence.corridor.half_width_m + within_m)
    else:
        rings = np.split(fence.coordinates, fence.ring_starts[1:-1])
        inside = [
            Polygon(rings[first], rings[first + 1 : end]) for first, end in pairwise(fence.polygon_starts)
        ]
        area = shapely.union_all([*inside, around_lines(rings, within_m)])
    return laid_out(within_bounds(area, "the zone of approach"))
