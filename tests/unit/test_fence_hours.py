"""When fences are active, and what that makes of crossings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from company import LON, circle, north, utc

from domain.access import process_principal
from domain.fence_hours import Change, FenceHours, Validity, WeeklyHours, weekly_hours, window_of
from geo.fences import FenceIndex
from ingest.engine import Engine
from ingest.fences import FAR_AHEAD, LONG_AGO, hours_of, known_fence
from ingest.fleet import Fleet
from store.facts import StoredFix
from store.fleet import FenceRow

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]
DAY_SHIFT = [{"days": WORKDAYS, "from": "08:00", "to": "18:00"}]
OPENS, CLOSES = utc("2026-11-20T00:00:00"), utc("2026-11-20T10:00:00")
"""Of that Friday's day shift in Shanghai."""


def hours(*rows: tuple[list[str], str, str], zone: ZoneInfo = SHANGHAI) -> FenceHours:
    return FenceHours((Validity(LONG_AGO, FAR_AHEAD, weekly_hours(rows, zone)),))


def test_a_fence_is_active_in_the_hours_of_its_depots_zone() -> None:
    shift = hours((WORKDAYS, "08:00", "18:00"))
    assert [shift.is_active(at) for at in (OPENS, CLOSES - timedelta(seconds=1), CLOSES)] == [
        True,
        True,
        False,
    ]
    assert not shift.is_active(utc("2026-11-21T02:00:00")), "a Saturday"
    assert shift.changes(utc("2026-11-19T12:00:00"), utc("2026-11-21T12:00:00")) == [
        Change(OPENS, True),
        Change(CLOSES, False),
    ]


def test_a_change_belongs_to_the_period_that_ends_with_it() -> None:
    shift = hours((WORKDAYS, "08:00", "18:00"))
    assert shift.changes(OPENS - timedelta(hours=1), OPENS) == [Change(OPENS, True)]
    assert shift.changes(OPENS, OPENS + timedelta(hours=1)) == []


def test_hours_past_midnight_end_on_the_next_day() -> None:
    night = hours((["fri"], "22:00", "06:00"))
    assert night.changes(utc("2026-11-20T00:00:00"), utc("2026-11-22T00:00:00")) == [
        Change(utc("2026-11-20T14:00:00"), True),
        Change(utc("2026-11-20T22:00:00"), False),
    ]


def test_hours_that_touch_or_overlap_are_one_and_whole_days_never_change() -> None:
    split = hours((["fri"], "08:00", "12:00"), (["fri"], "11:00", "14:00"), (["fri"], "14:00", "18:00"))
    assert split.changes(utc("2026-11-19T12:00:00"), CLOSES) == [Change(OPENS, True), Change(CLOSES, False)]
    always = hours(([*WORKDAYS, "sat", "sun"], "00:00", "24:00"))
    assert always.is_active(utc("2026-11-20T16:00:00")), "midnight in Shanghai"
    assert always.changes(utc("2026-11-01T00:00:00"), utc("2026-12-01T00:00:00")) == []


@pytest.mark.parametrize(
    ("opens", "changes"),
    [
        # 02:30 does not exist on the 29th of March: the clock goes from 02:00 to 03:00 at 01:00 UTC.
        ("02:30", [Change(utc("2026-03-29T01:30:00"), True), Change(utc("2026-03-29T02:00:00"), False)]),
        ("01:30", [Change(utc("2026-03-29T00:30:00"), True), Change(utc("2026-03-29T02:00:00"), False)]),
    ],
)
def test_hours_follow_the_clock_through_its_change(opens: str, changes: list[Change]) -> None:
    sunday = hours((["sun"], opens, "04:00"), zone=BERLIN)
    assert sunday.changes(utc("2026-03-28T12:00:00"), utc("2026-03-29T12:00:00")) == changes


