import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.eta import ROAD_PACE_S_PER_M, estimate, planned_profile
from geo.pace import EPOCH_S, PaceTable, combined, observe, observe_services, time_slots
from geo.quantiles import ErrorBook
from geo.road_cells import RoadPath, lane_of, road_path, service_keys

LATS, LONS = [31.0, 31.1], [120.0, 120.0]
LENGTH_M = 11_119.5
MONDAY_NOON_S = EPOCH_S + 5 * 86_400.0 + 12 * 3600.0


def straight_road() -> RoadPath:
    return road_path(LATS, LONS, lane=lane_of(LATS, LONS))


def drive(begins_s: float, mps: float, *, every_s: float = 30.0) -> tuple[list[float], list[float]]:
    times_s = np.arange(0.0, LENGTH_M / mps + every_s, every_s)
    return (begins_s + times_s).tolist(), np.minimum(times_s * mps, LENGTH_M).tolist()


def test_pieces_cover_the_route_and_turns_count_as_metres() -> None:
    straight = straight_road()
    corner = road_path([31.0, 31.05, 31.05], [120.0, 120.0, 120.05])
    assert straight.edges_m[-1] == pytest.approx(LENGTH_M, rel=1e-3)
    assert straight.weights_m.sum() == pytest.approx(LENGTH_M, rel=1e-3)
    # A chord of 200 m may cut the corner: a slight part of the turn is then lost.
    assert 300 * (np.pi / 2 - 0.3) < corner.weights_m.sum() - corner.edges_m[-1] < 300 * np.pi / 2 + 1


def test_both_directions_of_a_street_are_told_apart_and_its_district_is_not() -> None:
    there, back = road_path(LATS, LONS), road_path(LATS[::-1], LONS[::-1])
    assert not set(there.cells[2].tolist()) & set(back.cells[2].tolist())
    assert set(there.cells[1].tolist()) == set(back.cells[1].tolist())


def test_without_any_drive_the_road_pace_is_assumed() -> None:
    profile = PaceTable().profile(straight_road(), MONDAY_NOON_S)
    assert profile.knots_s[-1] == pytest.approx(LENGTH_M * ROAD_PACE_S_PER_M, rel=1e-3)


def test_a_plan_counts_where_the_streets_are_unknown() -> None:
    plan = planned_profile([0.0, LENGTH_M], [0.0, 2000.0], [0.0, 0.0], LENGTH_M)
    profile = PaceTable().profile(straight_road(), MONDAY_NOON_S, plan=plan)
    assert profile.knots_s[-1] == pytest.approx(2000.0, rel=1e-3)


def test_a_lane_driven_often_is_expected_at_the_pace_it_was_driven() -> None:
    path, table = straight_road(), PaceTable()
    for day in range(30):
        table.add(observe(path, *drive(MONDAY_NOON_S - day * 86_400.0, 6.0)))
    profile = table.profile(path, MONDAY_NOON_S)
    assert profile.knots_s[-1] == pytest.approx(LENGTH_M / 6.0, rel=0.1)
    assert np.all(np.diff(profile.knots_s) > 0.0)


def test_the_rush_hour_is_learned_apart_from_noon() -> None:
    path, table = straight_road(), PaceTable()
    rush_s = MONDAY_NOON_S - 4 * 3600.0
    for day in range(30):
        table.add(observe(path, *drive(MONDAY_NOON_S - day * 86_400.0, 12.0)))
        table.add(observe(path, *drive(rush_s - day * 86_400.0, 5.0)))
    noon, rush = table.profile(path, MONDAY_NOON_S), table.profile(path, rush_s)
    assert rush.knots_s[-1] > 1.6 * noon.knots_s[-1]


def test_when_everybody_is_slow_now_the_next_hour_is_expected_to_be_slow_too() -> None:
    path, table = straight_road(), PaceTable()
    for day in range(1, 30):
        table.add(observe(path, *drive(MONDAY_NOON_S - day * 86_400.0, 10.0)))
    usual_s = table.profile(path, MONDAY_NOON_S).knots_s[-1]
    usual = table.usual(path, MONDAY_NOON_S)
    slow = [observe(path, *drive(MONDAY_NOON_S - 2600.0 + n, 5.0), usual=usual) for n in range(8)]
    for observation in slow:
        table.add(observation)
    jammed_s = table.profile(path, MONDAY_NOON_S).knots_s[-1]
    assert jammed_s > 1.3 * usual_s
    assert jammed_s > 1.2 * table.usual(path, MONDAY_NOON_S).edges_s[-1]
    # Two hours later that says nothing any more, and elsewhere it never did.
    later = table.profile(path, MONDAY_NOON_S + 7200.0), table.usual(path, MONDAY_NOON_S + 7200.0)
    assert later[0].knots_s[-1] == pytest.approx(later[1].edges_s[-1])
    elsewhere = road_path([33.0, 33.1], LONS)
    assert table.profile(elsewhere, MONDAY_NOON_S).knots_s[-1] == pytest.approx(
        table.usual(elsewhere, MONDAY_NOON_S).edges_s[-1]
    )
    for observation in slow:
        table.add(observation, -1.0)
    assert table.profile(path, MONDAY_NOON_S).knots_s[-1] == pytest.approx(usual_s)


def test_on_unknown_streets_nobody_is_slow() -> None:
    path, table = straight_road(), PaceTable()
    unknown = table.usual(path, MONDAY_NOON_S)
    assert unknown.known.max() == 0.0
    table.add(observe(path, *drive(MONDAY_NOON_S - 2600.0, 3.0), usual=unknown))
    assert table.profile(path, MONDAY_NOON_S).knots_s[-1] == pytest.approx(
        table.usual(path, MONDAY_NOON_S).edges_s[-1]
    )


