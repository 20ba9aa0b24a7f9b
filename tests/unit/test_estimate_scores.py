from datetime import UTC, datetime, timedelta

import pytest

from domain.estimates import DriftRule, ScoredEstimate, by_lane, drift, score

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)


def told(
    ahead_min: float, late_s: float = 0.0, *, stop_id: int = 1, at_min: float = 0.0, lane: str = "a"
) -> ScoredEstimate:
    """An estimate for so many minutes ahead with p90 two minutes later, and an arrival that late."""
    p50_at = T0 + timedelta(minutes=at_min + ahead_min)
    return ScoredEstimate(
        depot_id=1,
        trip_id=1,
        stop_id=stop_id,
        computed_at=T0 + timedelta(minutes=at_min),
        p50_at=p50_at,
        p90_at=p50_at + timedelta(minutes=2),
        arrived_at=p50_at + timedelta(seconds=late_s),
        lane=lane,
    )


def test_errors_are_grouped_by_the_minutes_told() -> None:
    found = score([told(2, 30), told(4, -60), told(4, 180), told(200)])
    assert found is not None
    assert {name: part.estimates for name, part in found.by_horizon.items()} == {"0-3": 1, "3-6": 2, "30-": 1}
    near = found.by_horizon["3-6"]
    assert (near.mae_s, near.bias_s, near.coverage_p50, near.coverage_p90) == (120.0, -60.0, 0.5, 0.5)


def test_without_estimates_there_is_no_score() -> None:
    assert score([]) is None
    assert by_lane([]) == {}


def test_wobble_is_revision_per_minute_and_never_between_stops() -> None:
    found = score([told(10), told(8, at_min=4), told(50, stop_id=2)])
    assert found is not None
    assert found.wobble_s == pytest.approx(120.0 / 4)


def test_the_kept_share_forgives_late_more_than_early() -> None:
    found = score([told(2, 80), told(2, -80), told(12, 260), told(12, 280)])
    assert found is not None
    assert found.kept_percent == 50.0


def test_lanes_are_scored_apart() -> None:
    lanes = by_lane([told(5, 10), told(5, 30, lane="b")])
    assert {lane: found.overall.mae_s for lane, found in lanes.items()} == {"a": 10.0, "b": 30.0}


def test_drift_is_said_only_of_enough_estimates() -> None:
    rule = DriftRule(least_estimates=10)
    late = score([told(5, 300)] * 20)
    assert drift(score([told(5, 300)] * 9), None, rule) is None
    assert "covers 0%" in (drift(late, None, rule) or "")


def test_errors_that_grew_are_drift_where_coverage_is_not() -> None:
    rule = DriftRule(least_estimates=10)
    good = score([told(5, 20)] * 18 + [told(5, 200)] * 2)
    worse = score([told(5, 110)] * 18 + [told(5, 200)] * 2)
    assert drift(good, good, rule) is None
    assert "it was 38 s" in (drift(worse, good, rule) or "")
