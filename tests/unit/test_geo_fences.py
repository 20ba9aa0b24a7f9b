import math
from typing import Any

import numpy as np
import pytest

from geo.fences import FenceError, FenceGeometry, FenceIndex, FenceVersion, parse_fence, to_geojson

pytestmark = pytest.mark.usefixtures("kernels")

SQUARE = [[121.0, 31.0], [121.5, 31.0], [121.5, 31.5], [121.0, 31.5], [121.0, 31.0]]
HOLE = [[121.125, 31.125], [121.125, 31.25], [121.25, 31.25], [121.25, 31.125], [121.125, 31.125]]
METRES_PER_DEGREE = 111_195.08

Shape = dict[str, Any]


def polygon(*rings: Any) -> Shape:
    return {"type": "Polygon", "coordinates": list(rings)}


def circle(lon: float = 121.0, lat: float = 31.0, radius_m: float = 500.0) -> Shape:
    return {"type": "Point", "coordinates": [lon, lat], "radius_m": radius_m}


def version(
    fence_id: int, shape: Shape, start: float = 0.0, end: float = math.inf, number: int = 1
) -> FenceVersion:
    return FenceVersion(fence_id, number, start, end, parse_fence(shape))


def test_a_point_is_inside_a_polygon_but_not_in_its_hole() -> None:
    index = FenceIndex([version(7, polygon(SQUARE, HOLE))])
    assert index.containing(31.3, 121.3, 0.0) == [7]
    assert index.containing(31.2, 121.2, 0.0) == []
    assert index.containing(31.6, 121.3, 0.0) == []


@pytest.mark.parametrize(
    ("lat", "lon"),
    [
        (31.0, 121.0),
        (31.0, 121.25),
        (31.25, 121.0),
        (31.5, 121.5),
        (31.25, 121.5),
        (31.125, 121.2),
        (31.2, 121.25),
    ],
)
def test_a_point_on_an_edge_of_shell_or_hole_is_inside(lat: float, lon: float) -> None:
    index = FenceIndex([version(7, polygon(SQUARE, HOLE))])
    assert index.containing(lat, lon, 0.0) == [7]
    assert -1e-6 < index.signed_distance_m(0, lat, lon) <= 0.0


def test_every_part_of_a_multipolygon_counts() -> None:
    far = [[lon + 2.0, lat] for lon, lat in SQUARE]
    index = FenceIndex([version(7, {"type": "MultiPolygon", "coordinates": [[SQUARE], [far]]})])
    assert index.containing(31.3, 121.3, 0.0) == [7]
    assert index.containing(31.3, 123.3, 0.0) == [7]
    assert index.containing(31.3, 122.3, 0.0) == []


def test_a_circle_is_measured_on_the_sphere() -> None:
    index = FenceIndex([version(3, circle())])
    within, beyond = 499.0 / METRES_PER_DEGREE, 501.0 / METRES_PER_DEGREE
    assert index.containing(31.0 + within, 121.0, 0.0) == [3]
    assert index.containing(31.0 + beyond, 121.0, 0.0) == []
    shrink = math.cos(math.radians(31.0))
    assert index.containing(31.0, 121.0 - within / shrink, 0.0) == [3]
    assert index.containing(31.0, 121.0 - beyond / shrink, 0.0) == []


def test_the_distance_to_the_edge_is_in_metres_and_negative_inside() -> None:
    index = FenceIndex([version(1, polygon(SQUARE, HOLE)), version(2, circle())])
    assert index.signed_distance_m(0, 31.01, 121.25) == pytest.approx(-0.01 * METRES_PER_DEGREE, rel=1e-6)
    assert index.signed_distance_m(0, 30.99, 121.25) == pytest.approx(0.01 * METRES_PER_DEGREE, rel=1e-6)
    assert index.signed_distance_m(0, 31.2, 121.2) == pytest.approx(
        0.05 * METRES_PER_DEGREE * math.cos(math.radians(31.2)), rel=1e-6
    )
    assert index.signed_distance_m(1, 31.0, 121.0) == -500.0


def test_a_fence_holds_from_its_start_until_before_its_end() -> None:
    index = FenceIndex([version(7, polygon(SQUARE), 100.0, 200.0)])
    answers = [index.containing(31.3, 121.3, at) for at in (99.0, 100.0, 199.0, 200.0)]
    assert answers == [[], [7], [7], []]


