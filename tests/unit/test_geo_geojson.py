import math
from typing import Any

import pytest
import shapely

from geo.geojson import FenceError, parse_fence, to_geojson

SQUARE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def test_a_good_fence_needs_no_repair() -> None:
    assert parse_fence(polygon(SQUARE)).repairs == ()


def test_repeated_points_are_removed_and_reported() -> None:
    fence = parse_fence(polygon([SQUARE[0], SQUARE[0], *SQUARE[1:], SQUARE[-1]]))
    assert fence.repairs == ("removed 2 repeated points",)
    assert to_geojson(fence) == polygon(SQUARE)


def test_an_open_ring_is_closed_and_reported() -> None:
    assert parse_fence(polygon(SQUARE[:-1])).repairs == ("closed a ring at 0.000000, 0.000000",)


def test_a_clockwise_shell_is_turned_and_reported() -> None:
    fence = parse_fence(polygon(SQUARE[::-1]))
    assert any("counter-clockwise" in repair for repair in fence.repairs)
    assert shapely.from_geojson(str(to_geojson(fence)).replace("'", '"')).exterior.is_ccw


def test_a_bow_tie_becomes_two_triangles_and_says_where_it_crossed() -> None:
    fence = parse_fence(polygon([[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]))
    assert to_geojson(fence)["type"] == "MultiPolygon"
    assert any("Self-intersection[0.5 0.5]" in repair for repair in fence.repairs)


def test_overlapping_parts_become_one_area() -> None:
    shifted = [[lon + 0.5, lat] for lon, lat in SQUARE]
    fence = parse_fence({"type": "MultiPolygon", "coordinates": [[SQUARE], [shifted]]})
    assert shapely.Polygon(fence.coordinates).area == pytest.approx(1.5)


def test_a_hole_without_area_is_left_out_and_reported() -> None:
    fence = parse_fence(polygon(SQUARE, [[0.5, 0.5], [0.6, 0.5], [0.5, 0.5]]))
    assert fence.repairs == ("left out a hole without area at 0.500000, 0.500000",)
    assert to_geojson(fence) == polygon(SQUARE)


def test_altitudes_are_ignored() -> None:
    assert to_geojson(parse_fence(polygon([[*point, 12.0] for point in SQUARE]))) == polygon(SQUARE)


def test_the_half_width_is_of_the_narrowest_part() -> None:
    strip = [[2.0, 0.0], [3.0, 0.0], [3.0, 0.01], [2.0, 0.01], [2.0, 0.0]]
    fence = parse_fence({"type": "MultiPolygon", "coordinates": [[SQUARE], [strip]]})
    assert fence.half_width_m == pytest.approx(0.01 * 111_195.0 / 2.0, rel=0.02)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ([], "GeoJSON object"),
        ({"type": "Feature"}, "no geometry"),
        ({"type": "LineString", "coordinates": SQUARE}, "needs half_width_m"),
        ({"type": "GeometryCollection"}, "not 'GeometryCollection'"),
        ({"type": "Polygon"}, "must be a list"),
        (polygon([]), "must be a list"),
        (polygon([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]), "three different corners"),
        (polygon([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [0.0, 0.0]]), "encloses no area"),
        (polygon([["0", 0.0], *SQUARE]), "must be a number"),
        (polygon([[True, 0.0], *SQUARE]), "must be a number"),
        (polygon([[math.nan, 0.0], *SQUARE]), "finite number"),
        (polygon([[10**400, 0.0], *SQUARE]), "finite number"),
        (polygon([[0.0], *SQUARE]), r"\[longitude, latitude\]"),
        (polygon([[31.0, 121.0], *SQUARE]), "latitude is not within"),
        (polygon([[181.0, 0.0], *SQUARE]), "longitude is not within"),
        (polygon([[0.0, 85.5], *SQUARE]), "beyond 85 degrees"),
        (polygon([[179.0, 0.0], [-179.0, 0.0], [-179.0, 1.0], [179.0, 0.0]]), "antimeridian"),
        ({"type": "Point", "coordinates": [0.0, 0.0]}, "needs radius_m"),
        ({"type": "Point", "coordinates": [0.0, 0.0], "radius_m": 0}, "above zero"),
        ({"type": "Point", "coordinates": [0.0, 84.9], "radius_m": 50_000}, "beyond 85 degrees"),
        ({"type": "Point", "coordinates": [179.9, 0.0], "radius_m": 50_000}, "antimeridian"),
    ],
)
def test_what_cannot_be_repaired_is_refused_with_the_reason(shape: Any, reason: str) -> None:
    with pytest.raises(FenceError, match=reason):
        parse_fence(shape)


def test_a_refusal_points_at_the_place() -> None:
    with pytest.raises(FenceError) as refused:
        parse_fence(polygon([[0.0, 0.0], [190.0, 1.0], [0.0, 1.0], [0.0, 0.0]]))
    assert refused.value.position == (190.0, 1.0)
    assert "longitude 190.000000, latitude 1.000000" in str(refused.value)
