from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.addresses import distance_m
from domain.sharing import SharingRule, coarse, is_near

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RULE = SharingRule()


@given(lat=st.floats(-85, 85), lon=st.floats(-179.9, 179.9), cell_m=st.floats(100, 5000))
def test_a_coarse_point_is_within_the_cell_and_stays_when_made_coarse_again(
    lat: float, lon: float, cell_m: float
) -> None:
    shown = coarse((lat, lon), cell_m)
    assert distance_m((lat, lon), shown) <= cell_m * 0.75
    assert coarse(shown, cell_m) == pytest.approx(shown, abs=1e-9)


def test_all_points_of_a_cell_are_shown_alike() -> None:
    corner = coarse((31.23, 121.47), 1000.0)
    assert {
        coarse((corner[0] + north, corner[1] + east), 1000.0)
        for north in (-0.004, 0.004)
        for east in (-0.005, 0.005)
    } == {corner}
    assert coarse((31.23, 121.47), 0.0) == (31.23, 121.47)


@pytest.mark.parametrize(
    ("goal", "minutes", "near"),
    [
        ((31.24, 121.47), None, True),
        ((31.30, 121.47), None, False),
        (None, None, False),
        (None, 14, True),
        ((31.30, 121.47), 16, False),
    ],
)
def test_a_vehicle_is_near_by_distance_or_by_estimate(
    goal: tuple[float, float] | None, minutes: int | None, near: bool
) -> None:
    expected = None if minutes is None else NOW + timedelta(minutes=minutes)
    assert is_near(RULE, (31.23, 121.47), goal, expected, NOW) is near


def test_a_rule_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="lookup_h"):
        SharingRule(lookup_h=0.0)
