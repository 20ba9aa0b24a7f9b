"""Arrival estimates: the plan's pace, the recent one, and what is never said."""

from __future__ import annotations

import math
from typing import Any

import pytest

from domain.rules import DrivingLimit
from geo.eta import ROAD_PACE_S_PER_M, Arrivals, PaceProfile, estimate, planned_profile, recent_pace_s_per_m
from geo.quantiles import ErrorBook

STOPS_M = [0.0, 6_000.0, 18_000.0]
SERVICE_S = [300.0, 600.0, 600.0]
# Leaves the start at 1,300; ten minutes to the first stop, ten there, twenty to the second.
PLANNED_S = [1_000.0, 1_900.0, 3_700.0]
PROFILE = planned_profile(STOPS_M, PLANNED_S, SERVICE_S, 18_000.0)


def arrivals(**changes: Any) -> Arrivals:
    given = {
        "now_s": 1_300.0,
        "fix_s": 1_300.0,
        "distance_m": 0.0,
        "stop_distances_m": STOPS_M,
        "service_s": SERVICE_S,
        "next_stop": 1,
        "profile": PROFILE,
        "errors": ErrorBook(),
    }
    return estimate(**{**given, **changes})


def test_a_truck_on_plan_arrives_as_planned() -> None:
    found = arrivals()
    assert found.stop_index.tolist() == [1, 2]
    assert found.raw_s == pytest.approx([1_900.0, 3_700.0])


def test_the_pace_of_the_plan_holds_on_the_rest_of_a_leg() -> None:
    assert arrivals(distance_m=3_000.0).raw_s == pytest.approx([1_600.0, 3_400.0])


def test_a_plan_that_says_nothing_gives_no_profile() -> None:
    assert planned_profile(STOPS_M, [math.nan] * 3, SERVICE_S, 20_000.0) is None


def test_a_leg_no_truck_can_keep_to_has_the_road_pace() -> None:
    profile = planned_profile(STOPS_M, [1_000.0, 1_310.0, 3_110.0], SERVICE_S, 18_000.0)
    assert isinstance(profile, PaceProfile)
    assert profile.seconds_to([6_000.0]) == pytest.approx([6_000.0 * ROAD_PACE_S_PER_M])


def test_a_slow_last_ten_minutes_delay_the_rest_by_less_than_was_lost() -> None:
    here = {"distance_m": 6_000.0, "next_stop": 2}
    lost_s = 600.0 - 300.0
    later = arrivals(**here, recent_pace=2 * 600.0 / 6_000.0).raw_s - arrivals(**here).raw_s
    assert 0.0 < later[0] < lost_s


def test_a_truck_standing_in_a_jam_still_arrives() -> None:
    here = {"distance_m": 6_000.0, "next_stop": 2}
    assert arrivals(**here).raw_s[0] < arrivals(**here, recent_pace=math.inf).raw_s[0] < math.inf


def test_what_should_have_happened_is_due_now() -> None:
    late = arrivals(now_s=2_500.0)
    assert late.p50_s[0] == 2_500.0
    assert (late.p50_s >= 2_500.0).all()
    assert (late.p90_s > late.p50_s).all()


def test_a_truck_at_a_stop_drives_on_when_it_leaves() -> None:
    assert arrivals(leaves_at_s=1_500.0).raw_s == pytest.approx([2_100.0, 3_900.0])


def test_no_truck_leaves_a_stop_before_its_planned_departure() -> None:
    held = arrivals(departures_s=[math.nan, 2_900.0, math.nan])
    assert held.raw_s == pytest.approx([1_900.0, 2_900.0 + 1_200.0])


def test_the_quantiles_are_in_order_and_widen_while_a_truck_is_silent() -> None:
    heard, silent = arrivals(now_s=1_300.0), arrivals(now_s=1_300.0, fix_s=100.0)
    assert (heard.p10_s <= heard.p50_s).all()
    assert (heard.p50_s < heard.p90_s).all()
    assert (silent.spread_s > heard.spread_s).all()


def test_a_driver_takes_a_break_when_he_has_driven_long_enough() -> None:
    # Ten minutes to the first stop and its ten of service, then twenty more.
    limit = DrivingLimit(drive_h=0.4, break_min=15.0)
    assert arrivals(limit=limit).raw_s == pytest.approx([1_900.0, 3_700.0 + 900.0])
    assert arrivals(limit=limit, driven_s=900.0).raw_s == pytest.approx([1_900.0 + 900.0, 3_700.0 + 900.0])


def test_a_stop_long_enough_is_a_break() -> None:
    limit = DrivingLimit(drive_h=0.4, break_min=10.0)
    assert arrivals(limit=limit).raw_s == pytest.approx([1_900.0, 3_700.0])


def test_breaks_that_were_due_before_are_taken_for_granted() -> None:
    limit = DrivingLimit(drive_h=4.0, break_min=20.0)
    assert arrivals(limit=limit, driven_s=9 * 3600.0).raw_s == pytest.approx([1_900.0, 3_700.0])


def test_no_stops_left_gives_no_arrivals() -> None:
    assert len(arrivals(next_stop=3).p50_s) == 0


def test_the_recent_pace_is_that_of_the_last_ten_minutes() -> None:
    assert recent_pace_s_per_m([0.0, 600.0, 900.0, 1_200.0], [0.0, 9_000.0, 9_500.0, 10_000.0]) == 0.6
    assert recent_pace_s_per_m([0.0, 300.0], [500.0, 500.0]) == math.inf
    assert math.isnan(recent_pace_s_per_m([0.0, 100.0], [0.0, 500.0]))
    assert math.isnan(recent_pace_s_per_m([], []))
