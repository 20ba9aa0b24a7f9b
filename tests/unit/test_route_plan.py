from __future__ import annotations

import pytest

from api.route_plan import stop_distances_m

DEGREE_M = 111_195.08


def test_stops_are_put_on_the_nearest_place_of_the_route() -> None:
    distances = stop_distances_m(
        [31.0, 31.1, 31.2], [121.0, 121.0, 121.0], [31.0, 31.05, 31.2], [121.0, 121.001, 121.0]
    )
    assert distances == pytest.approx([0, 0.05 * DEGREE_M, 0.2 * DEGREE_M], abs=1)


def test_a_round_trip_ends_where_the_route_ends() -> None:
    route_lats = [31.0, 31.1, 31.0]
    distances = stop_distances_m(route_lats, [121.0] * 3, [31.0, 31.1, 31.0], [121.0] * 3)
    assert distances == pytest.approx([0, 0.1 * DEGREE_M, 0.2 * DEGREE_M], abs=1)


def test_a_stop_on_the_way_back_is_not_mistaken_for_one_on_the_way_out() -> None:
    """Out along one carriageway and back on the other, ten metres beside it."""
    east = 10 / DEGREE_M
    route_lats, route_lons = [31.0, 31.2, 31.2, 31.0], [121.0, 121.0, 121.0 + east, 121.0 + east]
    distances = stop_distances_m(
        route_lats, route_lons, [31.0, 31.15, 31.05, 31.0], [121.0, 121.0, 121.0, 121.0]
    )
    assert distances == pytest.approx([0, 0.15 * DEGREE_M, 0.35 * DEGREE_M, 0.4 * DEGREE_M], abs=20)


def test_distances_never_decrease_even_for_stops_against_the_route() -> None:
    distances = stop_distances_m([31.0, 31.2], [121.0, 121.0], [31.1, 31.05, 31.15], [121.0] * 3)
    assert distances == sorted(distances)


def test_repeated_route_points_do_no_harm() -> None:
    distances = stop_distances_m([31.0, 31.0, 31.1, 31.1], [121.0] * 4, [31.0, 31.1], [121.0] * 2)
    assert distances == pytest.approx([0, 0.1 * DEGREE_M], abs=1)