def test_versions_bound_the_hours_and_passing_from_one_to_the_next_changes_nothing() -> None:
    shift = WeeklyHours((window_of("fri", "08:00", "18:00"),), SHANGHAI)
    noon, three = utc("2026-11-20T04:00:00"), utc("2026-11-20T07:00:00")
    versions = FenceHours(
        (Validity(LONG_AGO, noon, shift), Validity(noon, three, None), Validity(three, CLOSES, shift))
    )
    assert versions.changes(OPENS - timedelta(days=1), CLOSES + timedelta(days=1)) == [
        Change(OPENS, True),
        Change(CLOSES, False),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("moonday", "08:00", "18:00"), "no day"),
        (("mon", "8:00", "18:00"), "no time of day"),
        (("mon", "08:60", "18:00"), "no time of day"),
        (("mon", "08:00", "24:01"), "no time of day"),
        (("mon", "08:00", "08:00"), "empty"),
        (("mon", "24:00", "08:00"), "next day"),
        (("mon", "٠٨:00", "18:00"), "no time of day"),
    ],
)
def test_hours_that_are_none_are_refused(row: tuple[str, str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        window_of(*row)


def test_a_schedule_without_hours_is_refused() -> None:
    with pytest.raises(ValueError, match="never be active"):
        weekly_hours([], SHANGHAI)


def fence_row(**more: Any) -> FenceRow:
    made = {
        "geofence_id": 7,
        "version": 1,
        "valid_from": None,
        "valid_until": None,
        "geometry": circle(0.0, 300.0),
        "schedule": DAY_SHIFT,
        "approach_m": None,
        "time_zone": "Asia/Shanghai",
    }
    return FenceRow(**{**made, **more})


def engine_with(*rows: FenceRow) -> Engine:
    fleet = Fleet(process_principal("ingest"))
    fleet.fences = FenceIndex(version for row in rows for version in known_fence(row).versions)
    fleet.fence_hours = hours_of(rows)
    return Engine(fleet)


Told = tuple[str, datetime]


def told_of(engine: Engine, fixes: Sequence[tuple[datetime, float]], cuts: Sequence[int] = ()) -> list[Told]:
    """(kind, when) of what is told of fixes at a time and so many metres along the road, in batches."""
    stored = [StoredFix(1, at, place, north(metres), LON, 5.0) for place, (at, metres) in enumerate(fixes)]
    engine.start(1)
    told: list[Told] = []
    for first, end in zip([0, *cuts], [*cuts, len(stored)], strict=True):
        folded = engine.fold(stored[first:end])
        told += [(crossing.kind.value, crossing.at) for crossing in folded.crossings]
        checkpoint = engine.due_checkpoints([1])
        if checkpoint:
            engine.load(checkpoint[0])
    return told


def way(start: datetime, metres: Sequence[float], every_s: float = 600.0) -> list[tuple[datetime, float]]:
    return [(start + timedelta(seconds=every_s * step), at) for step, at in enumerate(metres)]


def test_a_vehicle_inside_when_hours_begin_is_inside_from_then_and_leaves_when_they_end() -> None:
    parked = way(OPENS - timedelta(minutes=25), [0.0] * 70)
    assert told_of(engine_with(fence_row()), parked) == [("inside", OPENS), ("exit", CLOSES)]


def test_crossings_outside_hours_are_not_told() -> None:
    visit = way(CLOSES + timedelta(minutes=5), [-900, 0, 0, 0, 900, 1_800], 60.0)
    assert told_of(engine_with(fence_row()), visit) == []
    assert [kind for kind, _ in told_of(engine_with(fence_row(schedule=None)), visit)] == ["enter", "exit"]


def test_a_vehicle_that_comes_before_hours_and_leaves_in_them_is_inside_when_they_begin() -> None:
    visit = way(OPENS - timedelta(minutes=2, seconds=30), [-900, 0, 0, 0, 0, 900, 1_800], 60.0)
    (inside, began), (left, at) = told_of(engine_with(fence_row()), visit)
    assert (inside, began, left) == ("inside", OPENS, "exit")
    assert OPENS + timedelta(minutes=1) < at < OPENS + timedelta(minutes=3)


def test_a_vehicle_that_comes_in_hours_and_stays_past_them_leaves_at_their_end_once() -> None:
    visit = way(CLOSES - timedelta(minutes=3, seconds=30), [-900, 0, 0, 0, 0, 0, 0, 900, 1_800], 60.0)
    told = told_of(engine_with(fence_row()), visit)
    assert [kind for kind, _ in told] == ["enter", "exit"]
    assert told[1] == ("exit", CLOSES)


def test_hours_silent_between_two_fixes_are_told_with_the_next_fix_inside() -> None:
    visit = [(OPENS - timedelta(hours=1), 0.0), (CLOSES + timedelta(hours=1), 0.0)]
    assert told_of(engine_with(fence_row()), visit) == [("inside", OPENS), ("exit", CLOSES)]


def test_a_vehicle_gone_before_hours_began_was_not_inside_in_them() -> None:
    visit = [
        *way(OPENS - timedelta(minutes=3, seconds=30), [0, 0, 0], 60.0),
        *way(OPENS - timedelta(seconds=30), [900, 1_800, 2_700], 60.0),
    ]
    assert told_of(engine_with(fence_row()), visit) == []


def test_batches_and_saved_states_change_nothing() -> None:
    visits = way(OPENS - timedelta(hours=2), ([-900] + [0] * 20 + [900, 1_800] + [-900] + [0] * 3) * 4)
    whole = told_of(engine_with(fence_row(approach_m=200)), visits)
    assert len(whole) > 6
    for cut in range(1, len(visits)):
        assert told_of(engine_with(fence_row(approach_m=200)), visits, [cut]) == whole, cut


def test_a_version_without_hours_after_one_with_them_makes_the_fence_active() -> None:
    noon = OPENS + timedelta(hours=4)
    closed = fence_row(valid_until=noon, schedule=[{"days": ["sat"], "from": "08:00", "to": "18:00"}])
    opened = fence_row(version=2, valid_from=noon, schedule=None)
    assert told_of(engine_with(closed, opened), way(OPENS, [0.0] * 40)) == [("inside", noon)]


def test_coming_near_a_fence_is_an_approach_and_going_away_is_none() -> None:
    fence = fence_row(schedule=None, approach_m=1_000)
    there_and_back = way(OPENS, [-3_000, -2_000, -1_000, -600, 0, 0, 0, 600, 1_000, 2_000, 3_000], 60.0)
    told = told_of(engine_with(fence), there_and_back)
    assert [kind for kind, _ in told] == ["approach", "enter", "exit"]
    # The zone ends 300 + 1,000 m before the middle.
    assert told[0][1] == pytest.approx(OPENS + timedelta(seconds=102), abs=timedelta(seconds=1))


def test_a_vehicle_first_seen_near_a_fence_has_not_approached_it() -> None:
    assert told_of(engine_with(fence_row(schedule=None, approach_m=1_000)), way(OPENS, [-600] * 5)) == []


def test_a_truck_that_jitters_at_the_edge_of_the_zone_approaches_once() -> None:
    jitter = [-1_300.0 + 12.0 * math.sin(7.0 * step) for step in range(200)]
    told = told_of(
        engine_with(fence_row(schedule=None, approach_m=1_000)), way(OPENS, [-3_000, -2_000, *jitter], 30.0)
    )
    assert [kind for kind, _ in told] in (["approach"], [])


def test_an_approach_out_of_hours_is_none() -> None:
    late = way(CLOSES + timedelta(minutes=1), [-3_000, -2_000, -1_000, -600, 0, 0, 0], 60.0)
    assert told_of(engine_with(fence_row(approach_m=1_000)), late) == []
