"""The area within so many metres of lines, as polygons in degrees: corridors, and surroundings of fences.

The lines are cut into pieces that fit a box of 0.1 degrees; each is widened on the plane that touches the
sphere at its middle, ends and corners rounded with 64 corners a circle, and the pieces are joined. Up to 60
degrees of latitude and a width of 10 km the edge lies where it should within 0.3 % of the width, which
tests/unit/test_geo_corridors.py measures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiPolygon, Polygon

METRES_PER_DEGREE = math.radians(1.0) * 6_371_008.8
PIECE_DEG = 0.1
CORNERS_PER_QUARTER = 16

Points = NDArray[np.float64]


def around_lines(lines: Sequence[Points], width_m: float) -> Polygon | MultiPolygon:
    """The area within `width_m` metres of lines, each float64[n >= 2, 2] of (lon, lat)."""
    widened = [_widened(piece, width_m) for line in lines for piece in _pieces(line)]
    area = shapely.union_all(widened)
    assert isinstance(area, (Polygon, MultiPolygon))  # a union of areas with extent is one
    return area


def _pieces(line: Points) -> Iterator[Points]:
    """Runs of a line that fit a small box; long segments are cut."""
    piece = [line[0]]
    for point in _cut(line):
        if np.abs(point - piece[0]).max() > PIECE_DEG and len(piece) > 1:
            yield np.array(piece)
            piece = [piece[-1]]
        piece.append(point)
    yield np.array(piece)


def _cut(line: Points) -> Iterator[Points]:
    """The points of a line after the first, and enough in between that no step is longer than a piece."""
    for start, end in pairwise(line):
        steps = max(1, math.ceil(float(np.abs(end - start).max()) / PIECE_DEG))
        for step in range(1, steps + 1):
            yield start + (end - start) * (step / steps)


def _widened(piece: Points, width_m: float) -> Polygon:
    middle = float(piece[:, 1].min() + piece[:, 1].max()) / 2.0
    scale = np.array([METRES_PER_DEGREE * math.cos(math.radians(middle)), METRES_PER_DEGREE])
    flat = LineString((piece - piece[0]) * scale).buffer(width_m, quad_segs=CORNERS_PER_QUARTER)
    return shapely.transform(flat, lambda points: points / scale + piece[0])
