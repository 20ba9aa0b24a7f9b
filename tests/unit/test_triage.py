from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.triage import Outlook, outlook, savable

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def worth(left_min: float, late_min: float, priority: str = "regular", probability: float = 0.8) -> float:
    return savable([(Outlook(probability, late_min, left_min), priority)])


def test_a_little_missing_of_much_time_can_be_saved_sooner_than_much_of_little() -> None:
    assert (
        worth(left_min=120, late_min=10) > worth(left_min=120, late_min=60) > worth(left_min=20, late_min=60)
    )


def test_what_counts_more_comes_first() -> None:
    urgent, high, regular, low = (worth(60, 10, name) for name in ("urgent", "high", "regular", "low"))
    assert urgent > high > regular > low


def test_orders_of_one_vehicle_count_together() -> None:
    one = Outlook(0.8, 10, 60)
    assert savable([(one, "regular"), (one, "regular")]) == pytest.approx(2 * savable([(one, "regular")]))


def test_a_promise_that_has_passed_cannot_be_saved() -> None:
    passed = outlook(NOW, NOW + timedelta(minutes=5), NOW - timedelta(minutes=1), NOW)
    assert (passed.probability, savable([(passed, "urgent")])) == (1.0, 0.0)


def test_an_estimate_that_has_passed_means_now() -> None:
    due = outlook(NOW - timedelta(minutes=9), NOW, NOW + timedelta(minutes=30), NOW)
    assert due.late_min == -30.0
    assert due.probability == pytest.approx(0.0, abs=1e-6)
