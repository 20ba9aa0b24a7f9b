"""Fences as they were stored: validated and repaired by geo/geojson.py then, and only laid out again now."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.corridors import METRES_PER_DEGREE
from geo.geojson import MAX_LATITUDE, FenceGeometry, parse_fence


def stored_fence(geojson: Mapping[str, Any]) -> FenceGeometry:
    """The geometry that `to_geojson` wrote.

    Polygons whose rings are closed, on the map and turned as `parse_fence` turns them are taken as they are:
    that no ring crosses itself or another is believed of what was stored. All else goes through
    `parse_fence`, which repairs it or raises FenceError.
    """
    coordinates = geojson.get("coordinates")
    polygons = [coordinates] if geojson.get("type") == "Polygon" else coordinates
    if geojson.get("type") in {"Polygon", "MultiPolygon"} and isinstance(polygons, list):
        laid_out = _laid_out(polygons)
        if laid_out is not None:
            return laid_out
    return parse_fence(geojson)


def _laid_out(polygons: list[Any]) -> FenceGeometry | None:
    """The columns of polygons; None for what `parse_fence` would have to look at."""
    try:
        groups = [[np.array(ring, dtype=np.float64) for ring in polygon] for polygon in polygons]
    except (TypeError, ValueError):
        return None
    rings = [ring for group in groups for ring in group]
    if not rings or not all(group and _is_closed_line(ring) for group in groups for ring in group):
        return None
    widths = [_half_width_m(group) for group in groups]
    if not all(width > 0.0 for width in widths):
        return None
    return FenceGeometry(
        np.concatenate(rings),
        np.cumsum([0, *(len(ring) for ring in rings)], dtype=np.int64),
        np.cumsum([0, *(len(group) for group in groups)], dtype=np.int64),
        0.0,
        min(widths),
    )


def _is_closed_line(ring: NDArray[np.float64]) -> bool:
    """Whether these are four or more positions on the map, none of them NaN, and the last is the first."""
    if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 4 or not (ring[0] == ring[-1]).all():
        return False
    west, south = ring.min(axis=0).tolist()
    east, north = ring.max(axis=0).tolist()
    on_map = -180.0 <= west <= east <= 180.0 and -MAX_LATITUDE <= south <= north <= MAX_LATITUDE
    return bool(on_map and east - west <= 180.0)


def _half_width_m(rings: list[NDArray[np.float64]]) -> float:
    """Area over perimeter as in geo/geojson.py; 0 unless the shell turns left and the holes right."""
    middle = float(rings[0][:, 1].min() + rings[0][:, 1].max()) / 2.0
    scale = np.array([METRES_PER_DEGREE * math.cos(math.radians(middle)), METRES_PER_DEGREE])
    area = length = 0.0
    for place, ring in enumerate(rings):
        flat = (ring - ring[0]) * scale
        steps = flat[1:] - flat[:-1]
        turned = float(flat[:-1, 0] @ steps[:, 1] - flat[:-1, 1] @ steps[:, 0]) / 2.0
        if (turned > 0.0) != (place == 0):
            return 0.0
        area += turned
        length += float(np.hypot(steps[:, 0], steps[:, 1]).sum())
    return area / length
