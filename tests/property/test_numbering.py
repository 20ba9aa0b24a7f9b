"""The loss meter counts what never came, whatever the order of the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.numbering import MAX_JUMP, MAX_RANGES, Numbering

START = datetime(2026, 11, 20, 8, tzinfo=UTC)


def at(seq: int) -> datetime:
    return START + timedelta(seconds=seq)


def listed(numbering: Numbering) -> set[int]:
    return {seq for first, last in numbering.missing for seq in range(first, last + 1)}


def after(numbers: list[int]) -> Numbering:
    first, *rest = numbers
    numbering = Numbering(first, first, at(first))
    for seq in rest:
        numbering.take(seq, at(seq))
    return numbering


@given(st.sets(st.integers(0, 300), min_size=1).flatmap(lambda came: st.permutations(sorted(came))))
def test_what_is_missing_does_not_depend_on_the_order_of_arrival(numbers: list[int]) -> None:
    numbering = after(numbers)

    assert listed(numbering) == set(range(min(numbers), max(numbers) + 1)) - set(numbers)
    assert (numbering.lowest, numbering.highest) == (min(numbers), max(numbers))
    assert numbering.missing == sorted(numbering.missing)
    assert numbering.written_off == 0


@given(st.permutations(range(60)), st.integers(1, 59))
def test_a_gap_that_is_filled_later_is_no_loss(numbers: list[int], cut: int) -> None:
    assert after(list(numbers[:cut])).highest <= 59

    assert after(list(numbers)).missing_count == 0


def test_a_device_that_counts_anew_is_no_loss_and_its_old_facts_open_no_gap() -> None:
    numbering = after([100, 101, 103])

    numbering.take(0, at(500))
    numbering.take(1, at(501))
    numbering.take(102, at(102))

    assert (numbering.lowest, numbering.highest, numbering.missing) == (0, 1, [])
    assert numbering.written_off == 1


def test_a_used_number_of_an_older_time_or_an_unbelievable_one_begins_nothing() -> None:
    numbering = after([10, 11, 12])

    numbering.take(11, at(11))
    numbering.take(10, None)

    assert (numbering.lowest, numbering.highest, numbering.missing_count) == (10, 12, 0)


def test_a_fact_whose_time_cannot_be_believed_still_came() -> None:
    numbering = after([1, 2])

    numbering.take(3, None)
    numbering.take(4, at(4))

    assert (numbering.highest, numbering.missing_count) == (4, 0)


def test_a_far_jump_is_another_numbering() -> None:
    numbering = after([1, 2])

    numbering.take(3 + MAX_JUMP, at(5))

    assert (numbering.missing_count, numbering.written_off) == (0, 0)


def test_the_oldest_ranges_are_written_off_where_there_are_too_many() -> None:
    numbering = after([0])
    for seq in range(2, 2 * MAX_RANGES + 4, 2):
        numbering.take(seq, at(seq))

    assert len(numbering.missing) == MAX_RANGES
    assert (numbering.written_off, numbering.missing_count) == (1, MAX_RANGES)
