import json
from pathlib import Path

import numpy as np
import pytest

from geo.datum import gcj02_to_wgs84, wgs84_to_gcj02
from geo.distance import cumulative_m, haversine_m

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("kernels")


def test_a_known_point_is_shifted_as_maps_in_china_shift_it() -> None:
    lats, lons = wgs84_to_gcj02([39.90734], [116.39089])
    assert (lats[0], lons[0]) == pytest.approx((39.90873, 116.39714), abs=2e-5)


def test_the_way_there_and_back_ends_where_it_began() -> None:
    random = np.random.default_rng(5)
    lats, lons = random.uniform(3.0, 53.0, 500), random.uniform(74.0, 135.0, 500)
    back = gcj02_to_wgs84(*wgs84_to_gcj02(lats, lons))
    assert np.abs(back[0] - lats).max() < 1e-7
    assert np.abs(back[1] - lons).max() < 1e-7


def test_nothing_is_shifted_outside_china() -> None:
    places = ([40.7, -33.9, 51.5, 60.0], [-74.0, 151.2, -0.1, 100.0])
    for convert in (wgs84_to_gcj02, gcj02_to_wgs84):
        lats, lons = convert(*places)
        assert (lats.tolist(), lons.tolist()) == places


def test_the_input_is_left_alone() -> None:
    lats, lons = np.array([31.0]), np.array([121.0])
    wgs84_to_gcj02(lats, lons)
    assert (lats[0], lons[0]) == (31.0, 121.0)


def test_no_points_are_fine_and_impossible_ones_refused() -> None:
    assert [len(column) for column in gcj02_to_wgs84([], [])] == [0, 0]
    with pytest.raises(ValueError, match="not on Earth"):
        wgs84_to_gcj02([float("nan")], [121.0])
    with pytest.raises(ValueError, match="equally long"):
        gcj02_to_wgs84([31.0, 31.0], [121.0])


def test_distances_are_measured_along_great_circles() -> None:
    quarter = np.pi / 2.0 * 6_371_008.8
    assert haversine_m([0.0, 0.0], [0.0, 0.0], [90.0, 0.0], [0.0, 90.0]) == pytest.approx([quarter, quarter])
    assert cumulative_m([0.0, 1.0, 1.0, 2.0], [0.0] * 4) == pytest.approx(
        [0.0, 111_195.08, 111_195.08, 222_390.16], abs=0.1
    )
    assert cumulative_m([], []).tolist() == []


def test_the_pages_convert_as_the_server_does() -> None:
    # web/src/map/datum.test.ts holds the pages' own conversion against the same file.
    values = json.loads((ROOT / "web/src/map/datum-values.json").read_text(encoding="utf-8"))
    wgs84 = np.array([value["wgs84"] for value in values])
    lats, lons = wgs84_to_gcj02(wgs84[:, 1], wgs84[:, 0])

    np.testing.assert_allclose(np.column_stack([lons, lats]), [value["gcj02"] for value in values], atol=1e-9)
