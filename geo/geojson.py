"""Fence shapes in and out of GeoJSON, validated and repaired by Shapely, which says what it repaired."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from geo.corridors import METRES_PER_DEGREE, Points, around_lines

MAX_LATITUDE = 85.0
MAX_CORRIDOR_HALF_WIDTH_M = 10_000.0
_LARGEST = 1e12


class FenceError(ValueError):
    """A fence that cannot be used: why, and where (lon, lat) when there is a place to point at."""

    def __init__(self, reason: str, position: tuple[float, float] | None = None) -> None:
        where = "" if position is None else f", at longitude {position[0]:.6f}, latitude {position[1]:.6f}"
        super().__init__(reason + where)
        self.reason = reason
        self.position = position


@dataclass(frozen=True, slots=True, eq=False)
class Corridor:
    """Lines, each float64[n, 2] of (lon, lat), and how far the fence reaches to either side of them."""

    lines: tuple[Points, ...]
    half_width_m: float


@dataclass(frozen=True, slots=True, eq=False)
class FenceGeometry:
    """A fence's shape in WGS-84 degrees: polygons with holes, or a circle.

    `coordinates` is float64[n, 2] of (lon, lat), closed rings one after another; ring r is rows
    `ring_starts[r]:ring_starts[r + 1]`, polygon p is rings `polygon_starts[p]:polygon_starts[p + 1]`, its
    shell first. A circle is its centre and a `radius_m` above zero. `half_width_m` is area over perimeter
    (half the radius of a circle) of the narrowest polygon: no point inside it can be much further from the
    edge than twice that. `repairs` says in sentences what was changed. The polygons of a `corridor` are the
    area within its half width of its lines (geo/corridors.py).
    """

    coordinates: NDArray[np.float64]
    ring_starts: NDArray[np.int64]
    polygon_starts: NDArray[np.int64]
    radius_m: float
    half_width_m: float
    repairs: tuple[str, ...] = ()
    corridor: Corridor | None = None

    @property
    def is_circle(self) -> bool:
        """Whether this is a circle rather than polygons."""
        return self.radius_m > 0.0


def parse_fence(geojson: Mapping[str, Any]) -> FenceGeometry:
    """Read a fence from a GeoJSON Polygon or MultiPolygon, a Point with `radius_m`, or a corridor, that is a
    LineString or MultiLineString with `half_width_m`; bare or in a Feature.

    Both are metres, and properties of the Feature or members of the geometry. Raises FenceError with the
    reason, and the position where there is one, for what cannot be repaired.
    """
    geometry, properties = _unwrapped(geojson)
    kind = geometry.get("type")
    coordinates = geometry.get("coordinates")
    if kind in {"Point", "Circle"}:
        return _circle(coordinates, geometry.get("radius_m", properties.get("radius_m")))
    if kind in {"LineString", "MultiLineString"}:
        lines = (
            [coordinates] if kind == "LineString" else _listed(coordinates, f"the coordinates of a {kind}")
        )
        return _corridor(lines, geometry.get("half_width_m", properties.get("half_width_m")))
    if kind == "Polygon":
        return _polygons([coordinates])
    if kind == "MultiPolygon":
        return _polygons(_listed(coordinates, "the coordinates of a MultiPolygon"))
    raise FenceError(
        "a fence is a Polygon, a MultiPolygon, a Point with radius_m, or a LineString or MultiLineString "
        f"with half_width_m, not {kind!r}"
    )


def to_geojson(geometry: FenceGeometry) -> dict[str, Any]:
    """A fence as a GeoJSON geometry; a circle is a Point with the member `radius_m`, a corridor a LineString
    or MultiLineString with the member `half_width_m`.
    """
    if geometry.corridor is not None:
        lines = [line.tolist() for line in geometry.corridor.lines]
        return {
            "type": "LineString" if len(lines) == 1 else "MultiLineString",
            "coordinates": lines[0] if len(lines) == 1 else lines,
            "half_width_m": geometry.corridor.half_width_m,
        }
    if geometry.is_circle:
        return {
            "type": "Point",
            "coordinates": geometry.coordinates[0].tolist(),
            "radius_m": geometry.radius_m,
        }
    rings = [part.tolist() for part in np.split(geometry.coordinates, geometry.ring_starts[1:-1])]
    polygons = [rings[first:end] for first, end in pairwise(geometry.polygon_starts.tolist())]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _unwrapped(geojson: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    if not isinstance(geojson, Mapping):
        raise FenceError("a fence is a GeoJSON object")
    if geojson.get("type") != "Feature":
        return geojson, {}
    geometry = geojson.get("geometry")
    if not isinstance(geometry, Mapping):
        raise FenceError("the Feature has no geometry")
    return geometry, geojson.get("properties") or {}


def _listed(value: object, what: str) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)) or not value:
        raise FenceError(f"{what} must be a list that is not empty")
    return value


def _number(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise FenceError(f"{what} must be a number, not {value!r}")
    # Compared first: an integer may be too large for a float.
    if not -_LARGEST <= value <= _LARGEST:
        raise FenceError(f"{what} must be a finite number of a sensible size")
    return float(value)


def _position(value: object) -> tuple[float, float]:
    if not isinstance(value, (list, tuple)) or len(value) < 2:
        raise FenceError(f"a position must be [longitude, latitude], not {value!r}")
    lon, lat = _number(value[0], "a longitude"), _number(value[1], "a latitude")
    if not -180.0 <= lon <= 180.0:
        raise FenceError("the longitude is not within -180 and 180", (lon, lat))
    if not -90.0 <= lat <= 90.0:
        raise FenceError("the latitude is not within -90 and 90 (is it [longitude, latitude]?)", (lon, lat))
    if abs(lat) > MAX_LATITUDE:
        raise FenceError("fences beyond 85 degrees of latitude are not supported", (lon, lat))
    return lon, lat


def _circle(coordinates: object, radius: object) -> FenceGeometry:
    lon, lat = _position(coordinates)
    if radius is None:
        raise FenceError("a Point needs radius_m, its radius in metres, to be a fence")
    radius_m = _number(radius, "radius_m")
    if radius_m <= 0.0:
        raise FenceError("radius_m must be above zero", (lon, lat))
    reach = math.degrees(radius_m / 6_371_008.8)
    if abs(lat) + reach > MAX_LATITUDE:
        raise FenceError("the circle reaches beyond 85 degrees of latitude", (lon, lat))
    widest = math.degrees(math.asin(min(1.0, math.sin(math.radians(reach)) / math.cos(math.radians(lat)))))
    if abs(lon) + widest > 180.0:
        raise FenceError("the circle crosses the antimeridian, which is not supported", (lon, lat))
    return FenceGeometry(np.array([[lon, lat]]), np.array([0, 1]), np.array([0, 1]), radius_m, radius_m / 2.0)


def _corridor(lines: Sequence[Any], half_width: object) -> FenceGeometry:
    repairs: list[str] = []
    read = tuple(_line(line, repairs) for line in lines)
    if half_width is None:
        raise FenceError("a LineString needs half_width_m, its reach to either side in metres, to be a fence")
    half_width_m = _number(half_width, "half_width_m")
    if not 0.0 < half_width_m <= MAX_CORRIDOR_HALF_WIDTH_M:
        raise FenceError(f"half_width_m must be above zero and at most {MAX_CORRIDOR_HALF_WIDTH_M:,.0f}")
    area = within_bounds(around_lines(read, half_width_m), "the corridor")
    return replace(laid_out(area), repairs=tuple(repairs), corridor=Corridor(read, half_width_m))


def within_bounds(area: Polygon | MultiPolygon, what: str) -> Polygon | MultiPolygon:
    """The area itself; FenceError when it crosses the antimeridian or reaches beyond 85 degrees north or
    south.
    """
    west, south, east, north = area.bounds
    if max(-south, north) > MAX_LATITUDE:
        raise FenceError(f"{what} reaches beyond 85 degrees of latitude")
    if max(-west, east) > 180.0:
        raise FenceError(f"{what} crosses the antimeridian, which is not supported: split it there")
    return area


def _line(line: object, repairs: list[str]) -> Points:
    """A line without repeated neighbours."""
    points = [_position(point) for point in _listed(line, "a line")]
    kept = _without_repeats(points, repairs)
    if len(kept) < 2:
        raise FenceError("a corridor's line needs two different points", points[0])
    return np.array(kept)


def _polygons(polygons: Sequence[Any]) -> FenceGeometry:
    repairs: list[str] = []
    parts = [_polygon(polygon, repairs) for polygon in polygons]
    shape = _valid(parts[0] if len(parts) == 1 else MultiPolygon(parts), repairs)
    turned = shapely.orient_polygons(shape)
    if not turned.equals_exact(shape):
        repairs.append("turned rings the way GeoJSON wants them: shells counter-clockwise, holes clockwise")
    return replace(laid_out(turned), repairs=tuple(repairs))


def _polygon(rings: object, repairs: list[str]) -> Polygon:
    shell, *holes = _listed(rings, "the coordinates of a polygon")
    outer = _ring(shell, repairs)
    if len(set(outer)) < 3:
        raise FenceError("a polygon needs three different corners", outer[0])
    inner = []
    for hole in holes:
        ring = _ring(hole, repairs)
        if len(set(ring)) < 3:
            repairs.append(f"left out a hole without area at {ring[0][0]:.6f}, {ring[0][1]:.6f}")
        else:
            inner.append(ring)
    return Polygon(outer, inner)


def _ring(ring: object, repairs: list[str]) -> list[tuple[float, float]]:
    """A closed ring without repeated neighbours."""
    points = [_position(point) for point in _listed(ring, "a ring")]
    if points[0] != points[-1]:
        repairs.append(f"closed a ring at {points[0][0]:.6f}, {points[0][1]:.6f}")
        points.append(points[0])
    return _without_repeats(points, repairs)


def _without_repeats(points: list[tuple[float, float]], repairs: list[str]) -> list[tuple[float, float]]:
    kept = [points[0]]
    for point in points[1:]:
        if abs(point[0] - kept[-1][0]) > 180.0:
            raise FenceError(
                "the fence crosses the antimeridian, which is not supported: split it there", point
            )
        if point != kept[-1]:
            kept.append(point)
    if len(kept) < len(points):
        count = len(points) - len(kept)
        repairs.append(f"removed {count} repeated point{'s' if count > 1 else ''}")
    return kept


def _valid(shape: Polygon | MultiPolygon, repairs: list[str]) -> Polygon | MultiPolygon:
    """The shape if it is valid, else the areas `make_valid` makes of it."""
    if shape.is_valid:
        return shape
    reason = shapely.is_valid_reason(shape)
    areas = [
        part for part in _leaves(shapely.make_valid(shape)) if isinstance(part, Polygon) and part.area > 0.0
    ]
    if not areas:
        where = shape.representative_point() if shape.area > 0.0 else shapely.get_point(_first_ring(shape), 0)
        raise FenceError(f"the fence encloses no area ({reason})", (where.x, where.y))
    repairs.append(f"repaired what was not valid: {reason}")
    return areas[0] if len(areas) == 1 else MultiPolygon(areas)


def _leaves(shape: BaseGeometry) -> list[BaseGeometry]:
    parts = list(getattr(shape, "geoms", [shape]))
    if parts == [shape]:
        return parts
    return [leaf for part in parts for leaf in _leaves(part)]


def _first_ring(shape: Polygon | MultiPolygon) -> BaseGeometry:
    return shapely.get_exterior_ring(shapely.get_geometry(shape, 0))


def laid_out(shape: Polygon | MultiPolygon) -> FenceGeometry:
    """Valid polygons as a fence's columns."""
    polygons = list(shapely.get_parts(shape))
    rings = [[polygon.exterior, *polygon.interiors] for polygon in polygons]
    columns = [shapely.get_coordinates(ring) for group in rings for ring in group]
    return FenceGeometry(
        np.concatenate(columns),
        np.cumsum([0, *(len(column) for column in columns)], dtype=np.int64),
        np.cumsum([0, *(len(group) for group in rings)], dtype=np.int64),
        0.0,
        min(_half_width_m(polygon) for polygon in polygons),
    )


def _half_width_m(polygon: Polygon) -> float:
    """Area over perimeter, in metres on the plane that touches the sphere at the polygon's middle."""
    _, south, _, north = polygon.bounds
    scale = (METRES_PER_DEGREE * math.cos(math.radians((south + north) / 2.0)), METRES_PER_DEGREE)
    flat = shapely.transform(polygon, lambda points: points * scale)
    return float(flat.area / flat.length)
