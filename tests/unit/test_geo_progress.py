import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from geo.progress import Progress, ProgressRules, Route, RouteProgress

pytestmark = pytest.mark.usefixtures("kernels")

KM = 1_000.0 / 111_195.08


def north(*kms: float, lon: float = 121.0) -> Route:
    """A route due north through places so many kilometres up."""
    return Route([31.0 + km * KM for km in kms], [lon] * len(kms))


def follow(
    progress: RouteProgress, fixes: Sequence[tuple[float, ...]], slot: int = 0, accuracy: float = 10.0
) -> Progress:
    times, kms, *east = zip(*fixes, strict=True)
    shrink = math.cos(math.radians(31.0))
    lons = [121.0 + off * KM / shrink for off in (east[0] if east else [0.0] * len(times))]
    n = len(times)
    return progress.advance([slot] * n, times, [31.0 + km * KM for km in kms], lons, [accuracy] * n)


def started(route: Route, **rules: float) -> RouteProgress:
    progress = RouteProgress(rules=ProgressRules(**rules))
    progress.assign(0, route)
    return progress


def test_progress_is_the_distance_along_the_route() -> None:
    found = follow(started(north(0, 5, 10)), [(0.0, 0.0), (60.0, 1.0), (120.0, 2.0), (600.0, 8.0)])
    assert found.distance_m == pytest.approx([0.0, 1_000.0, 2_000.0, 8_000.0], abs=0.1)
    assert found.off_route_m == pytest.approx([0.0] * 4, abs=0.1)
    assert np.isnan(found.off_route_since_s).all()
    assert found.on_trip.all()


def test_progress_never_runs_backwards() -> None:
    found = follow(started(north(0, 10)), [(0.0, 0.0), (60.0, 1.0), (70.0, 0.97), (80.0, 1.02)])
    assert found.distance_m == pytest.approx([0.0, 1_000.0, 1_000.0, 1_020.0], abs=0.1)


def test_a_road_driven_out_and_back_is_followed_by_its_window() -> None:
    kms = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 4.5, 3.0, 1.0, 0.0]
    found = follow(started(north(0, 5, 0)), [(i * 60.0, km) for i, km in enumerate(kms)])
    expected = [0, 1, 2, 3, 4, 5, 5.5, 7, 9, 10]
    assert found.distance_m / 1_000.0 == pytest.approx(expected, abs=0.001)


def test_a_stop_at_the_turning_place_does_not_jump_ahead() -> None:
    jitter = [(300.0 + 30.0 * i, 5.0 + 0.01 * (-1) ** i) for i in range(20)]
    found = follow(started(north(0, 5, 0)), [(0.0, 0.0), (270.0, 4.9), *jitter])
    assert found.distance_m[-1] < 5_050.0


def test_off_route_is_measured_and_timed_and_the_progress_stays() -> None:
    fixes = [(0.0, 0.0, 0.0), (60.0, 1.0, 0.0), (120.0, 2.0, 0.5), (180.0, 3.0, 1.0), (240.0, 4.0, 0.0)]
    found = follow(started(north(0, 10)), fixes)
    assert found.distance_m == pytest.approx([0.0, 1_000.0, 1_000.0, 1_000.0, 4_000.0], abs=1.0)
    assert found.off_route_m == pytest.approx([0.0, 0.0, 500.0, 1_000.0, 0.0], abs=1.0)
    assert found.off_route_since_s[2:4].tolist() == [120.0, 120.0]
    assert math.isnan(found.off_route_since_s[4])


def test_a_truck_behind_a_snap_that_ran_ahead_is_on_its_route() -> None:
    found = follow(started(north(0, 10)), [(0.0, 0.0), (60.0, 1.0), (90.0, 0.8), (120.0, 1.1), (200.0, 0.3)])
    assert found.distance_m[:4] == pytest.approx([0.0, 1_000.0, 1_000.0, 1_100.0], abs=0.1)
    assert found.off_route_m == pytest.approx([0.0, 0.0, 0.0, 0.0, 800.0], abs=0.5)


def test_a_truck_is_found_again_after_a_gap() -> None:
    found = follow(started(north(0, 100)), [(0.0, 0.0), (60.0, 1.0), (3_600.0, 80.0)])
    assert found.distance_m[-1] == pytest.approx(80_000.0, abs=1.0)


def test_a_leap_no_truck_could_make_is_off_route() -> None:
    found = follow(started(north(0, 100)), [(0.0, 0.0), (60.0, 1.0), (70.0, 80.0)])
    assert found.distance_m[-1] == pytest.approx(1_000.0, abs=0.1)
    assert found.off_route_since_s[-1] == 70.0


