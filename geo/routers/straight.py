"""Straight lines, made longer: what is left without a map."""

from __future__ import annotations

from collections.abc import Sequence

from geo.distance import cumulative_m
from geo.eta import ROAD_PACE_S_PER_M
from geo.routers import NoWay, Point, Way

DETOUR_FACTOR = 1.3
"""Roads between towns are about a third longer than the crow flies (Boscoe, Henry, Zdeb 2012: 1.3 to 1.4)."""


class StraightLines:
    """A router that knows no roads."""

    def way(self, points: Sequence[Point]) -> Way:
        """Straight from point to point, its length with the detour factor, at the pace of roads."""
        if len(points) < 2:
            raise NoWay("a way needs two points at least")
        lats, lons = zip(*points, strict=True)
        length_m = DETOUR_FACTOR * float(cumulative_m(lats, lons)[-1])
        return Way(lats, lons, length_m, length_m * ROAD_PACE_S_PER_M)
