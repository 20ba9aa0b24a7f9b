"""Which fixes the fold believes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from company import LON, north, utc

from domain.fix_filters import FixFilters, FixLimits
from ingest.filters import FilterState, sift
from store.facts import StoredFix

START = utc("2026-11-20T08:00:00")


def fix_at(second: int, metres: float, content_hash: int = 0) -> StoredFix:
    return StoredFix(1, START + timedelta(seconds=second), content_hash, north(metres), LON, 5.0)


DEFAULT = FixLimits()


def sifted(*fixes: StoredFix, limits: FixLimits = DEFAULT) -> tuple[list[StoredFix], list[str | None]]:
    state, folded, refusals = FilterState(), [], []
    for fix in fixes:
        released, refusal = sift(state, fix, limits)
        folded.extend(released)
        refusals.append(refusal)
    return folded, refusals


def test_a_plausible_track_is_believed_whole() -> None:
    track = [fix_at(10 * step, 150.0 * step) for step in range(5)]

    assert sifted(*track) == (track, [None] * 5)


def test_one_jumping_fix_is_never_folded() -> None:
    before, spike, after = fix_at(0, 0), fix_at(10, 90_000), fix_at(20, 100)

    assert sifted(before, spike, after) == ([before, after], [None, "absurd_speed", None])


def test_a_place_insisted_on_is_believed_from_its_first_fix() -> None:
    wrong = fix_at(0, 90_000)
    right = [fix_at(10 * step, 10.0 * step) for step in range(1, 4)]

    folded, refusals = sifted(wrong, *right)

    assert folded == [wrong, *right]
    assert refusals == [None, "absurd_speed", "absurd_speed", None]


def test_jumps_to_different_places_do_not_insist_together() -> None:
    jumps = [fix_at(10, 90_000), fix_at(20, -90_000), fix_at(30, 200_000), fix_at(40, -200_000)]

    assert sifted(fix_at(0, 0), *jumps)[0] == [fix_at(0, 0)]


def test_of_two_fixes_of_one_time_the_first_in_hash_order_is_folded() -> None:
    low, high = fix_at(0, 0, content_hash=-5), fix_at(0, 50, content_hash=5)

    assert sifted(low, high) == ([low], [None, "same_time"])


def test_zero_island_is_refused_even_as_first_fix() -> None:
    nowhere = StoredFix(1, START, 0, 0.0, 0.0, None)

    assert sifted(nowhere) == ([], ["zero_island"])


def test_a_position_by_network_cell_is_refused_and_the_next_is_judged_without_it() -> None:
    vague = StoredFix(1, START + timedelta(seconds=10), 0, north(900), LON, 800.0)

    assert sifted(fix_at(0, 0), vague, fix_at(20, 100)) == (
        [fix_at(0, 0), fix_at(20, 100)],
        [None, "accuracy_gate", None],
    )


def held(second: int, speed_mps: float | None) -> StoredFix:
    """A fix at one place, to the last digit."""
    return fix_at(second, 500.0)._replace(speed_mps=speed_mps)


def test_a_receiver_that_hangs_while_it_claims_to_drive_is_refused_from_its_third_repetition() -> None:
    fixes = [held(10 * step, 12.5) for step in range(6)]
    moved = fix_at(70, 700.0)._replace(speed_mps=12.5)

    assert sifted(*fixes, moved)[1] == [None, None, None, "frozen_fix", "frozen_fix", "frozen_fix", None]


def test_a_parked_vehicle_whose_receiver_holds_its_place_is_believed() -> None:
    still = [held(10 * step, speed) for step, speed in enumerate([0.0, None, 0.4, 0.0, 0.0, None, 2.9])]

    assert sifted(*still)[1] == [None] * 7


def test_a_vehicle_that_returns_to_the_digit_has_not_hung() -> None:
    there_and_back = [held(0, 12.5), fix_at(10, 620.0), held(20, 12.5), fix_at(30, 620.0), held(40, 12.5)]

    assert sifted(*there_and_back)[1] == [None] * 5


def test_each_kind_of_device_has_its_own_limits() -> None:
    on_foot = FixLimits(max_speed_mps=5.0, max_accuracy_m=20.0, insisting=2, frozen_fixes=1)
    filters = FixFilters(scanner=on_foot)
    assert (filters.of("scanner"), filters.of("tracker")) == (on_foot, FixLimits())
    walk = [fix_at(0, 0), fix_at(10, 300), fix_at(20, 310), fix_at(30, 310)._replace(accuracy_m=21.0)]

    assert sifted(*walk, limits=on_foot)[1] == [None, "absurd_speed", None, "accuracy_gate"]
    assert sifted(*walk)[1] == [None] * 4


@pytest.mark.parametrize("limit", ["max_speed_mps", "max_accuracy_m", "insisting", "frozen_fixes"])
def test_a_limit_must_be_above_zero(limit: str) -> None:
    with pytest.raises(ValueError, match=limit):
        FixLimits(**{limit: 0})