def test_driving_along_the_route_towards_its_start_is_not_yet_the_trip() -> None:
    kms = [8.0, 6.0, 4.0, 2.0, 0.1, 0.5, 1.5]
    found = follow(started(north(0, 10)), [(i * 120.0, km) for i, km in enumerate(kms)])
    assert found.on_trip.tolist() == [False] * 4 + [True] * 3
    assert found.distance_m == pytest.approx([0.0, 0.0, 0.0, 0.0, 100.0, 500.0, 1_500.0], abs=0.1)


def test_a_trip_first_seen_in_the_middle_is_found_once_it_goes_forwards() -> None:
    found = follow(started(north(0, 10)), [(0.0, 4.0), (20.0, 4.2), (40.0, 4.4), (60.0, 4.6)])
    assert found.on_trip.tolist() == [False, False, True, True]
    assert found.distance_m == pytest.approx([0.0, 0.0, 4_400.0, 4_600.0], abs=0.1)


def test_a_trip_may_be_taken_up_at_a_distance() -> None:
    progress = RouteProgress()
    progress.assign(0, north(0, 10), 4_000.0)
    assert follow(progress, [(0.0, 4.1)]).distance_m == pytest.approx([4_100.0], abs=0.1)


def test_of_the_ways_out_and_back_the_way_out_is_taken_up() -> None:
    found = follow(started(north(0, 5, 0)), [(0.0, 3.0), (20.0, 3.2), (40.0, 3.4), (60.0, 3.6)])
    assert found.distance_m == pytest.approx([0.0, 0.0, 3_400.0, 3_600.0], abs=0.1)


