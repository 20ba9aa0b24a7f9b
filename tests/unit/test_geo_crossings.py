import math
from collections.abc import Sequence

import numpy as np
import pytest

from geo.crossings import ENTER, EXIT, INSIDE, CrossingDetector, CrossingRules
from geo.fences import FenceGeometry, FenceIndex, FenceVersion, parse_fence

pytestmark = pytest.mark.usefixtures("kernels")

LAT, LON = 31.0, 121.0
METRES_PER_DEGREE = 111_195.08
METRES_PER_LONGITUDE = METRES_PER_DEGREE * math.cos(math.radians(LAT))
FENCE = 7

Found = tuple[int, float, float, int]


def place(x_m: float, y_m: float = 0.0) -> tuple[float, float]:
    """Degrees of a place so many metres east and north of the fence's middle."""
    return LAT + y_m / METRES_PER_DEGREE, LON + x_m / METRES_PER_LONGITUDE


def square(half_m: float = 200.0, x_m: float = 0.0) -> FenceGeometry:
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    ring = [place(x_m + x * half_m, y * half_m)[::-1] for x, y in corners]
    return parse_fence({"type": "Polygon", "coordinates": [ring]})


def index(*versions: FenceVersion) -> FenceIndex:
    return FenceIndex(versions or [FenceVersion(FENCE, 1, 0.0, math.inf, square())])


def fold(detector: CrossingDetector, fixes: Sequence[tuple[float, ...]], slot: int = 0) -> list[Found]:
    """Fold (time, x, y, accuracy…) fixes in; the crossings as (kind, at, ±, decided) rows."""
    rows = [(at_s, *place(x, y), *(accuracy or [10.0])) for at_s, x, y, *accuracy in fixes]
    times, lats, lons, accuracies = zip(*rows, strict=True)
    found = detector.process([slot] * len(rows), times, lats, lons, accuracies)
    return list(
        zip(
            found.kind.tolist(),
            found.at_s.tolist(),
            found.plus_minus_s.tolist(),
            found.decided_index.tolist(),
            strict=True,
        )
    )


def drive(
    xs: Sequence[float], every_s: float = 30.0, start_s: float = 0.0, y: float = 0.0
) -> list[tuple[float, ...]]:
    return [(start_s + i * every_s, x, y) for i, x in enumerate(xs)]


def kinds(crossings: list[Found]) -> list[int]:
    return [kind for kind, *_ in crossings]


def test_driving_in_and_out_gives_an_enter_and_an_exit_one_fix_after_the_edge() -> None:
    crossings = fold(CrossingDetector(index()), drive([-500, -300, -100, 100, 300, 500]))
    assert kinds(crossings) == [ENTER, EXIT]
    (_, enter_s, enter_pm, entered), (_, exit_s, exit_pm, left) = crossings
    assert (entered, left) == (3, 5)
    assert enter_s == pytest.approx(45.0, abs=0.01)
    assert exit_s == pytest.approx(105.0, abs=0.01)
    assert enter_pm == exit_pm == pytest.approx(15.0 + 10.0 / (200.0 / 30.0), abs=0.01)


def test_a_crossing_says_where_the_edge_was_cut() -> None:
    rows = [(0.0, *place(-500)), (30.0, *place(-100)), (60.0, *place(0))]
    times, lats, lons = zip(*rows, strict=True)
    found = CrossingDetector(index()).process([4, 4, 4], times, lats, lons, [math.nan] * 3)
    assert found.slot.tolist() == [4]
    assert found.fence_id.tolist() == [FENCE]
    assert (found.lat[0], found.lon[0]) == pytest.approx(place(-200), abs=1e-7)


def test_the_first_fix_inside_is_the_initial_state_and_outside_is_silent() -> None:
    assert fold(CrossingDetector(index()), [(0.0, 0.0, 0.0)]) == [(INSIDE, 0.0, 0.0, 0)]
    assert fold(CrossingDetector(index()), [(0.0, -500.0, 0.0)]) == []


def test_one_jumping_fix_is_no_crossing() -> None:
    assert fold(CrossingDetector(index()), drive([-2_000, -2_000, 0, -2_000, -2_000, -2_000])) == []
    inside = fold(CrossingDetector(index()), drive([0, 0, 5_000, 0, 0, -900, 0]))
    assert kinds(inside) == [INSIDE]


def test_a_jump_over_a_fence_and_back_is_no_pass() -> None:
    assert fold(CrossingDetector(index()), drive([-900, -890, 900, -880, -870, -860])) == []


def test_a_fence_passed_between_two_fixes_is_inferred_once_the_vehicle_went_on() -> None:
    crossings = fold(CrossingDetector(index()), drive([-1_300, -500, 300, 1_100]))
    assert kinds(crossings) == [ENTER, EXIT]
    (_, enter_s, enter_pm, entered), (_, exit_s, _, left) = crossings
    assert entered == left == 3
    assert (enter_s, exit_s) == pytest.approx((30 + 30 * 300 / 800, 30 + 30 * 700 / 800), abs=0.01)
    assert enter_pm == pytest.approx(15.0 + 10.0 / (800 / 30), abs=0.01)