def test_the_later_of_two_overlapping_versions_counts() -> None:
    moved = [[lon + 1.0, lat] for lon, lat in SQUARE]
    index = FenceIndex([version(7, polygon(moved), 100.0, number=2), version(7, polygon(SQUARE))])
    assert [v.version for v in index.versions] == [1, 2]
    assert index.containing(31.3, 121.3, 99.0) == [7]
    assert index.containing(31.3, 121.3, 100.0) == []
    assert index.containing(31.3, 122.3, 100.0) == [7]


def test_fences_are_added_removed_and_replaced_while_the_old_index_still_answers() -> None:
    before = FenceIndex([version(1, polygon(SQUARE)), version(2, circle(121.25, 31.25))])
    moved = [[lon + 1.0, lat] for lon, lat in SQUARE]
    after = before.changed(add=[version(1, polygon(moved)), version(3, circle(121.25, 31.25))], remove=[1, 2])
    assert after.containing(31.25, 121.25, 0.0) == [3]
    assert after.containing(31.25, 122.25, 0.0) == [1]
    assert before.containing(31.25, 121.25, 0.0) == [1, 2]


def test_a_ring_that_is_not_closed_is_refused() -> None:
    ring = np.array(SQUARE[:-1])
    open_ring = FenceGeometry(ring, np.array([0, len(ring)]), np.array([0, 1]), 0.0, 100.0)
    with pytest.raises(ValueError, match="ring 0 is not closed"):
        FenceIndex([FenceVersion(1, 1, 0.0, math.inf, open_ring)])


def test_a_batch_gives_pairs_of_point_and_version() -> None:
    index = FenceIndex([version(9, circle()), version(7, polygon(SQUARE))])
    points, versions = index.query([31.0, 40.0, 31.3], [121.0, 121.0, 121.3], [0.0, 0.0, 0.0])
    assert points.dtype == versions.dtype == np.int64
    assert list(zip(points, versions, strict=True)) == [(0, 0), (0, 1), (2, 0)]
    assert [index.versions[v].fence_id for v in versions] == [7, 9, 7]


def test_no_fences_and_no_points_are_fine() -> None:
    empty = FenceIndex([])
    assert empty.containing(31.0, 121.0, 0.0) == []
    assert [len(column) for column in empty.query([31.0], [121.0], [0.0])] == [0, 0]
    assert [len(column) for column in FenceIndex([version(1, circle())]).query([], [], [])] == [0, 0]


@pytest.mark.parametrize(
    ("lat", "lon", "at_s"),
    [(math.nan, 121.0, 0.0), (31.0, math.nan, 0.0), (31.0, 121.0, math.nan), (91.0, 121.0, 0.0)],
)
def test_points_that_are_none_are_refused(lat: float, lon: float, at_s: float) -> None:
    index = FenceIndex([version(1, circle())])
    with pytest.raises(ValueError, match=r"not on Earth|not a (finite )?number"):
        index.containing(lat, lon, at_s)
    with pytest.raises(ValueError, match=r"not on Earth|not a finite number"):
        index.query([lat], [lon], [at_s])


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        FenceIndex([version(1, circle())]).query([31.0, 31.0], [121.0, 121.0], [0.0])


def test_a_distance_to_a_version_there_is_none_of_is_refused() -> None:
    with pytest.raises(IndexError, match="version 1"):
        FenceIndex([version(1, circle())]).signed_distance_m(1, 31.0, 121.0)


def test_a_version_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(FenceError, match="fence 4 version 2"):
        version(4, circle(), 10.0, 10.0, number=2)


@pytest.mark.parametrize("shape", [polygon(SQUARE, HOLE), circle()])
def test_geojson_goes_round(shape: Any) -> None:
    feature = {"type": "Feature", "geometry": shape, "properties": None}
    again = to_geojson(parse_fence(to_geojson(parse_fence(feature))))
    assert again == to_geojson(parse_fence(shape))
    assert again["type"] == shape["type"]


def test_a_circle_may_have_its_radius_in_the_features_properties() -> None:
    geometry = {"type": "Point", "coordinates": [121.0, 31.0]}
    fence = parse_fence({"type": "Feature", "geometry": geometry, "properties": {"radius_m": 80}})
    assert (fence.radius_m, fence.half_width_m, fence.is_circle) == (80.0, 40.0, True)
