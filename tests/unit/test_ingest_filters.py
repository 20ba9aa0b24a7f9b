"""Which fixes the fold believes."""

from __future__ import annotations

from datetime import timedelta

from company import LON, north, utc

from ingest.filters import FilterState, sift
from store.facts import StoredFix

START = utc("2026-11-20T08:00:00")


def fix_at(second: int, metres: float, content_hash: int = 0) -> StoredFix:
    return StoredFix(1, START + timedelta(seconds=second), content_hash, north(metres), LON, 5.0)


def sifted(*fixes: StoredFix) -> tuple[list[StoredFix], list[str | None]]:
    state, folded, refusals = FilterState(), [], []
    for fix in fixes:
        released, refusal = sift(state, fix)
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