def test_a_pass_with_a_single_fix_inside_is_inferred_too() -> None:
    crossings = fold(CrossingDetector(index()), drive([-900, -450, 0, 450, 900]))
    assert kinds(crossings) == [ENTER, EXIT]
    assert [at_s for _, at_s, *_ in crossings] == pytest.approx(
        [30 + 30 * 250 / 450, 60 + 30 * 200 / 450], abs=0.01
    )


def test_a_pass_is_not_inferred_over_too_long_a_gap() -> None:
    slow = [(0.0, -1_300, 0.0), (30.0, -500, 0.0), (200.0, 300, 0.0), (230.0, 1_100, 0.0)]
    assert fold(CrossingDetector(index()), slow) == []
    far = drive([-9_000, -3_000, 3_000, 9_000])
    assert fold(CrossingDetector(index()), far) == []


def test_a_pass_that_only_grazes_the_fence_is_none() -> None:
    assert fold(CrossingDetector(index()), drive([-1_300, -500, 300, 1_100], y=195.0)) == []


@pytest.mark.parametrize("accuracy_m", [5.0, 10.0, 30.0, 60.0])
@pytest.mark.parametrize("x_m", [-230.0, -205.0, -200.0, -195.0, -150.0])
def test_a_parked_jittering_truck_enters_at_most_once(accuracy_m: float, x_m: float) -> None:
    noise = np.random.default_rng(11).normal(0.0, accuracy_m / 1.5, (960, 2))
    parked = [(60.0 + 30.0 * i, x_m + dx, dy, accuracy_m) for i, (dx, dy) in enumerate(noise)]
    crossings = fold(CrossingDetector(index()), [(0.0, -900.0, 0.0), (30.0, -600.0, 0.0), *parked])
    assert kinds(crossings) in ([], [ENTER])


@pytest.mark.parametrize("seed", range(5))
def test_a_truck_parked_for_half_a_day_with_every_accuracy_enters_once(seed: int) -> None:
    random = np.random.default_rng(seed)
    accuracies = random.uniform(5.0, 60.0, 1_440)
    noise = random.normal(0.0, 1.0 / 1.5, (1_440, 2)) * accuracies[:, None]
    parked = [(60.0 + 30.0 * i, *noise[i], accuracies[i]) for i in range(len(accuracies))]
    crossings = fold(CrossingDetector(index()), [(0.0, -900.0, 0.0), (30.0, -600.0, 0.0), *parked])
    assert kinds(crossings) == [ENTER]


@pytest.mark.parametrize("seed", range(5))
def test_the_true_time_of_a_crossing_lies_within_its_plus_minus(seed: int) -> None:
    random = np.random.default_rng(seed)
    for _ in range(20):
        speed_mps, every_s, start_m = (
            random.uniform(2.0, 20.0),
            random.uniform(5.0, 40.0),
            random.uniform(-900, -500),
        )
        times = np.arange(0.0, 1_500.0 / speed_mps + 4 * every_s, every_s)
        track = [(at, start_m + speed_mps * at, 0.0) for at in times.tolist()]
        crossings = fold(CrossingDetector(index()), track)
        assert kinds(crossings) == [ENTER, EXIT]
        for (_, at_s, plus_minus_s, _), edge_m in zip(crossings, (-200.0, 200.0), strict=True):
            assert abs(at_s - (edge_m - start_m) / speed_mps) <= plus_minus_s
            assert plus_minus_s <= every_s / 2 + 10.0 / min(speed_mps, 1.0) + 10.0


def test_a_truck_at_a_dock_by_the_fence_line_enters_by_dwell() -> None:
    crossings = fold(CrossingDetector(index()), drive([-400, -300, *[-196] * 8]))
    assert kinds(crossings) == [ENTER]
    assert crossings[0][3] == 8


def test_a_truck_parked_across_the_street_leaves_by_dwell() -> None:
    crossings = fold(CrossingDetector(index()), drive([0, 0, *[225] * 25]))
    assert kinds(crossings) == [INSIDE, EXIT]
    _, at_s, _, decided = crossings[1]
    assert at_s == pytest.approx(30 + 30 * 200 / 225, abs=0.01)
    assert decided == 22


def test_a_small_fence_can_be_entered_with_poor_accuracy() -> None:
    small = FenceVersion(FENCE, 1, 0.0, math.inf, square(half_m=25.0))
    crossings = fold(CrossingDetector(index(small)), [(0, -500, 0, 60), (30, 0, 0, 60), (60, 0, 0, 60)])
    assert kinds(crossings) == [ENTER]


def test_a_hopeless_fix_is_not_judged() -> None:
    crossings = fold(
        CrossingDetector(index()), [(0, -500, 0), (30, 0, 0, 2_000), (60, 0, 0, 2_000), (90, -500, 0)]
    )
    assert crossings == []


