import math

import numpy as np
import pytest

from geo.stops import Drive, StopRules, find_drives, find_stays

pytestmark = pytest.mark.usefixtures("kernels")

METRE = 1.0 / 111_195.08


def fixes(*legs: tuple[float, float, int]) -> tuple[list[float], list[float], list[float]]:
    """Fixes 10 s apart, due north: each leg from one metre to another in so many fixes."""
    metres = np.concatenate([np.linspace(start, end, count) for start, end, count in legs])
    return [10.0 * i for i in range(len(metres))], (31.0 + metres * METRE).tolist(), [121.0] * len(metres)


def test_a_parked_truck_has_stopped_and_a_traffic_light_is_no_stop() -> None:
    stays = find_stays(*fixes((0, 2_000, 20), (2_000, 2_000, 6), (2_100, 4_000, 20), (4_000, 4_010, 30)))
    assert [(stay.first, stay.last) for stay in stays] == [(45, 75)]
    assert stays[0].lat == pytest.approx(31.0 + 4_005 * METRE, abs=5 * METRE)


def test_one_reflection_does_not_end_a_stay() -> None:
    times, lats, lons = fixes((0, 0, 30))
    lats[12] += 400 * METRE
    assert [(stay.first, stay.last) for stay in find_stays(times, lats, lons)] == [(0, 29)]


def test_drives_lie_before_between_and_after_stays() -> None:
    track = fixes((-2_000, -100, 20), (0, 0, 30), (100, 3_000, 20), (3_000, 3_000, 30), (3_100, 5_000, 20))
    stays = find_stays(*track)
    assert [(stay.first, stay.last) for stay in stays] == [(20, 49), (69, 99)]
    assert find_drives(*track, stays) == [
        Drive(0, 20, 0.0, 200.0, 2_000.0),
        Drive(49, 69, 490.0, 690.0, 3_000.0),
        Drive(99, 119, 990.0, 1_190.0, 2_000.0),
    ]


def test_a_long_silence_divides_a_drive_and_is_part_of_neither() -> None:
    times, lats, lons = fixes((0, 4_000, 20))
    times[10:] = [at_s + 2_000.0 for at_s in times[10:]]
    drives = find_drives(times, lats, lons, [])
    assert [(drive.first, drive.last) for drive in drives] == [(0, 9), (10, 19)]
    whole = find_drives(times, lats, lons, [], rules=StopRules(longest_gap_s=3_000.0))
    assert [(drive.first, drive.last, drive.distance_m) for drive in whole] == [(0, 19, 4_000.0)]


def test_no_fixes_have_no_stays_and_no_drives() -> None:
    assert find_stays([], [], []) == []
    assert find_drives([], [], [], []) == []
    assert find_drives([0.0], [31.0], [121.0], []) == []


def test_a_track_that_only_stands_has_no_drives() -> None:
    track = fixes((0, 0, 30))
    assert find_drives(*track, find_stays(*track)) == []


def test_drives_of_unequal_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        find_drives([0.0, 1.0], [31.0], [121.0], [])


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (([0.0, 1.0], [31.0], [121.0]), "equally long"),
        (([0.0], [math.nan], [121.0]), "not on Earth"),
        (([0.0], [31.0], [181.0]), "not on Earth"),
        (([math.nan], [31.0], [121.0]), "not a finite number"),
        (([1.0, 0.0], [31.0, 31.0], [121.0, 121.0]), "order of time"),
    ],
)
def test_columns_that_are_no_track_are_refused(
    columns: tuple[list[float], list[float], list[float]], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        find_stays(*columns)


@pytest.mark.parametrize("rule", ["radius_m", "least_s", "longest_gap_s"])
def test_rules_without_extent_are_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="above zero"):
        StopRules(**{rule: 0.0})
