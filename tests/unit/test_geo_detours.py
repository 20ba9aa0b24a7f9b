"""Where a vehicle beside its route counts as being."""

from __future__ import annotations

import pytest

from geo.detours import rejoining_m
from geo.distance import cumulative_m
from geo.road_cells import road_path

NORTH = road_path([31.0, 31.2], [120.0, 120.0])
LENGTH_M = float(cumulative_m([31.0, 31.2], [120.0, 120.0])[-1])
OUT_AND_BACK = road_path([31.0, 31.2, 31.0], [120.0, 120.0, 120.0])


def test_on_the_route_it_is_where_it_is() -> None:
    assert rejoining_m(NORTH, 31.1, 120.0, LENGTH_M / 4, LENGTH_M) == pytest.approx(LENGTH_M / 2, abs=60.0)


def test_aside_of_the_route_it_is_a_little_behind() -> None:
    aside_m = float(cumulative_m([31.1, 31.1], [120.0, 120.01])[-1])
    found_m = rejoining_m(NORTH, 31.1, 120.01, LENGTH_M / 4, LENGTH_M)
    assert LENGTH_M / 2 - 1.3 * aside_m < found_m < LENGTH_M / 2 - 0.5 * aside_m


def test_driving_away_from_all_that_lies_ahead_it_has_more_to_go_than_where_it_left() -> None:
    assert rejoining_m(NORTH, 31.05, 120.0, LENGTH_M / 2, LENGTH_M) < LENGTH_M / 4


def test_a_stop_ahead_is_not_skipped_where_the_way_back_from_it_passes() -> None:
    assert rejoining_m(OUT_AND_BACK, 31.05, 120.002, LENGTH_M / 5, LENGTH_M) < LENGTH_M / 3


def test_it_is_never_before_the_start() -> None:
    assert rejoining_m(NORTH, 30.5, 120.0, 0.0, LENGTH_M) == 0.0