def test_a_fence_that_ends_is_left_at_its_end() -> None:
    ending = FenceVersion(FENCE, 1, 0.0, 100.0, square())
    assert fold(CrossingDetector(index(ending)), drive([0, 0, 0, 0, 0])) == [
        (INSIDE, 0.0, 0.0, 0),
        (EXIT, 100.0, 0.0, 4),
    ]


def test_a_fence_that_begins_around_a_truck_gives_the_initial_state() -> None:
    beginning = FenceVersion(FENCE, 1, 40.0, math.inf, square())
    assert fold(CrossingDetector(index(beginning)), drive([0, 0, 0])) == [(INSIDE, 60.0, 0.0, 2)]


def test_a_fix_is_judged_by_the_version_of_its_time() -> None:
    moved = [
        FenceVersion(FENCE, 1, 0.0, 100.0, square()),
        FenceVersion(FENCE, 2, 100.0, math.inf, square(x_m=1_000.0)),
    ]
    crossings = fold(CrossingDetector(index(*moved)), drive([0, 0, 0, 0, 0, 0]))
    assert [row[:2] for row in crossings] == [(INSIDE, 0.0), (EXIT, 100.0)]


def test_state_survives_a_new_index() -> None:
    detector = CrossingDetector(index())
    assert kinds(fold(detector, drive([0, 0]))) == [INSIDE]
    detector.replace_index(
        index(FenceVersion(3, 1, 0.0, math.inf, square()), FenceVersion(FENCE, 1, 0.0, math.inf, square()))
    )
    later = fold(detector, drive([0, 500, 900], start_s=60.0))
    assert kinds(later) == [EXIT]


def test_a_fence_that_disappears_is_left_when_the_vehicle_was_last_seen_inside() -> None:
    detector = CrossingDetector(index())
    fold(detector, drive([0, 0]))
    detector.replace_index(FenceIndex([]))
    assert fold(detector, [(60.0, 0.0, 0.0)]) == [(EXIT, 30.0, 0.0, 0)]


def test_slots_do_not_mix_and_a_cleared_one_begins_anew() -> None:
    detector = CrossingDetector(index())
    assert kinds(fold(detector, drive([0, 0]), slot=1)) == [INSIDE]
    assert kinds(fold(detector, drive([-500, -100, 0]), slot=200)) == [ENTER]
    detector.clear(1)
    assert kinds(fold(detector, [(0.0, 0.0, 0.0)], slot=1)) == [INSIDE]


def test_a_batch_out_of_order_is_refused_and_changes_nothing() -> None:
    detector = CrossingDetector(index())
    fold(detector, drive([-500, -400]))
    before = detector.save_state(0)
    with pytest.raises(ValueError, match="fix 2 of slot 0 is older"):
        fold(detector, [(60.0, 0.0, 0.0), (90.0, 0.0, 0.0), (80.0, 0.0, 0.0)])
    with pytest.raises(ValueError, match="fix 0 of slot 0 is older"):
        fold(detector, [(29.0, 0.0, 0.0)])
    assert detector.save_state(0) == before
    assert fold(detector, [(30.0, -400.0, 0.0)]) == []


@pytest.mark.parametrize("column", range(4))
def test_nan_is_refused_except_for_an_unknown_accuracy(column: int) -> None:
    values = [0.0, LAT, LON, -1.0]
    values[column] = math.nan if column < 3 else -1.0
    at_s, lat, lon, _ = values
    accuracy = -1.0 if column == 3 else math.nan
    with pytest.raises(ValueError, match=r"not on Earth|not a finite|negative"):
        CrossingDetector(index()).process([0], [at_s], [lat], [lon], [accuracy])


def test_bad_columns_and_slots_are_refused() -> None:
    detector = CrossingDetector(index())
    with pytest.raises(ValueError, match="equally long"):
        detector.process([0, 0], [0.0], [LAT], [LON], [5.0])
    with pytest.raises(ValueError, match="slot -1"):
        detector.process([-1], [0.0], [LAT], [LON], [5.0])
    with pytest.raises(ValueError, match="slot"):
        detector.save_state(1 << 40)


def test_an_empty_batch_gives_no_crossings() -> None:
    assert len(CrossingDetector(index()).process([], [], [], [], [])) == 0


@pytest.mark.parametrize(
    "damage", [b"", b"ZC", b"XX" + bytes(6), bytes(7), b"ZC\x09" + bytes(5), b"ZC\x01\x02" + bytes(4)]
)
def test_bytes_that_are_no_state_are_refused(damage: bytes) -> None:
    with pytest.raises(ValueError, match="not a crossing state"):
        CrossingDetector(index()).load_state(0, damage)


def test_rules_must_be_above_zero() -> None:
    with pytest.raises(ValueError, match="exit_accuracies"):
        CrossingRules(exit_accuracies=0.0)