def test_repeated_points_of_a_route_do_no_harm() -> None:
    found = follow(started(north(0, 0, 5, 5, 5, 10, 10)), [(0.0, 0.0), (200.0, 5.0), (400.0, 10.0)])
    assert found.distance_m == pytest.approx([0.0, 5_000.0, 10_000.0], abs=0.1)
    still = follow(started(north(0, 0)), [(0.0, 1.0)])
    assert (still.distance_m[0], still.off_route_m[0]) == pytest.approx((0.0, 1_000.0), abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (([31.0], [121.0]), "two points"),
        (([31.0, 32.0], [121.0]), "equally long"),
        (([31.0, math.nan], [121.0, 121.0]), "not on Earth"),
    ],
)
def test_a_route_that_is_none_is_refused(arguments: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Route(*arguments)


def test_bad_batches_are_refused_and_change_nothing() -> None:
    progress = started(north(0, 10))
    follow(progress, [(0.0, 0.0), (60.0, 1.0)])
    before = progress.save_state(0)
    with pytest.raises(ValueError, match="older"):
        follow(progress, [(90.0, 2.0), (80.0, 2.0)])
    with pytest.raises(ValueError, match="older"):
        follow(progress, [(59.0, 2.0)])
    with pytest.raises(ValueError, match="no route"):
        follow(progress, [(90.0, 2.0)], slot=5)
    with pytest.raises(ValueError, match="not on Earth"):
        follow(progress, [(90.0, math.nan)])
    with pytest.raises(ValueError, match="equally long"):
        progress.advance([0], [90.0, 91.0], [31.0], [121.0], [5.0])
    assert progress.save_state(0) == before
    assert len(progress.advance([], [], [], [], [])) == 0


def test_a_state_needs_its_route_and_must_be_one() -> None:
    progress = started(north(0, 10))
    with pytest.raises(ValueError, match="no route"):
        progress.load_state(3, progress.save_state(0))
    with pytest.raises(ValueError, match="not a progress state"):
        progress.load_state(0, b"ZP")
    progress.clear(0)
    with pytest.raises(ValueError, match="no route"):
        progress.save_state(0)
    with pytest.raises(ValueError, match="not on a route"):
        progress.assign(0, north(0, 10), 20_000.0)
    with pytest.raises(ValueError, match="acquire_m"):
        ProgressRules(acquire_m=-1.0)


@pytest.mark.parametrize("gap_s", [10.0, 30.0, 120.0, 600.0])
def test_a_truck_that_goes_back_a_little_on_its_way_out_is_not_on_its_way_back(gap_s: float) -> None:
    out = [(60.0 * i, 0.6 * i) for i in range(6)]
    at_s = out[-1][0] + gap_s
    back = [(at_s, 2.9), (at_s + 30.0, 2.95), (at_s + 90.0, 3.2), (at_s + 300.0, 5.0), (at_s + 360.0, 4.4)]
    found = follow(started(north(0, 5, 0)), [*out, *back])
    expected = [0, 600, 1_200, 1_800, 2_400, 3_000, 3_000, 3_000, 3_200, 5_000, 5_600]
    assert found.distance_m == pytest.approx(expected, abs=0.5)
    assert np.isnan(found.off_route_since_s).all()


@pytest.mark.parametrize("every_s", [5.0, 10.0, 30.0, 60.0])
@pytest.mark.parametrize("accuracy", [5.0, 15.0, 40.0])
def test_a_road_driven_out_and_back_with_noise_is_followed_there_and_back(
    every_s: float, accuracy: float
) -> None:
    random = np.random.default_rng(int(every_s * 100 + accuracy))
    for _ in range(5):
        times = np.arange(0.0, 800.0, every_s)
        true_m = np.minimum(times * 12.5, 10_000.0)
        kms = (5_000.0 - np.abs(5_000.0 - true_m)) / 1_000.0
        noise = random.normal(0.0, accuracy / 1_500.0, (2, len(times)))
        found = follow(
            started(north(0, 5, 0)),
            list(zip(times, kms + noise[0], noise[1], strict=True)),
            accuracy=accuracy,
        )
        assert np.isnan(found.off_route_since_s).all()
        # Behind by what it may take to be sure of the way back, ahead by noise that was believed once.
        behind_m = true_m - found.distance_m
        assert behind_m.max() < 150.0 + 12.5 * every_s + 6.0 * accuracy
        assert behind_m.min() > -6.0 * accuracy - 50.0
        assert found.distance_m[-1] == pytest.approx(10_000.0, abs=12.5 * every_s + 4.0 * accuracy)


def square_route(side_km: float, laps: int) -> Route:
    """Laps of a square, from its south-west corner clockwise."""
    corners = [(0.0, 0.0), (side_km, 0.0), (side_km, side_km), (0.0, side_km)] * laps + [(0.0, 0.0)]
    shrink = math.cos(math.radians(31.0))
    return Route([31.0 + up * KM for up, _ in corners], [121.0 + east * KM / shrink for _, east in corners])


def along_the(route: Route, at_m: np.ndarray) -> list[tuple[float, float]]:
    """(km north, km east) of places along a route."""
    shrink = math.cos(math.radians(31.0))
    kms = np.interp(at_m, route.distances_m, (route.lats - 31.0) / KM)
    return list(zip(kms, np.interp(at_m, route.distances_m, (route.lons - 121.0) / KM * shrink), strict=True))


def test_every_lap_of_a_loop_counts() -> None:
    route = square_route(1.0, 3)
    random = np.random.default_rng(7)
    times = np.arange(0.0, route.length_m / 10.0, 15.0)
    places = np.array(along_the(route, times * 10.0)) + random.normal(0.0, 0.006, (len(times), 2))
    found = follow(started(route), [(t, up, east) for t, (up, east) in zip(times, places, strict=True)])
    assert found.distance_m == pytest.approx(times * 10.0, abs=60.0)
    assert np.isnan(found.off_route_since_s).all()


def test_where_a_route_crosses_itself_the_vehicle_stays_on_its_way() -> None:
    shrink = math.cos(math.radians(31.0))
    # North, round to the east, and back westwards across the first leg, 1.5 km up.
    corners = [(0.0, 0.0), (3.0, 0.0), (3.0, 1.0), (1.5, 1.0), (1.5, -2.0)]
    route = Route([31.0 + up * KM for up, _ in corners], [121.0 + east * KM / shrink for _, east in corners])
    random = np.random.default_rng(8)
    for every_s in (5.0, 20.0, 60.0):
        times = np.arange(0.0, route.length_m / 12.0, every_s)
        places = np.array(along_the(route, times * 12.0)) + random.normal(0.0, 0.008, (len(times), 2))
        found = follow(started(route), [(t, up, east) for t, (up, east) in zip(times, places, strict=True)])
        assert found.distance_m == pytest.approx(times * 12.0, abs=60.0)
        assert np.isnan(found.off_route_since_s).all()


def test_a_gap_that_hides_the_turning_place_is_bridged_on_the_way_back() -> None:
    found = follow(
        started(north(0, 5, 0)), [(0.0, 0.0), (300.0, 3.5), (900.0, 2.5), (960.0, 2.0), (1_200.0, 0.0)]
    )
    assert found.distance_m == pytest.approx([0.0, 3_500.0, 7_500.0, 8_000.0, 10_000.0], abs=1.0)
