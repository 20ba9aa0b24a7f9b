from datetime import UTC, datetime, timedelta

import pytest

from domain.estimates import Estimate, Publication, PublishRule, revision_s, worth_publishing

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
RULE = PublishRule()


def estimate(stop_id: int, p50_s: float, spread_s: float = 300) -> Estimate:
    p50_at = NOW + timedelta(seconds=p50_s)
    return Estimate(stop_id, p50_at, p50_at + timedelta(seconds=spread_s))


def told(*estimates: Estimate, age_s: float = 30) -> Publication:
    return Publication(NOW - timedelta(seconds=age_s), estimates)


def test_the_first_estimate_is_told() -> None:
    assert worth_publishing(None, [estimate(1, 600)], NOW, RULE)


def test_nothing_ahead_is_nothing_to_tell() -> None:
    assert not worth_publishing(None, [], NOW, RULE)
    assert not worth_publishing(told(estimate(1, 600)), [], NOW, RULE)


@pytest.mark.parametrize(
    ("before_s", "after_s", "expected"),
    [(600, 659, False), (600, 661, True), (7200, 7499, False), (7200, 7700, True)],
)
def test_a_move_counts_against_the_time_still_to_go(before_s: float, after_s: float, expected: bool) -> None:
    assert worth_publishing(told(estimate(1, before_s)), [estimate(1, after_s)], NOW, RULE) is expected


def test_a_wider_spread_is_told_though_the_middle_holds() -> None:
    assert worth_publishing(told(estimate(1, 600, 300)), [estimate(1, 600, 400)], NOW, RULE)


def test_another_set_of_stops_is_told() -> None:
    assert worth_publishing(told(estimate(1, 60), estimate(2, 600)), [estimate(2, 600)], NOW, RULE)


def test_an_old_estimate_is_told_again() -> None:
    assert worth_publishing(told(estimate(1, 600), age_s=301), [estimate(1, 600)], NOW, RULE)


def test_what_was_due_and_still_is_due_has_not_moved() -> None:
    overdue = told(estimate(1, -200), age_s=240)
    assert not worth_publishing(overdue, [estimate(1, -200).due_from(NOW)], NOW, RULE)


def test_an_estimate_is_never_in_the_past() -> None:
    due = estimate(1, -600, 300).due_from(NOW)
    assert (due.p50_at, due.p90_at) == (NOW, NOW)


def test_a_revision_is_the_mean_move_over_the_stops_told_twice() -> None:
    before = told(estimate(1, 100), estimate(2, 600))
    assert revision_s(before, [estimate(2, 580), estimate(1, 140), estimate(3, 900)]) == 30.0
    assert revision_s(before, [estimate(3, 900)]) == 0.0