def test_old_drives_are_forgotten_for_new_ones() -> None:
    path, table = straight_road(), PaceTable()
    for day in range(20):
        table.add(observe(path, *drive(MONDAY_NOON_S - (300 + day) * 86_400.0, 4.0)))
        table.add(observe(path, *drive(MONDAY_NOON_S - day * 86_400.0, 10.0)))
    assert table.profile(path, MONDAY_NOON_S).knots_s[-1] == pytest.approx(LENGTH_M / 10.0, rel=0.1)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(6)), st.integers(0, 5))
def test_what_is_known_depends_on_the_drives_and_not_on_their_order(order: list[int], twice: int) -> None:
    path = straight_road()
    lessons = [
        observe(path, *drive(MONDAY_NOON_S + n * 5000.0, 4.0 + n), departure_s=MONDAY_NOON_S + n * 5000.0)
        for n in range(6)
    ]
    straight, shuffled = PaceTable(), PaceTable()
    for lesson in lessons:
        straight.add(lesson)
    for n in order:
        shuffled.add(lessons[n])
    shuffled.add(combined(lessons[twice], lessons[twice], -1.0))
    shuffled.add(lessons[twice])
    shuffled.add(lessons[twice], -1.0)
    expected, got = (
        table.profile(path, MONDAY_NOON_S, departure_s=MONDAY_NOON_S) for table in (straight, shuffled)
    )
    np.testing.assert_allclose(got.knots_s, expected.knots_s, rtol=1e-9)


def test_time_at_stops_is_not_the_roads() -> None:
    path = straight_road()
    times_s = [0.0, 300.0, 540.0, 840.0]
    lesson = observe(path, times_s, [0.0, 3000.0, 3000.0, 6000.0], standing=[False, True, False])
    fleet = lesson.keys == 0
    weight = lesson.weights[fleet].sum()
    assert lesson.seconds[fleet].sum() / weight == pytest.approx(0.1, rel=0.01)


def test_services_go_from_the_plan_to_what_was_seen() -> None:
    table = PaceTable()
    keys = service_keys("hub", 7)
    assert table.service_s(600.0, keys, MONDAY_NOON_S) == 600.0
    for _ in range(200):
        table.add(observe_services(keys, [1200.0, 1200.0], MONDAY_NOON_S))
    assert table.service_s(600.0, keys, MONDAY_NOON_S) == pytest.approx(1200.0, rel=0.02)


def test_slots_are_hours_of_working_days_and_of_weekends() -> None:
    saturday_s = MONDAY_NOON_S - 2 * 86_400.0
    assert time_slots([MONDAY_NOON_S, saturday_s]).tolist() == [12, 36]
    assert time_slots([MONDAY_NOON_S], utc_offset_s=8 * 3600.0).tolist() == [20]


def test_quantiles_of_past_errors_cover_the_next_ones() -> None:
    random = np.random.default_rng(3)
    errors = ErrorBook()
    past, coming = (random.gamma(2.0, 60.0, 4000) - 60.0 for _ in range(2))
    errors.add(np.full(4000, MONDAY_NOON_S), np.full(4000, 750.0), past, np.full(4000, 90.0))
    offsets = errors.offsets((0.1, 0.5, 0.9), [750.0])[:, 0] * 90.0
    covered = [(coming <= offset).mean() for offset in offsets]
    assert covered == pytest.approx([0.1, 0.5, 0.9], abs=0.03)


def test_an_estimate_does_not_jump_where_one_horizon_ends() -> None:
    errors = ErrorBook()
    for to_go_s, error_s in ((750.0, 200.0), (1350.0, -100.0)):
        errors.add(
            np.full(500, MONDAY_NOON_S), np.full(500, to_go_s), np.full(500, error_s), np.full(500, 90.0)
        )
    seconds = np.arange(600.0, 1800.0, 1.0)
    assert np.abs(np.diff(errors.offsets((0.5,), seconds)[0])).max() < 0.02


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.0, LENGTH_M),
    st.floats(0.0, 7200.0),
    st.one_of(st.just(float("nan")), st.just(float("inf")), st.floats(0.01, 5.0)),
)
def test_estimates_are_never_in_the_past_and_in_the_order_of_the_stops(
    distance_m: float, age_s: float, recent_pace: float
) -> None:
    stops_m = [m for m in (2000.0, 5000.0, 9000.0) if m >= distance_m] or [LENGTH_M]
    made = estimate(
        now_s=MONDAY_NOON_S,
        fix_s=MONDAY_NOON_S - age_s,
        distance_m=distance_m,
        stop_distances_m=stops_m,
        service_s=[60.0] * len(stops_m),
        next_stop=0,
        profile=PaceTable().profile(straight_road(), MONDAY_NOON_S),
        errors=ErrorBook(),
        recent_pace=recent_pace,
    )
    assert np.all(made.p50_s >= MONDAY_NOON_S)
    assert np.all(made.p10_s <= made.p50_s)
    assert np.all(made.p50_s <= made.p90_s)
    assert np.all(np.diff(made.p50_s) >= 0.0)


def test_silence_widens_an_estimate() -> None:
    spreads = []
    for age_s in (0.0, 900.0, 1800.0):
        made = estimate(
            now_s=MONDAY_NOON_S,
            fix_s=MONDAY_NOON_S - age_s,
            distance_m=0.0,
            stop_distances_m=[LENGTH_M],
            service_s=[0.0],
            next_stop=0,
            profile=PaceTable().profile(straight_road(), MONDAY_NOON_S),
            errors=ErrorBook(),
        )
        spreads.append(float(made.p90_s[0] - made.p50_s[0]))
    assert spreads == sorted(spreads)
    assert spreads[-1] >= 0.5 * (1800.0 - 300.0)
